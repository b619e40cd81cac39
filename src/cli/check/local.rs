//! What the configuration itself tells.

use std::path::Path;

use secrecy::ExposeSecret;
use url::{Host, Url};

use super::report::{Report, Verdict};
use crate::config::{
    App, AppId, Config, Flow, MessageMode, Mode, NumberMatch, ScanConfirm, TokenEndpoint,
    is_loopback,
};

/// An admin token shorter than this can be guessed.
const LONG_ENOUGH: usize = 24;

pub(super) fn check(report: &mut Report, config: &Config) {
    mode(report, config);
    accounts(report, config);
    flows(report, config);
    callback(report, config);
    messages(report, config);
    for (id, app) in config.apps.iter() {
        origins(report, config, id, app);
    }
    admin(report, config);
    proxies(report, config);
    risk(report, config);
    places(report, config);
}

fn mode(report: &mut Report, config: &Config) {
    match config.wechat.mode {
        Mode::Sandbox => report.add(
            "mode",
            Verdict::Weak,
            "沙箱模式：任何人都能以任何身份登录，仅供开发",
            "sandbox: everybody can sign in as anybody; for development only",
        ),
        Mode::Live => report.add("mode", Verdict::Right, "正式模式", "live"),
    }
}

fn accounts(report: &mut Report, config: &Config) {
    let named = [
        (
            "official_account",
            config.official_account(),
            ("服务号", "service account"),
        ),
        (
            "website",
            config.website(),
            ("网站应用", "website application"),
        ),
    ];
    for (item, account, (zh, en)) in named {
        match account {
            Some(account) => report.add(
                item,
                Verdict::Right,
                format_args!("{zh} {}，AppID 与 AppSecret 格式正确", account.app_id),
                format_args!(
                    "{en} {}: id and secret have the right shape",
                    account.app_id
                ),
            ),
            None => report.add(
                item,
                Verdict::Unknown,
                format_args!("未配置{zh}"),
                format_args!("no {en} is configured"),
            ),
        }
    }
}

fn flows(report: &mut Report, config: &Config) {
    let default = config.scene.default_flow;
    for (id, app) in config.apps.iter() {
        let names: Vec<_> = app.flows.iter().map(|flow| name(*flow)).collect();
        let (names, default) = (names.join(", "), name(default));
        report.add(
            "flows",
            Verdict::Right,
            format_args!("应用 {id}：{names}（默认 {default}）"),
            format_args!("app {id}: {names} (default {default})"),
        );
    }
}

const fn name(flow: Flow) -> &'static str {
    match flow {
        Flow::H5 => "h5",
        Flow::OfficialAccount => "official_account",
        Flow::Website => "website",
    }
}

/// What WeChat wants of the address that it sends people back to.
fn callback(report: &mut Report, config: &Config) {
    let url = config.server.public_url();
    if config.wechat.mode == Mode::Sandbox {
        return;
    }
    let (verdict, zh, en) = match address_problem(&url) {
        Some((zh, en)) => (Verdict::Wrong, zh, en),
        None => (
            Verdict::Right,
            "协议、域名和端口符合要求",
            "scheme, name and port are as WeChat wants them",
        ),
    };
    report.add(
        "callback",
        verdict,
        format_args!("{url}：{zh}"),
        format_args!("{url}: {en}"),
    );
    let host = url.host_str().unwrap_or_default();
    report.add(
        "callback_domain",
        Verdict::Unknown,
        format_args!("公众平台「网页授权域名」和开放平台「授权回调域」须正好是 {host}，只有控制台知道"),
        format_args!(
            "the web authorisation domain (and the callback domain of a website application) has to be exactly {host}; only WeChat's console knows"
        ),
    );
}

fn address_problem(url: &Url) -> Option<(&'static str, &'static str)> {
    if is_loopback(url) {
        return Some((
            "微信无法访问本机地址",
            "WeChat cannot reach this machine's own name",
        ));
    }
    if url.scheme() != "https" {
        return Some(("必须使用 https", "https is needed"));
    }
    if url.port().is_some() {
        return Some((
            "不能带端口（错误 10003）",
            "a port is not allowed (error 10003)",
        ));
    }
    match url.host() {
        Some(Host::Domain(_)) => None,
        _ => Some(("必须是域名，不能是 IP", "a name is needed, not an address")),
    }
}

fn messages(report: &mut Report, config: &Config) {
    let account = &config.wechat.official_account;
    if config.message_push().is_none() {
        report.add(
            "messages",
            Verdict::Unknown,
            "未配置消息推送（token 与 encoding_aes_key），official_account 流程不可用",
            "no message push is configured (token and encoding_aes_key), so there is no flow official_account",
        );
        return;
    }
    report.add(
        "messages",
        Verdict::Right,
        "Token 与 EncodingAESKey 格式正确",
        "Token and EncodingAESKey have the right shape",
    );
    let (verdict, zh, en) = match account.message_mode {
        MessageMode::Safe => (Verdict::Right, "安全模式", "safe mode"),
        MessageMode::Compatible => (
            Verdict::Weak,
            "兼容模式：只采信密文，但明文字段仍经网络传输；建议安全模式",
            "compatible mode: only what was encrypted is believed, but the clear fields travel too; safe is better",
        ),
        MessageMode::Plain => (
            Verdict::Weak,
            "明文模式：签名不覆盖正文，只能用于沙箱",
            "plain mode: the signature covers no byte of the body; for the sandbox only",
        ),
    };
    report.add("message_mode", verdict, zh, en);
    if account.token_endpoint == TokenEndpoint::Token {
        report.add(
            "token_endpoint",
            Verdict::Weak,
            "cgi-bin/token 会使别的服务持有的令牌失效；建议 stable",
            "cgi-bin/token ends the token that other services hold; stable is better",
        );
    }
    scan_confirm(report, account.confirm);
}

fn scan_confirm(report: &mut Report, confirm: ScanConfirm) {
    let (verdict, zh, en) = match confirm {
        ScanConfirm::Link => (
            Verdict::Right,
            "扫码后须在确认页再次由微信证明身份",
            "after the scan WeChat proves again who opens the confirm page",
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
    let count = app.origins.len() + usize::from(id.is_default());
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
            format_args!("应用 {id}：没有任何来源，页面无法使用它"),
            format_args!("app {id}: no origin is listed, so no page can use it"),
        ),
        None => report.add(
            "origins",
            Verdict::Right,
            format_args!("应用 {id}：{count} 个来源"),
            format_args!("app {id}: {count} origins"),
        ),
    }
    if app.allow_missing_origin {
        report.add(
            "origins",
            Verdict::Weak,
            format_args!("应用 {id}：allow_missing_origin 放行没有 Origin 的请求，仅用于原生应用"),
            format_args!("app {id}: allow_missing_origin lets callers without an Origin in; for native applications only"),
        );
    }
}

fn admin(report: &mut Report, config: &Config) {
    let server = &config.server;
    if !server.admin_bind.ip().is_loopback() {
        report.add(
            "admin_bind",
            Verdict::Weak,
            format_args!("{} 不是本机地址：请确保公网无法访问", server.admin_bind),
            format_args!(
                "{} is not loopback: keep it off the internet",
                server.admin_bind
            ),
        );
    }
    let token = server.admin_token.as_ref().map(ExposeSecret::expose_secret);
    match token {
        Some(token) if token.len() < LONG_ENOUGH => report.add(
            "admin_token",
            Verdict::Weak,
            format_args!("server.admin_token 短于 {LONG_ENOUGH} 个字符，容易被猜到"),
            format_args!(
                "server.admin_token is shorter than {LONG_ENOUGH} characters: it can be guessed"
            ),
        ),
        _ => {}
    }
}

fn proxies(report: &mut Report, config: &Config) {
    let all = config.server.trusted_proxies.iter();
    if let Some(network) = all.clone().find(|network| network.prefix_len() == 0) {
        report.add(
            "trusted_proxies",
            Verdict::Wrong,
            format_args!("{network} 使任何人都能伪造来源地址"),
            format_args!("{network} lets everybody claim any address"),
        );
    } else if all.len() == 0
        && config.wechat.mode == Mode::Live
        && config.server.bind.ip().is_loopback()
    {
        report.add(
            "trusted_proxies",
            Verdict::Wrong,
            "监听本机地址却未设置 server.trusted_proxies：所有人会被当作同一个地址",
            "the gateway listens on loopback, but server.trusted_proxies is empty: everybody counts as one address",
        );
    }
}

fn risk(report: &mut Report, config: &Config) {
    if config.scene.number_match == NumberMatch::Off {
        report.add(
            "number_match",
            Verdict::Weak,
            "number_match = off：被转发的二维码少一道防线",
            "number_match = off: one defence less against codes that are passed on",
        );
    }
}

fn places(report: &mut Report, config: &Config) {
    let database = config.geo.database.as_deref();
    match database {
        None => report.add(
            "geo",
            Verdict::Weak,
            "没有 geo.database：确认页只显示 IP 地址，risk 无法判断远近",
            "no geo.database: the confirm page shows the address alone, and risk cannot tell near from far",
        ),
        Some(path) => file(report, path),
    }
}

fn file(report: &mut Report, path: &Path) {
    let shown = path.display();
    match std::fs::File::open(path) {
        Ok(_) => report.add(
            "geo",
            Verdict::Right,
            format_args!("{shown} 可读"),
            format_args!("{shown} can be read"),
        ),
        Err(error) => report.add(
            "geo",
            Verdict::Wrong,
            format_args!("{shown} 无法读取：{error}"),
            format_args!("{shown} cannot be read: {error}"),
        ),
    }
}
