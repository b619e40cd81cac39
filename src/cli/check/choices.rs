//! Settings that work, and whether something safer does too.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use url::Url;

use super::report::{Report, Verdict};
use crate::config::{
    App, AppId, Config, ConfirmInBrowser, Flow, Mode, NumberMatch, ScanConfirm, ScannedUser,
};

/// An admin token shorter than this can be guessed.
const LONG_ENOUGH: usize = 24;
/// So can one of fewer different characters than this.
const VARIED_ENOUGH: usize = 8;

pub(super) fn check(report: &mut Report, config: &Config) {
    scan_confirm(report, config);
    for (id, app) in config.apps.iter() {
        origins(report, config, id, app);
        app_choices(report, id, app);
    }
    listeners(report, config);
    admin_token(report, config);
    proxies(report, config);
    number_match(report, config.scene.number_match);
    if config.scene.scanned_user == ScannedUser::Full {
        report.add(
            "scanned_user",
            Verdict::Weak,
            "full：确认之前，电脑页面就显示扫码人的昵称和头像；建议 masked",
            "full: the page shows name and picture of whoever scans before they confirm; masked is better",
        );
    }
}

fn scan_confirm(report: &mut Report, config: &Config) {
    let mut apps = config.apps.iter();
    if !apps.any(|(_, app)| app.flows.contains(&Flow::OfficialAccount)) {
        return;
    }
    let (verdict, zh, en) = match config.wechat.official_account.confirm {
        ScanConfirm::Link => (
            Verdict::Right,
            "link：扫码后由微信在确认页再次证明身份",
            "link: after the scan WeChat proves again who opens the confirm page",
        ),
        ScanConfirm::BearerLink => (
            Verdict::Weak,
            "bearer_link：先拿到链接的人即可确认；账号支持网页授权时请用 link",
            "bearer_link: whoever gets the link first can confirm; use link where the account has web authorisation",
        ),
        ScanConfirm::None => (
            Verdict::Weak,
            "none：扫码即登录，转发二维码即可骗取账号；请用 link",
            "none: the scan is the login, and whoever sends somebody a code takes the account over; use link",
        ),
    };
    report.add("scan_confirm", verdict, zh, en);
}

fn origins(report: &mut Report, config: &Config, id: &AppId, app: &App) {
    let is_live = config.wechat.mode == Mode::Live;
    let plain = app.origins.iter().find(|origin| {
        Url::parse(origin.as_str()).is_ok_and(|url| url.scheme() == "http" && is_live)
    });
    // The default app has that of server.public_url besides.
    let count = app.origins.len() + usize::from(id.is_default());
    let origins = if count == 1 { "origin" } else { "origins" };
    match plain {
        Some(origin) => report.add(
            "origins",
            Verdict::Weak,
            format_args!("应用 {id}：{} 不是 https", origin.as_str()),
            format_args!("app {id}: {} is not https", origin.as_str()),
        ),
        None if count == 0 && !app.allow_missing_origin => report.add(
            "origins",
            Verdict::Wrong,
            format_args!("应用 {id}：apps.{id}.origins 为空，没有页面能使用它"),
            format_args!("app {id}: apps.{id}.origins is empty, so no page can use it"),
        ),
        None => report.add(
            "origins",
            Verdict::Right,
            format_args!("应用 {id}：{count} 个来源"),
            format_args!("app {id}: {count} {origins}"),
        ),
    }
}

fn app_choices(report: &mut Report, id: &AppId, app: &App) {
    if app.allow_missing_origin {
        report.add(
            "missing_origin",
            Verdict::Weak,
            format_args!("应用 {id}：allow_missing_origin 放行没有 Origin 的请求，仅用于原生应用"),
            format_args!(
                "app {id}: allow_missing_origin lets callers without an Origin in; for native applications only"
            ),
        );
    }
    if app.confirm_in_browser == ConfirmInBrowser::Never {
        report.add(
            "confirm_in_browser",
            Verdict::Weak,
            format_args!("应用 {id}：never 会不经询问就换掉页面上已登录的人；建议 auto"),
            format_args!(
                "app {id}: never replaces whoever is signed in on the page without asking; auto is better"
            ),
        );
    }
}

fn listeners(report: &mut Report, config: &Config) {
    let admin = config.server.admin_bind;
    if admin.ip().is_loopback() {
        report.add(
            "admin_bind",
            Verdict::Right,
            format_args!("{admin} 只有本机能访问"),
            format_args!("{admin}: only this machine reaches it"),
        );
    } else {
        report.add(
            "admin_bind",
            Verdict::Weak,
            format_args!("{admin} 不是本机地址：请确保公网无法访问"),
            format_args!("{admin} is not loopback: keep it off the internet"),
        );
    }
    if config.wechat.mode == Mode::Sandbox && config.sandbox.allow_private {
        report.add(
            "allow_private",
            Verdict::Weak,
            "sandbox.allow_private：网络里的任何人都能以任何身份登录",
            "sandbox.allow_private: everybody in the network can sign in as anybody",
        );
    }
}

fn admin_token(report: &mut Report, config: &Config) {
    let Some(token) = &config.server.admin_token else {
        report.add(
            "admin_token",
            Verdict::Right,
            "未设置 server.admin_token：交出令牌的接口已关闭",
            "no server.admin_token is set: the calls that hand tokens out are closed",
        );
        return;
    };
    let token = token.expose_secret();
    let varied = token.chars().collect::<BTreeSet<_>>().len();
    if token.len() < LONG_ENOUGH || varied < VARIED_ENOUGH {
        report.add(
            "admin_token",
            Verdict::Weak,
            format_args!("server.admin_token 容易被猜到：请用至少 {LONG_ENOUGH} 个随机字符"),
            format_args!(
                "server.admin_token can be guessed: at least {LONG_ENOUGH} random characters are better"
            ),
        );
    } else {
        report.add(
            "admin_token",
            Verdict::Right,
            "server.admin_token 足够长",
            "server.admin_token is long enough",
        );
    }
}

fn proxies(report: &mut Report, config: &Config) {
    let networks = &config.server.trusted_proxies;
    if let Some(network) = networks.iter().find(|network| network.prefix_len() == 0) {
        report.add(
            "trusted_proxies",
            Verdict::Wrong,
            format_args!("{network} 使任何人都能伪造来源地址"),
            format_args!("{network} lets everybody claim any address"),
        );
    } else if networks.is_empty()
        && config.wechat.mode == Mode::Live
        && config.server.bind.ip().is_loopback()
    {
        report.add(
            "trusted_proxies",
            Verdict::Wrong,
            "监听本机地址（前面应有代理）却未设置 server.trusted_proxies：所有人会被当作同一个地址",
            "the gateway listens on loopback, so a proxy stands before it, but server.trusted_proxies is empty: everybody counts as one address",
        );
    }
}

fn number_match(report: &mut Report, number_match: NumberMatch) {
    let (verdict, zh, en) = match number_match {
        NumberMatch::Off => (
            Verdict::Weak,
            "off：被转发的二维码少一道防线；建议 risk",
            "off: one defence less against codes that are passed on; risk is better",
        ),
        NumberMatch::Risk => (
            Verdict::Right,
            "risk：可疑时核对数字",
            "risk: digits are compared when something looks odd",
        ),
        NumberMatch::Always => (
            Verdict::Right,
            "always：每次登录都核对数字",
            "always: digits are compared at each login",
        ),
    };
    report.add("number_match", verdict, zh, en);
}
