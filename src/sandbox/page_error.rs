//! The pages that WeChat shows instead of what a link or a tap was for: HTTP 200, in Chinese, and never a redirect.

use actix_web::HttpResponse;
use maud::{Markup, html};

use super::page::{Document, Language};

/// What such a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageError {
    /// As people search for it, where WeChat gives one.
    code: Option<i32>,
    /// WeChat's words.
    text: &'static str,
    /// What the sandbox adds for developers.
    hint: &'static str,
}

const SCOPE_TEXT: &str = "Scope 参数错误或没有 Scope 权限";
const REDIRECT_TEXT: &str = "redirect_uri 域名与后台配置不一致";
const APPID_KIND_TEXT: &str = "不支持微信开放平台的 Appid，请使用公众号 Appid";
const MUST_FOLLOW_TEXT: &str = "必须关注此测试号";
const APPID_EMPTY_TEXT: &str = "appid 不能为空";
const REDIRECT_EMPTY_TEXT: &str = "redirect_uri 不能为空";
const SCOPE_EMPTY_TEXT: &str = "scope 不能为空";
const STATE_EMPTY_TEXT: &str = "state 不能为空";

/// Those of the in-app page.
impl PageError {
    pub(super) const APPID_EMPTY: Self =
        Self::numbered(10012, APPID_EMPTY_TEXT, "appid is missing.");
    pub(super) const REDIRECT_EMPTY: Self =
        Self::numbered(10011, REDIRECT_EMPTY_TEXT, "redirect_uri is missing.");
    pub(super) const SCOPE_EMPTY: Self =
        Self::numbered(10010, SCOPE_EMPTY_TEXT, "scope is missing.");
    pub(super) const STATE_EMPTY: Self =
        Self::numbered(10013, STATE_EMPTY_TEXT, "state is missing.");
    pub(super) const STATE_BAD: Self = Self::new(
        "state 参数错误",
        "state: at most 128 bytes of 0-9, A-Z and a-z.",
    );
    pub(super) const RESPONSE_TYPE: Self =
        Self::new("response_type 参数错误", "response_type must be code.");
    pub(super) const ORDER: Self = Self::new(
        SCOPE_TEXT,
        "The parameters must be appid, redirect_uri, response_type, scope, state, in this order, each once; \
         others may follow.",
    );
    pub(super) const APPID_BAD: Self = Self::new("AppID 参数错误", "appid: wx and 16 hex digits.");
    pub(super) const APPID_KIND: Self = Self::numbered(
        10016,
        APPID_KIND_TEXT,
        "This appid is not that of an official account here.",
    );
    pub(super) const REDIRECT_HOST: Self = Self::numbered(
        10003,
        REDIRECT_TEXT,
        "redirect_uri: loopback hosts and the account's domains are allowed, in at most 2048 bytes.",
    );
    pub(super) const SCOPE_BAD: Self = Self::numbered(
        10005,
        SCOPE_TEXT,
        "scope: snsapi_base or snsapi_userinfo, as far as the account may ask for it.",
    );
    pub(super) const UNVERIFIED: Self = Self::numbered(
        10005,
        SCOPE_TEXT,
        "Only a verified account has web authorisation.",
    );
    pub(super) const MUST_FOLLOW: Self = Self::numbered(
        10006,
        MUST_FOLLOW_TEXT,
        "A test account only knows its followers; the phone's user has to follow it first.",
    );
    /// A consent sheet was answered too late.
    pub(super) const SHEET_GONE: Self = Self::new(
        "页面已过期",
        "This sheet is older than five minutes or unknown; open the link again.",
    );
}

/// Those of a website's login.
impl PageError {
    pub(super) const WEBSITE_APPID: Self = Self::new(
        "AppID 参数错误",
        "appid: that of a website application here.",
    );
    pub(super) const WEBSITE_APPID_KIND: Self = Self::new(
        SCOPE_TEXT,
        "This appid is that of an official account; here a website application's is needed.",
    );
    pub(super) const WEBSITE_SCOPE: Self = Self::new(
        SCOPE_TEXT,
        "scope: snsapi_login, if the account may ask for it.",
    );
    pub(super) const WEBSITE_REDIRECT: Self = Self::new(
        "redirect_uri 参数错误",
        "redirect_uri: loopback hosts and the account's domains are allowed; encode it once.",
    );
    pub(super) const WEBSITE_RESPONSE_TYPE: Self =
        Self::new("response_type 参数错误", "response_type: code, or nothing.");
    pub(super) const WEBSITE_STATE: Self = Self::new(
        "state 参数错误",
        "state: at most 128 bytes of 0-9, A-Z, a-z, _ and -.",
    );
    pub(super) const CODE_GONE: Self = Self::new(
        "二维码已过期",
        "This code or this page is too old, or unknown; scan the code that the website shows now.",
    );
    pub(super) const CODE_TAKEN: Self = Self::new(
        "二维码已被他人扫描",
        "Another user of the sandbox has scanned this code; it is free again when that user cancels.",
    );
    pub(super) const CODE_USED: Self = Self::new(
        "二维码已被使用",
        "Somebody has logged in by this code already; reload the website's page for a new one.",
    );
}

impl PageError {
    const fn new(text: &'static str, hint: &'static str) -> Self {
        Self {
            code: None,
            text,
            hint,
        }
    }

    const fn numbered(code: i32, text: &'static str, hint: &'static str) -> Self {
        Self {
            code: Some(code),
            text,
            hint,
        }
    }

    /// An error that somebody asked for.
    pub(super) const fn injected(code: i32) -> Self {
        let text = match code {
            10003 => REDIRECT_TEXT,
            10004 => "此公众号被封禁",
            10005 => SCOPE_TEXT,
            10006 => MUST_FOLLOW_TEXT,
            10009 => "操作太频繁了，请稍后重试",
            10010 => SCOPE_EMPTY_TEXT,
            10011 => REDIRECT_EMPTY_TEXT,
            10012 => APPID_EMPTY_TEXT,
            10013 => STATE_EMPTY_TEXT,
            10015 => "公众号未授权第三方平台，请检查授权状态",
            10016 => APPID_KIND_TEXT,
            _ => "系统错误",
        };
        Self::numbered(code, text, "This error was set by PUT /sandbox/api/faults.")
    }

    /// WeChat's words.
    pub(super) const fn title(&self) -> &'static str {
        self.text
    }

    /// What stands below the sign, on the phone as on the computer; the hint is ours.
    pub(super) fn says(&self) -> Markup {
        html! {
            h1 lang="zh-CN" { (self.text) }
            @if let Some(code) = self.code {
                p lang="zh-CN" { "错误码：" (code) }
            }
            p.hint lang="en" { "Sandbox: " (self.hint) }
        }
    }

    /// As the phone shows it, in Chinese whatever its language.
    pub(super) fn respond(&self, language: Language) -> HttpResponse {
        let body = html! {
            main.phone {
                section.failure {
                    svg viewBox="0 0 64 64" width="72" height="72" aria-hidden="true" {
                        circle cx="32" cy="32" r="30" fill="currentColor" {}
                        path d="M32 17v20" stroke="#fff" stroke-width="5" stroke-linecap="round" {}
                        circle cx="32" cy="46" r="3.2" fill="#fff" {}
                    }
                    (self.says())
                }
            }
        };
        let page = Document {
            language,
            title: self.text,
            body,
            script: false,
        };
        page.respond(None)
    }
}
