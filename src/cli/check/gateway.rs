//! Whether what people type leads to this gateway.

use std::{fs, path::Path};

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::Value;
use sha1::{Digest, Sha1};
use url::Url;

use super::{
    files::Found,
    reach::{Failure, Reply, look},
    report::{Report, Verdict},
};
use crate::{
    clock::Clock,
    config::{Config, MessagePush},
    ids,
};

/// What proxies say when nobody answers behind them (RFC 9110 section 15.6).
const NOBODY_BEHIND: [u16; 3] = [502, 503, 504];
/// Files that WeChat asks for are looked up there, at most.
const MAX_PROOFS: usize = 4;

pub(super) async fn check(report: &mut Report, config: &Config, found: &Found) {
    let url = config.server.public_url();
    if !identity(report, &url, found).await {
        return;
    }
    let (mut push, mut proofs) = (report.part(), report.part());
    tokio::join!(
        async {
            if let Some(settings) = config.message_push() {
                push_address(&mut push, &url, &settings).await;
            }
        },
        async {
            let paths = found.proofs.iter().take(MAX_PROOFS);
            let served = join_all(paths.map(|path| proof(&url, path))).await;
            for (shown, is_served) in served {
                judge_proof(&mut proofs, &shown, is_served);
            }
        },
    );
    report.append(push);
    report.append(proofs);
}

/// Compares the public keys behind `public_url` with those on this machine's disk; whether it may be the gateway.
async fn identity(report: &mut Report, url: &Url, found: &Found) -> bool {
    let reply = match look(at(url, "/.well-known/jwks.json")).await {
        Ok(reply) => reply,
        Err(failure) => {
            unreachable(report, url, &failure);
            return false;
        }
    };
    let Some(shown) = jwks(&reply) else {
        somebody_else(report, url, reply.status);
        return false;
    };
    compare(report, url, &shown, found.jwks.as_ref())
}

fn compare(report: &mut Report, url: &Url, shown: &Value, own: Option<&Value>) -> bool {
    let Some(own) = own else {
        report.add(
            "public_url",
            Verdict::Unknown,
            format_args!("{url} 有网关应答；本机没有密钥，无法比对是不是同一个"),
            format_args!(
                "{url} is a gateway; there are no keys here to tell whether it is this one"
            ),
        );
        return true;
    };
    let is_ours = kids(shown).any(|kid| kids(own).any(|own| own == kid));
    if is_ours {
        report.add(
            "public_url",
            Verdict::Right,
            format_args!("{url} 就是这个网关"),
            format_args!("{url} is this gateway"),
        );
    } else {
        report.add(
            "public_url",
            Verdict::Wrong,
            format_args!("{url} 是另一个网关：它的密钥与本机的不同"),
            format_args!("{url} is another gateway: its keys are not those of this machine"),
        );
    }
    is_ours
}

fn unreachable(report: &mut Report, url: &Url, failure: &Failure) {
    if failure.is_certificate {
        report.add(
            "public_url",
            Verdict::Wrong,
            format_args!("{url} 的证书不被信任：{failure}"),
            format_args!("the certificate of {url} is not trusted: {failure}"),
        );
    } else {
        report.add(
            "public_url",
            Verdict::Unknown,
            format_args!("{url} 没有应答：{failure}（网关在运行吗？）"),
            format_args!("{url} does not answer: {failure} (does the gateway run?)"),
        );
    }
}

fn somebody_else(report: &mut Report, url: &Url, status: u16) {
    if NOBODY_BEHIND.contains(&status) {
        report.add(
            "public_url",
            Verdict::Unknown,
            format_args!("{url} 的代理回答 HTTP {status}：它后面的网关在运行吗？"),
            format_args!("the proxy at {url} says HTTP {status}: does the gateway run behind it?"),
        );
    } else {
        report.add(
            "public_url",
            Verdict::Wrong,
            format_args!("{url} 有应答（HTTP {status}），但不是 scangate"),
            format_args!("{url} answers (HTTP {status}), but it is not scangate"),
        );
    }
}

fn at(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url
}

fn jwks(reply: &Reply) -> Option<Value> {
    let jwks = serde_json::from_str(&reply.text).ok()?;
    (reply.status == 200 && kids(&jwks).next().is_some()).then_some(jwks)
}

fn kids(jwks: &Value) -> impl Iterator<Item = &str> {
    let keys = jwks["keys"].as_array().into_iter().flatten();
    keys.filter_map(|key| key["kid"].as_str())
}

/// Asks for an echo as WeChat's console does (URL verification of the message push).
async fn push_address(report: &mut Report, url: &Url, push: &MessagePush) {
    let shown = at(url, "/callback/wechat/message");
    let echo = ids::hex(&ids::random::<8>());
    match look(signed(shown.clone(), push, &echo)).await {
        Ok(reply) if reply.text == echo => report.add(
            "push_address",
            Verdict::Right,
            format_args!("{shown} 能通过微信的 URL 验证"),
            format_args!("{shown} passes WeChat's verification"),
        ),
        Ok(reply) => report.add(
            "push_address",
            Verdict::Wrong,
            format_args!(
                "{shown} 不能通过微信的 URL 验证（HTTP {}）：代理是否转发它？运行中的网关用的是同一个 Token 吗？",
                reply.status
            ),
            format_args!(
                "{shown} does not pass WeChat's verification (HTTP {}): is it forwarded, and does the running gateway have the same token?",
                reply.status
            ),
        ),
        Err(failure) => report.add(
            "push_address",
            Verdict::Unknown,
            format_args!("{shown} 没有应答：{failure}"),
            format_args!("{shown} does not answer: {failure}"),
        ),
    }
}

/// The address with what proves that the question is WeChat's.
fn signed(mut address: Url, push: &MessagePush, echo: &str) -> Url {
    let timestamp = (Clock::new().wall() / 1_000).to_string();
    let nonce = ids::hex(&ids::random::<8>());
    let mut parts = [push.token.expose_secret(), &timestamp, &nonce];
    parts.sort_unstable();
    let signature = ids::hex(&Sha1::digest(parts.concat()));
    address
        .query_pairs_mut()
        .append_pair("signature", &signature)
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .append_pair("echostr", echo);
    address
}

/// Asks for a file as WeChat's console does: its address, and whether it is there.
async fn proof(url: &Url, path: &Path) -> (Url, bool) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let shown = at(url, &name);
    let is_served = match (look(shown.clone()).await, fs::read_to_string(path)) {
        (Ok(reply), Ok(text)) => reply.status == 200 && reply.text == text,
        _ => false,
    };
    (shown, is_served)
}

fn judge_proof(report: &mut Report, shown: &Url, is_served: bool) {
    if is_served {
        report.add(
            "verify_address",
            Verdict::Right,
            format_args!("微信能读到 {shown}"),
            format_args!("{shown} is there for WeChat to read"),
        );
    } else {
        report.add(
            "verify_address",
            Verdict::Wrong,
            format_args!("{shown} 没有给出 verify_dir 里的文件：代理是否转发它？"),
            format_args!("{shown} does not give the file of verify_dir: is it forwarded?"),
        );
    }
}
