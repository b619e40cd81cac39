//! What the configuration tells about the accounts at WeChat and the flows that they allow.

use secrecy::ExposeSecret;
use url::{Host, Url};

use super::report::{Report, Verdict};
use crate::{
    config::{
        App, AppId, Config, Flow, MessageMode, MessagePush, Mode, OfficialAccount,
        SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN, TokenEndpoint, is_loopback,
    },
    wechat::message::Inbox,
};

/// A message token shorter than this can be guessed by whoever sees one signature.
const LONG_TOKEN: usize = 16;
/// Texts that everybody can read in the sources: the sandbox's, and those of the example configuration.
const PUBLIC: [&str; 4] = [
    SANDBOX_TOKEN,
    SANDBOX_ENCODING_AES_KEY,
    "aTextOfYourOwn",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
];

pub(super) fn check(report: &mut Report, config: &Config) {
    mode(report, config);
    bases(report, config);
    accounts(report, config);
    for (id, app) in config.apps.iter() {
        flows(report, config, id, app);
        fallback(report, config, id, app);
    }
    callback(report, config);
    messages(report, config);
    token_endpoint(report, config);
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

/// Addresses that are not WeChat's: an egress proxy, or what was left behind by a test.
fn bases(report: &mut Report, config: &Config) {
    let (wechat, sandbox) = (&config.wechat, &config.sandbox);
    if wechat.mode == Mode::Sandbox {
        return;
    }
    for (key, url) in [
        ("wechat.open_base", wechat.open_base(sandbox)),
        ("wechat.api_base", wechat.api_base(sandbox)),
        ("wechat.mp_base", wechat.mp_base(sandbox)),
    ] {
        let is_wechat = url
            .domain()
            .is_some_and(|name| name.ends_with(".weixin.qq.com"));
        if !is_wechat {
            report.add(
                "wechat_base",
                Verdict::Weak,
                format_args!("{key} = {url} 不是微信的地址：它决定谁能登录"),
                format_args!(
                    "{key} = {url} is not WeChat's: whoever answers there decides who signs in"
                ),
            );
        }
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
                format_args!("{zh} {}：AppID 与 AppSecret 格式正确", account.app_id),
                format_args!(
                    "{en} {}: id and secret have the right shape",
                    account.app_id
                ),
            ),
            None => report.add(
                item,
                Verdict::Right,
                format_args!("未配置{zh}，也没有应用需要它"),
                format_args!("no {en} is configured, and no app needs one"),
            ),
        }
    }
}

fn flows(report: &mut Report, config: &Config, id: &AppId, app: &App) {
    let names: Vec<_> = app.flows.iter().map(|flow| name(*flow)).collect();
    let default = name(config.scene.default_flow);
    report.add(
        "flows",
        Verdict::Right,
        format_args!("应用 {id}：{}（默认 {default}）", names.join("、")),
        format_args!("app {id}: {} (default {default})", names.join(", ")),
    );
}

const fn name(flow: Flow) -> &'static str {
    match flow {
        Flow::H5 => "h5",
        Flow::OfficialAccount => "official_account",
        Flow::Website => "website",
    }
}

/// What becomes of parametric codes that cannot be had.
fn fallback(report: &mut Report, config: &Config, id: &AppId, app: &App) {
    if !app.flows.contains(&Flow::OfficialAccount) {
        return;
    }
    match config.wechat.official_account.fallback_flow {
        Some(flow) if app.flows.contains(&flow) => report.add(
            "fallback_flow",
            Verdict::Right,
            format_args!("应用 {id}：拿不到带参数二维码时改用 {}", name(flow)),
            format_args!(
                "app {id}: {} stands in while parametric codes cannot be had",
                name(flow)
            ),
        ),
        Some(flow) => report.add(
            "fallback_flow",
            Verdict::Weak,
            format_args!("应用 {id}：apps.{id}.flows 没有 {}，无法替补", name(flow)),
            format_args!(
                "app {id}: {0} cannot stand in, because apps.{id}.flows lacks {0}",
                name(flow)
            ),
        ),
        None => report.add(
            "fallback_flow",
            Verdict::Weak,
            format_args!("应用 {id}：配额用完或微信不应答时 official_account 无法登录；建议 fallback_flow = \"h5\""),
            format_args!(
                "app {id}: nobody can sign in by official_account while the quota is used up or WeChat is away; fallback_flow = \"h5\" helps"
            ),
        ),
    }
}

/// What WeChat wants of the address that it sends people back to.
fn callback(report: &mut Report, config: &Config) {
    if config.wechat.mode == Mode::Sandbox {
        return;
    }
    let url = config.server.public_url();
    let host = url.host_str().unwrap_or_default();
    match address_problem(&url) {
        Some((zh, en)) => report.add(
            "callback",
            Verdict::Wrong,
            format_args!("{url}：{zh}"),
            format_args!("{url}: {en}"),
        ),
        None => report.add(
            "callback",
            Verdict::Right,
            format_args!(
                "{url}：协议、域名和端口符合要求；「网页授权域名」「授权回调域」须正好是 {host}"
            ),
            format_args!(
                "{url}: scheme, name and port are as WeChat wants them; the domain to enter in its console is exactly {host}"
            ),
        ),
    }
}

fn address_problem(url: &Url) -> Option<(&'static str, &'static str)> {
    if is_loopback(url) {
        return Some((
            "手机无法访问本机地址；请设置 server.public_url",
            "no phone can reach this machine's own name; set server.public_url",
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
    let Some(push) = config.message_push() else {
        no_messages(report, account);
        return;
    };
    match Inbox::new(&push) {
        Ok(_) => report.add(
            "messages",
            Verdict::Right,
            "Token 与 EncodingAESKey 格式正确",
            "Token and EncodingAESKey have the right shape",
        ),
        Err(error) => report.add(
            "messages",
            Verdict::Wrong,
            format_args!("EncodingAESKey 无法使用：{error}"),
            format_args!("the EncodingAESKey cannot be used: {error}"),
        ),
    }
    message_mode(report, push.mode);
    if config.wechat.mode == Mode::Live {
        message_secrets(report, &push);
    }
}

fn no_messages(report: &mut Report, account: &OfficialAccount) {
    let is_half = account.token.is_some() || account.encoding_aes_key.is_some();
    if is_half {
        report.add(
            "messages",
            Verdict::Wrong,
            "消息推送只配置了一半：需要 app_id、token 和 encoding_aes_key，否则没有 official_account 流程",
            "the message push is half configured: app_id, token and encoding_aes_key are needed, or there is no flow official_account",
        );
    } else {
        report.add(
            "messages",
            Verdict::Right,
            "未配置消息推送，也没有应用使用 official_account 流程",
            "no message push is configured, and no app uses the flow official_account",
        );
    }
}

fn message_mode(report: &mut Report, mode: MessageMode) {
    let (verdict, zh, en) = match mode {
        MessageMode::Safe => (
            Verdict::Right,
            "安全模式（公众平台须选同样的模式）",
            "safe mode (the console has to have the same)",
        ),
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
}

fn message_secrets(report: &mut Report, push: &MessagePush) {
    let token = push.token.expose_secret();
    let key = push.key.as_ref().map(ExposeSecret::expose_secret);
    if PUBLIC.contains(&token) || key.is_some_and(|key| PUBLIC.contains(&key)) {
        report.add(
            "message_secrets",
            Verdict::Weak,
            "Token 或 EncodingAESKey 是公开的示例值：请换成自己的随机值",
            "Token or EncodingAESKey is an example that everybody can read: choose random ones",
        );
    } else if token.len() < LONG_TOKEN {
        report.add(
            "message_secrets",
            Verdict::Weak,
            format_args!("Token 短于 {LONG_TOKEN} 个字符，容易被猜到"),
            format_args!("the Token is shorter than {LONG_TOKEN} characters: it can be guessed"),
        );
    }
}

fn token_endpoint(report: &mut Report, config: &Config) {
    if config.official_account().is_none() {
        return;
    }
    match config.wechat.official_account.token_endpoint {
        TokenEndpoint::Stable => report.add(
            "token_endpoint",
            Verdict::Right,
            "stable：获取令牌不影响别的服务",
            "stable: fetching a token ends no other one",
        ),
        TokenEndpoint::Token => report.add(
            "token_endpoint",
            Verdict::Weak,
            "token：每次获取都使别的服务持有的令牌在 5 分钟后失效；建议 stable（本次检查只用了 stable_token）",
            "token: each fetch ends the token that other services hold after 5 minutes; stable is better (this check asks stable_token only)",
        ),
    }
}
