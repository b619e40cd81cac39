//! What WeChat itself says when it is asked.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::header;

use super::report::{Report, Verdict};
use crate::{
    app::Wechat,
    clock::Clock,
    config::{Config, Flow, Mode},
    outbound,
    tasks::Tasks,
    telemetry::Metrics,
    wechat::{Fault, OfficialAccount, Scope, WeChat, WeChatError, reaction},
};

/// A code that nobody has: WeChat looks at id and secret first.
const NO_CODE: &str = "scangateCheck0000000000000000000";
/// What WeChat's page carries back; nobody comes back.
const STATE: &str = "scangateCheck";
/// A code for this long costs one of 100 000 a day.
const QR_LIFE: Duration = Duration::from_secs(60);
/// Messages older than 300 s are refused; a clock this far off is already in danger.
const CLOCK_OFF: u64 = 60;
/// How much of a page is read.
const MAX_PAGE: usize = 256 * 1024;

pub(super) async fn check(report: &mut Report, config: &Config) {
    let metrics = Arc::new(Metrics::default());
    let wechat = match Wechat::new(config, Clock::new(), metrics, &Tasks::new()) {
        Ok(wechat) => wechat,
        Err(error) => {
            let error = format!("{error:#}");
            report.add("wechat", Verdict::Wrong, &error, &error);
            return;
        }
    };
    if !clock(report, config).await {
        return;
    }
    if let Some(account) = &wechat.accounts.official {
        official_account(report, config, account).await;
    }
    if let Some(account) = &wechat.accounts.website {
        secret(report, "website_secret", account).await;
        page(report, "website_page", &website_page(config, account)).await;
    }
}

/// Compares clocks, and thereby tells whether WeChat is there at all.
async fn clock(report: &mut Report, config: &Config) -> bool {
    let base = config.wechat.api_base(&config.sandbox);
    let answer = match outbound::client() {
        Ok(client) => client.get(base.clone()).send().await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(_) if config.wechat.mode == Mode::Sandbox => {
            report.add(
                "wechat",
                Verdict::Unknown,
                "沙箱未运行（scangate serve 会启动它），以下各项未检查",
                "the sandbox does not run (scangate serve starts it): nothing else was asked",
            );
            return false;
        }
        Err(error) => {
            let error = error.without_url();
            report.add(
                "wechat",
                Verdict::Wrong,
                format_args!("无法连接 {base}：{error}"),
                format_args!("{base} cannot be reached: {error}"),
            );
            return false;
        }
    };
    let date = answer.headers().get(header::DATE);
    let theirs = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let Some(theirs) = theirs else {
        report.add(
            "clock",
            Verdict::Unknown,
            "微信的回答没有日期",
            "WeChat's answer has no date",
        );
        return true;
    };
    let theirs = theirs.duration_since(SystemTime::UNIX_EPOCH);
    let now = Clock::new().wall() / 1_000;
    let off = now.abs_diff(theirs.unwrap_or_default().as_secs());
    let verdict = if off > CLOCK_OFF {
        Verdict::Wrong
    } else {
        Verdict::Right
    };
    report.add(
        "clock",
        verdict,
        format_args!("与微信相差 {off} 秒（消息推送允许 300 秒）"),
        format_args!("{off} s from WeChat's (messages may be 300 s off)"),
    );
    true
}

async fn official_account(report: &mut Report, config: &Config, account: &OfficialAccount) {
    match account.authority().token().await {
        Ok(token) => {
            report.add(
                "secret",
                Verdict::Right,
                format_args!(
                    "微信给出了 access_token（剩余 {} 秒）",
                    token.expires_in.as_secs()
                ),
                format_args!(
                    "WeChat gave an access_token ({} s left)",
                    token.expires_in.as_secs()
                ),
            );
            report.add(
                "ip_list",
                Verdict::Right,
                "本机出口地址在 IP 白名单内",
                "this machine's address is on the IP list",
            );
        }
        Err(error) => {
            refused_token(report, &error);
            return;
        }
    }
    if config
        .apps
        .iter()
        .any(|(_, app)| app.flows.contains(&Flow::OfficialAccount))
    {
        parametric(report, account).await;
    }
    secret(report, "oauth_secret", account.oauth()).await;
    if config
        .apps
        .iter()
        .any(|(_, app)| app.flows.contains(&Flow::H5))
    {
        let url = account
            .oauth()
            .authorize_url(Scope::Base, &callback(config), STATE);
        page(report, "h5_page", &url).await;
    }
}

fn refused_token(report: &mut Report, error: &WeChatError) {
    let told = told(report, error);
    match error.address() {
        Some(address) => report.add(
            "ip_list",
            Verdict::Wrong,
            format_args!("微信看到的地址是 {address}。{told}"),
            format_args!("WeChat saw the address {address}. {told}"),
        ),
        None => report.add("secret", verdict(error), &told, &told),
    }
}

/// Parametric codes are for verified accounts only.
async fn parametric(report: &mut Report, account: &OfficialAccount) {
    match account.create_qr(STATE, QR_LIFE).await {
        Ok(_) => report.add(
            "account_type",
            Verdict::Right,
            "账号可以生成带参数二维码（用去一次配额）",
            "the account may make parametric codes (this used one of its quota)",
        ),
        Err(error) => {
            let told = told(report, &error);
            report.add("account_type", verdict(&error), &told, &told);
        }
    }
}

/// Whether id and secret open the exchange of codes, which knows no IP list.
async fn secret(report: &mut Report, item: &'static str, account: &WeChat) {
    let app_id = account.app_id();
    match account.exchange(NO_CODE).await {
        Err(error) if matches!(error.errcode(), Some(40029 | 40163 | 42003)) => report.add(
            item,
            Verdict::Right,
            format_args!("微信接受 {app_id} 的 AppID 与 AppSecret"),
            format_args!("WeChat takes id and secret of {app_id}"),
        ),
        Err(error) => {
            let told = told(report, &error);
            report.add(item, verdict(&error), &told, &told);
        }
        Ok(_) => report.add(
            item,
            Verdict::Unknown,
            "微信接受了不存在的 code：api_base 是真的微信吗？",
            "WeChat took a code that nobody has: is api_base really WeChat?",
        ),
    }
}

fn callback(config: &Config) -> url::Url {
    let mut url = config.server.public_url();
    url.set_path("/callback/wechat");
    url
}

fn website_page(config: &Config, account: &WeChat) -> String {
    account.qrconnect_url(&callback(config), STATE)
}

/// Opens one of WeChat's pages as a person would, and reads whether it complains.
async fn page(report: &mut Report, item: &'static str, url: &str) {
    let (verdict, zh, en) = match fetch(url).await {
        Ok(page) => judge(&page, report),
        Err(error) => {
            let error = error.without_url();
            (
                Verdict::Unknown,
                format!("微信页面打不开：{error}"),
                format!("WeChat's page does not open: {error}"),
            )
        }
    };
    report.add(item, verdict, zh, en);
}

struct Page {
    redirects: bool,
    text: String,
}

async fn fetch(url: &str) -> Result<Page, reqwest::Error> {
    let agent = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50";
    let request = outbound::client()?.get(url);
    let mut answer = request.header(header::USER_AGENT, agent).send().await?;
    let redirects = answer.status().is_redirection();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_PAGE {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Page { redirects, text })
}

fn judge(page: &Page, report: &Report) -> (Verdict, String, String) {
    let known = (10_003..=10_038).find_map(|code| {
        let sentence = reaction::page_error(code, report.locale())?;
        page.text
            .contains(&code.to_string())
            .then(|| format!("{code}: {sentence}"))
    });
    let by_words = [("redirect_uri", 10_003), ("Scope", 10_005)]
        .into_iter()
        .find_map(|(word, code)| {
            let complains = page.text.contains(word) && page.text.contains("参数错误");
            let sentence = reaction::page_error(code, report.locale())?;
            complains.then(|| sentence.to_owned())
        });
    if page.redirects || page.text.contains("/connect/qrcode/") {
        let (zh, en) = (
            "微信接受 AppID、回调域名和 scope",
            "WeChat takes the id, the callback domain and the scope",
        );
        (Verdict::Right, zh.to_owned(), en.to_owned())
    } else if let Some(sentence) = known.or(by_words) {
        (Verdict::Wrong, sentence.clone(), sentence)
    } else {
        let (zh, en) = (
            "此页面只在手机微信里才显示结果，无法在这里判断",
            "this page shows its result only inside WeChat on a phone: it cannot be known from here",
        );
        (Verdict::Unknown, zh.to_owned(), en.to_owned())
    }
}

/// A network that fails proves nothing about the settings.
const fn verdict(error: &WeChatError) -> Verdict {
    match error.fault() {
        Fault::Refused { .. } | Fault::Protocol(_) => Verdict::Wrong,
        _ => Verdict::Unknown,
    }
}

/// What WeChat said, what it means, and its name for the request.
fn told(report: &Report, error: &WeChatError) -> String {
    format!("{} — {}", error, error.advice(report.locale()))
}
