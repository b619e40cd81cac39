//! What WeChat itself says when it is asked.

use std::{sync::Arc, time::Duration};

use super::{
    page,
    reach::{Failure, look},
    report::{Report, Verdict},
};
use crate::{
    app::Wechat,
    clock::Clock,
    config::{Config, Flow, Mode, TokenEndpoint},
    tasks::Tasks,
    telemetry::Metrics,
    wechat::{AccessToken, OfficialAccount, Reaction, WeChat, WeChatError},
};

/// A code that nobody has: WeChat looks at id and secret first.
const NO_CODE: &str = "scangateCheck0000000000000000000";
/// What the token endpoint says when it knows the secret, but not the address.
const ABOUT_ADDRESS: [i64; 5] = [40_164, 61_004, 89_503, 89_506, 89_507];
/// Names a parametric code that nobody sees.
const SCENE: &str = "scangateCheck";
/// A code for this long costs one of 100 000 a day.
const QR_LIFE: Duration = Duration::from_secs(60);
/// Seconds that two good clocks may be apart, and the answer be old.
const CLOCK_OFF: u64 = 60;
/// Messages that are older than this, in seconds, are refused.
const MESSAGE_OFF: u64 = 300;

pub(super) async fn check(report: &mut Report, config: &Config) {
    let metrics = Arc::new(Metrics::default());
    let wechat = match Wechat::new(&gentle(config), Clock::new(), metrics, &Tasks::new(), None) {
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
    let accounts = &wechat.accounts;
    let (mut official, mut website) = (report.part(), report.part());
    tokio::join!(
        async {
            if let Some(account) = &accounts.official {
                official_account(&mut official, config, account).await;
            }
        },
        async {
            if let Some(account) = &accounts.website {
                website_account(&mut website, config, account).await;
            }
        },
    );
    report.append(official);
    report.append(website);
}

/// Asks `stable_token` whatever is set: `token` would end what other services hold.
fn gentle(config: &Config) -> Config {
    let mut config = config.clone();
    config.wechat.official_account.token_endpoint = TokenEndpoint::Stable;
    config
}

/// Compares clocks, and thereby tells whether WeChat is there at all.
async fn clock(report: &mut Report, config: &Config) -> bool {
    let before = Clock::new().wall() / 1_000;
    let theirs = match look(config.wechat.api_base(&config.sandbox)).await {
        Ok(reply) => reply.date,
        Err(failure) => {
            silent(report, config, &failure);
            return false;
        }
    };
    let Some(theirs) = theirs else {
        report.add(
            "clock",
            Verdict::Unknown,
            "微信的回答没有日期",
            "WeChat's answer has no date",
        );
        return true;
    };
    let off = before.abs_diff(theirs);
    report.add(
        "clock",
        clock_verdict(off),
        format_args!("与微信相差 {off} 秒（消息推送允许 {MESSAGE_OFF} 秒）"),
        format_args!("{off} s from WeChat's (messages may be {MESSAGE_OFF} s off)"),
    );
    true
}

const fn clock_verdict(off: u64) -> Verdict {
    if off <= CLOCK_OFF {
        Verdict::Right
    } else if off <= MESSAGE_OFF {
        Verdict::Weak
    } else {
        Verdict::Wrong
    }
}

fn silent(report: &mut Report, config: &Config, failure: &Failure) {
    let base = config.wechat.api_base(&config.sandbox);
    match config.wechat.mode {
        Mode::Sandbox => report.add(
            "wechat",
            Verdict::Unknown,
            "沙箱没有运行（scangate serve 会启动它），未询问其他事项",
            "the sandbox does not run (scangate serve starts it): nothing else was asked",
        ),
        Mode::Live => report.add(
            "wechat",
            Verdict::Wrong,
            format_args!("无法连接 {base}：{failure}；未询问其他事项"),
            format_args!("{base} cannot be reached: {failure}; nothing else was asked"),
        ),
    }
}

/// What does not need the access token is asked beside it.
async fn official_account(report: &mut Report, config: &Config, account: &OfficialAccount) {
    let (mut token, mut exchange, mut h5) = (report.part(), report.part(), report.part());
    tokio::join!(
        access_token(&mut token, config, account),
        secret(&mut exchange, "secret", account.oauth()),
        async {
            if is_used(config, Flow::H5) {
                page::h5(&mut h5, config, account.oauth()).await;
            }
        },
    );
    report.append(exchange);
    report.append(token);
    report.append(h5);
}

async fn website_account(report: &mut Report, config: &Config, account: &WeChat) {
    let (mut exchange, mut page) = (report.part(), report.part());
    tokio::join!(
        secret(&mut exchange, "website_secret", account),
        page::website(&mut page, config, account),
    );
    report.append(exchange);
    report.append(page);
}

fn is_used(config: &Config, flow: Flow) -> bool {
    let mut apps = config.apps.iter();
    apps.any(|(_, app)| app.flows.contains(&flow))
}

async fn access_token(report: &mut Report, config: &Config, account: &OfficialAccount) {
    match account.authority().token().await {
        Ok(token) => has_token(report, &token),
        Err(error) => {
            refused_token(report, config, &error);
            return;
        }
    }
    if is_used(config, Flow::OfficialAccount) {
        account_type(report, account).await;
    }
}

fn has_token(report: &mut Report, token: &AccessToken) {
    let left = token.expires_in.as_secs();
    report.add(
        "access_token",
        Verdict::Right,
        format_args!("微信给出了 access_token（剩余 {left} 秒）"),
        format_args!("WeChat gave an access_token ({left} s left)"),
    );
    report.add(
        "ip_list",
        Verdict::Right,
        "本机的出口地址可以获取 access_token",
        "this machine's address may fetch the access_token",
    );
}

fn refused_token(report: &mut Report, config: &Config, error: &WeChatError) {
    let told = told(report, error);
    let refused = error
        .errcode()
        .filter(|errcode| ABOUT_ADDRESS.contains(errcode));
    let Some(errcode) = refused else {
        report.add("access_token", verdict(error), &told, &told);
        return;
    };
    // Logins by h5 and website need no such token.
    let is_needed = is_used(config, Flow::OfficialAccount) || config.server.admin_token.is_some();
    let (verdict, zh, en) = if is_needed {
        (Verdict::Wrong, "", "")
    } else {
        (
            Verdict::Weak,
            "（目前没有流程需要 access_token）",
            " (no flow in use needs the access_token)",
        )
    };
    let advice = error.advice(report.locale());
    let (told_zh, told_en) = match error.address() {
        Some(address) => (
            format!("微信看到的地址是 {address}（errcode {errcode}）— {advice}"),
            format!("WeChat saw the address {address} (errcode {errcode}) — {advice}"),
        ),
        None => (told.clone(), told),
    };
    report.add("ip_list", verdict, told_zh + zh, told_en + en);
}

/// Parametric codes are for verified accounts only.
async fn account_type(report: &mut Report, account: &OfficialAccount) {
    match account.create_qr(SCENE, QR_LIFE).await {
        Ok(_) => report.add(
            "account_type",
            Verdict::Right,
            "账号可以生成带参数二维码（检查用去一次当天配额）",
            "the account may make parametric codes (the check used one of its quota)",
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
            format_args!("微信接受 {app_id} 的 AppSecret"),
            format_args!("WeChat takes the secret of {app_id}"),
        ),
        Err(error) => {
            let told = told(report, &error);
            report.add(item, verdict(&error), &told, &told);
        }
        Ok(_) => report.add(
            item,
            Verdict::Wrong,
            "微信接受了不存在的授权码：wechat.api_base 真的是微信吗？",
            "WeChat took a code that nobody has: is wechat.api_base really WeChat?",
        ),
    }
}

/// What passes by itself proves nothing about the settings.
fn verdict(error: &WeChatError) -> Verdict {
    match error.reaction() {
        Reaction::Alert | Reaction::RefreshRetry => Verdict::Wrong,
        Reaction::Ok | Reaction::Retry | Reaction::FailLogin => Verdict::Unknown,
    }
}

/// What WeChat said, its name for the request, and what it means.
fn told(report: &Report, error: &WeChatError) -> String {
    format!("{error} — {}", error.advice(report.locale()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_once_messages_are_refused() {
        for (off, expected) in [
            (0, Verdict::Right),
            (60, Verdict::Right),
            (61, Verdict::Weak),
            (300, Verdict::Weak),
            (301, Verdict::Wrong),
            (u64::MAX, Verdict::Wrong),
        ] {
            assert_eq!(clock_verdict(off), expected, "{off} s");
        }
    }
}
