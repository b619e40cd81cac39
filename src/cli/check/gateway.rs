//! Whether what people type leads to this gateway.

use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::Value;
use sha1::{Digest, Sha1};
use url::Url;

use super::report::{Report, Verdict};
use crate::{clock::Clock, config::Config, ids, outbound, token::Keys};

pub(super) async fn check(report: &mut Report, config: &Config) {
    let url = config.server.public_url();
    let client = match outbound::client() {
        Ok(client) => client,
        Err(error) => {
            report.add("public_url", Verdict::Unknown, &error, &error);
            return;
        }
    };
    if identity(report, config, &client, &url).await {
        push_address(report, config, &client, &url).await;
    }
}

/// Compares the public keys behind `public_url` with the ones on this machine's disk.
async fn identity(report: &mut Report, config: &Config, client: &Client, url: &Url) -> bool {
    let jwks = match jwks(client, url).await {
        Ok(jwks) => jwks,
        Err(error) => {
            let error = error.without_url();
            report.add(
                "public_url",
                Verdict::Unknown,
                format_args!("{url} 没有回答：{error}（网关在运行吗？）"),
                format_args!("{url} does not answer: {error} (does the gateway run?)"),
            );
            return false;
        }
    };
    let Some(own) = own_keys(report, config) else {
        report.add(
            "public_url",
            Verdict::Unknown,
            format_args!("{url} 有回答；本机没有密钥可比对"),
            format_args!("{url} answers; there are no keys here to compare with"),
        );
        return true;
    };
    let is_ours = kids(&jwks).any(|kid| kids(&own).any(|own| own == kid));
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
            format_args!("{url} 有回答，但不是使用本机密钥的网关"),
            format_args!("{url} answers, but it is not the gateway with the keys of this machine"),
        );
    }
    is_ours
}

/// The public keys of this machine, if a gateway has ever run on it.
fn own_keys(report: &mut Report, config: &Config) -> Option<Value> {
    let dir = config.key_dir();
    if !dir.join("signing.pem").exists() || !dir.join("derivation.key").exists() {
        return None;
    }
    match Keys::load_or_make(&dir) {
        Ok(keys) => Some(keys.jwks()),
        Err(error) => {
            report.add("keys", Verdict::Wrong, &error, &error);
            None
        }
    }
}

fn kids(jwks: &Value) -> impl Iterator<Item = &str> {
    let keys = jwks["keys"].as_array().into_iter().flatten();
    keys.filter_map(|key| key["kid"].as_str())
}

async fn jwks(client: &Client, url: &Url) -> Result<Value, reqwest::Error> {
    let mut address = url.clone();
    address.set_path("/.well-known/jwks.json");
    let answer = client.get(address).send().await?;
    answer.error_for_status()?.json().await
}

/// Asks for an echo as WeChat's console does.
async fn push_address(report: &mut Report, config: &Config, client: &Client, url: &Url) {
    let Some(push) = config.message_push() else {
        return;
    };
    let timestamp = (Clock::new().wall() / 1_000).to_string();
    let (nonce, echo) = (ids::hex(&ids::random::<8>()), ids::hex(&ids::random::<8>()));
    let mut parts = [push.token.expose_secret(), &timestamp, &nonce];
    parts.sort_unstable();
    let signature = ids::hex(&Sha1::digest(parts.concat()));
    let mut address = url.clone();
    address.set_path("/callback/wechat/message");
    let shown = address.to_string();
    address
        .query_pairs_mut()
        .append_pair("signature", &signature)
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .append_pair("echostr", &echo);
    let answer = match client.get(address).send().await {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    if answer.is_ok_and(|text| text == echo) {
        report.add(
            "push_address",
            Verdict::Right,
            format_args!("{shown} 能通过微信的 URL 验证"),
            format_args!("{shown} passes WeChat's verification"),
        );
    } else {
        report.add(
            "push_address",
            Verdict::Wrong,
            format_args!("{shown} 不能通过微信的 URL 验证：代理是否转发它？运行中的网关用的是同一个 Token 吗？"),
            format_args!(
                "{shown} does not pass WeChat's verification: is it forwarded, and does the running gateway have the same token?"
            ),
        );
    }
}
