//! The rules of `GET /connect/oauth2/authorize`: what a link must look like, and where it leads.

use std::borrow::Cow;

use url::{Url, form_urlencoded};

use super::{
    account::{Account, Accounts, Kind},
    ledger::Scope,
};

/// The parameters in the order that WeChat's regular expression demands.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];
/// Bytes of `state` at most.
const MAX_STATE: usize = 128;

/// A link that passed.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) account: Account,
    pub(super) scope: Scope,
    pub(super) back: Back,
}

/// Where the person goes afterwards.
#[derive(Clone, Debug)]
pub(super) struct Back {
    redirect_uri: Url,
    state: String,
}

/// What WeChat shows instead, in a page with status 200; it never redirects a link that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageError {
    /// As people search for it, where WeChat gives one.
    pub(super) code: Option<i32>,
    /// WeChat's words.
    pub(super) text: &'static str,
    /// What the sandbox adds for developers.
    pub(super) hint: &'static str,
}

pub(super) const SCOPE_TEXT: &str = "Scope 参数错误或没有 Scope 权限";

impl PageError {
    const APPID_EMPTY: Self = Self::new(10012, "appid 不能为空", "appid is missing.");
    const REDIRECT_EMPTY: Self =
        Self::new(10011, "redirect_uri 不能为空", "redirect_uri is missing.");
    const SCOPE_EMPTY: Self = Self::new(10010, "scope 不能为空", "scope is missing.");
    const STATE_EMPTY: Self = Self::new(10013, "state 不能为空", "state is missing.");
    const STATE_BAD: Self = Self {
        code: None,
        text: "state 参数错误",
        hint: "state: at most 128 bytes of 0-9, A-Z and a-z.",
    };
    const RESPONSE_TYPE: Self = Self {
        code: None,
        text: "response_type 参数错误",
        hint: "response_type must be code.",
    };
    const ORDER: Self = Self {
        code: None,
        text: SCOPE_TEXT,
        hint: "The parameters must be appid, redirect_uri, response_type, scope, state, in this order, each once; \
               others may follow.",
    };
    const APPID_BAD: Self = Self {
        code: None,
        text: "AppID 参数错误",
        hint: "appid: wx and 16 hex digits.",
    };
    const APPID_KIND: Self = Self::new(
        10016,
        "不支持微信开放平台的 Appid，请使用公众号 Appid",
        "This appid is not that of an official account here.",
    );
    const REDIRECT_HOST: Self = Self::new(
        10003,
        "redirect_uri 域名与后台配置不一致",
        "redirect_uri: loopback hosts and the account's domains are allowed.",
    );
    const SCOPE_BAD: Self = Self::new(
        10005,
        SCOPE_TEXT,
        "scope: snsapi_base or snsapi_userinfo, as far as the account may ask for it.",
    );
    const UNVERIFIED: Self = Self::new(
        10005,
        SCOPE_TEXT,
        "Only a verified account has web authorisation.",
    );

    /// A consent sheet was answered too late.
    pub(super) const SHEET_GONE: Self = Self {
        code: None,
        text: "页面已过期",
        hint: "This sheet is older than five minutes or unknown; open the link again.",
    };

    const fn new(code: i32, text: &'static str, hint: &'static str) -> Self {
        Self {
            code: Some(code),
            text,
            hint,
        }
    }

    /// An error that somebody asked for.
    pub(super) const fn injected(code: i32) -> Self {
        Self::new(
            code,
            "系统错误",
            "This error was set by PUT /sandbox/api/faults.",
        )
    }
}

impl Request {
    /// Reads the raw query of a link.
    pub(super) fn read(query: &str, accounts: &Accounts) -> Result<Self, PageError> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let app_id = value(&pairs, "appid").ok_or(PageError::APPID_EMPTY)?;
        let redirect_uri = value(&pairs, "redirect_uri").ok_or(PageError::REDIRECT_EMPTY)?;
        let response_type = value(&pairs, "response_type").ok_or(PageError::RESPONSE_TYPE)?;
        let scope = value(&pairs, "scope").ok_or(PageError::SCOPE_EMPTY)?;
        let state = value(&pairs, "state").ok_or(PageError::STATE_EMPTY)?;
        if !in_order(&pairs) {
            return Err(PageError::ORDER);
        }
        let account = official_account(app_id, accounts)?;
        if response_type != "code" {
            return Err(PageError::RESPONSE_TYPE);
        }
        let scope = Scope::parse(scope)
            .filter(|scope| account.may_ask_for(scope.as_str()))
            .ok_or(PageError::SCOPE_BAD)?;
        if !account.is_verified {
            return Err(PageError::UNVERIFIED);
        }
        if state.len() > MAX_STATE || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PageError::STATE_BAD);
        }
        let redirect_uri = Url::parse(redirect_uri)
            .ok()
            .filter(|url| accounts.may_send_to(account, url))
            .ok_or(PageError::REDIRECT_HOST)?;
        let back = Back {
            redirect_uri,
            state: state.to_owned(),
        };
        Ok(Self {
            account: account.clone(),
            scope,
            back,
        })
    }
}

impl Back {
    /// Back with a code.
    pub(super) fn with_code(&self, code: &str) -> String {
        self.merge(&[("code", code), ("state", &self.state)])
    }

    /// Back after a refusal: the state alone.
    pub(super) fn refused(&self) -> String {
        self.merge(&[("state", &self.state)])
    }

    /// The origin, for the page's `form-action`.
    pub(super) fn origin(&self) -> String {
        self.redirect_uri.origin().ascii_serialization()
    }

    fn merge(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.redirect_uri.clone();
        url.set_fragment(None);
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

type Pairs<'a> = [(Cow<'a, str>, Cow<'a, str>)];

fn value<'a>(pairs: &'a Pairs<'_>, name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_ref())
        .filter(|value| !value.is_empty())
}

fn in_order(pairs: &Pairs<'_>) -> bool {
    let mut names = pairs.iter().map(|(name, _)| name.as_ref());
    ORDER.iter().all(|wanted| names.next() == Some(wanted))
        && names.all(|extra| !ORDER.contains(&extra))
}

/// Anything that looks like an appid gets the error of an Open Platform one.
fn official_account<'a>(app_id: &str, accounts: &'a Accounts) -> Result<&'a Account, PageError> {
    if let Some(account) = accounts.get(app_id) {
        return match account.kind {
            Kind::OfficialAccount => Ok(account),
            Kind::Website | Kind::MiniProgram => Err(PageError::APPID_KIND),
        };
    }
    let shaped = app_id.strip_prefix("wx").is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    Err(if shaped {
        PageError::APPID_KIND
    } else {
        PageError::APPID_BAD
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID};

    const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A8080%2Fcb";

    const OTHER: &str = "wx0000000000000009";

    /// The sandbox's own accounts, and an unverified one with a domain.
    fn accounts() -> Accounts {
        let other = Account {
            is_verified: false,
            domains: vec!["shop.example.com".to_owned()],
            ..Account::new(Kind::OfficialAccount, OTHER, &"0".repeat(32))
        };
        Accounts::new(&config::Sandbox {
            bind: "127.0.0.1:0".parse().unwrap(),
            allow_private: false,
            accounts: [("other".to_owned(), other)].into(),
        })
        .unwrap()
    }

    fn read(query: &str) -> Result<Request, PageError> {
        Request::read(query, &accounts())
    }

    fn link(redirect: &str, scope: &str, state: &str) -> String {
        format!(
            "appid={SANDBOX_APP_ID}&redirect_uri={redirect}&response_type=code&scope={scope}&state={state}"
        )
    }

    #[test]
    fn a_good_link_leads_back_with_code_and_state() {
        let request = read(&link(REDIRECT, "snsapi_base", "a1Z")).unwrap();
        assert_eq!(request.scope, Scope::Base);
        assert_eq!(
            request.back.with_code("C0"),
            "http://127.0.0.1:8080/cb?code=C0&state=a1Z"
        );
        assert_eq!(request.back.refused(), "http://127.0.0.1:8080/cb?state=a1Z");
        let extras = link(REDIRECT, "snsapi_userinfo", "s") + "&forcePopup=true&connect_redirect=1";
        assert_eq!(read(&extras).unwrap().scope, Scope::Userinfo);
        let merged = read(&link(
            "http%3A%2F%2Flocalhost%2Fcb%3Fa%3D1%23top",
            "snsapi_base",
            "s",
        ));
        assert_eq!(
            merged.unwrap().back.with_code("C"),
            "http://localhost/cb?a=1&code=C&state=s"
        );
    }

    #[test]
    fn a_domain_is_that_of_one_account() {
        let mut accounts = accounts();
        let verified = Account {
            is_verified: true,
            ..accounts.get(OTHER).unwrap().clone()
        };
        accounts.put(verified).unwrap();
        let own = link("https%3A%2F%2Fshop.example.com%2F", "snsapi_base", "s");
        let theirs = own.replace(SANDBOX_APP_ID, OTHER);
        assert_eq!(
            Request::read(&own, &accounts).unwrap_err(),
            PageError::REDIRECT_HOST
        );
        assert_eq!(
            Request::read(&theirs, &accounts).unwrap().account.app_id,
            OTHER
        );
    }

    #[test]
    fn a_bad_link_gets_wechats_page() {
        let good = link(REDIRECT, "snsapi_base", "s");
        let without = |name: &str| {
            good.split('&')
                .filter(|pair| !pair.starts_with(name))
                .collect::<Vec<_>>()
                .join("&")
        };
        let mut swapped: Vec<_> = good.split('&').collect();
        swapped.swap(3, 4);
        let other_app = good.replace(SANDBOX_APP_ID, "wx0123456789abcdef");
        for (query, error) in [
            (String::new(), PageError::APPID_EMPTY),
            (without("appid"), PageError::APPID_EMPTY),
            (without("redirect_uri"), PageError::REDIRECT_EMPTY),
            (without("response_type"), PageError::RESPONSE_TYPE),
            (without("scope"), PageError::SCOPE_EMPTY),
            (without("state"), PageError::STATE_EMPTY),
            (link(REDIRECT, "", "s"), PageError::SCOPE_EMPTY),
            (link("", "snsapi_base", "s"), PageError::REDIRECT_EMPTY),
            (swapped.join("&"), PageError::ORDER),
            (format!("lang=en&{good}"), PageError::ORDER),
            (format!("{good}&state=t"), PageError::ORDER),
            (good.replace("=code", "=token"), PageError::RESPONSE_TYPE),
            (link(REDIRECT, "snsapi_login", "s"), PageError::SCOPE_BAD),
            (link(REDIRECT, "snsapi_base", "a-b"), PageError::STATE_BAD),
            (
                link(REDIRECT, "snsapi_base", &"a".repeat(129)),
                PageError::STATE_BAD,
            ),
            (
                link("https%3A%2F%2Fevil.example%2F", "snsapi_base", "s"),
                PageError::REDIRECT_HOST,
            ),
            (link("%2Fcb", "snsapi_base", "s"), PageError::REDIRECT_HOST),
            (other_app, PageError::APPID_KIND),
            (
                good.replace(SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID),
                PageError::APPID_KIND,
            ),
            (good.replace(SANDBOX_APP_ID, OTHER), PageError::UNVERIFIED),
            (good.replace(SANDBOX_APP_ID, "wx1"), PageError::APPID_BAD),
        ] {
            assert_eq!(read(&query).unwrap_err(), error, "{query}");
        }
        assert!(read(&link(REDIRECT, "snsapi_base", &"a".repeat(128))).is_ok());
    }
}
