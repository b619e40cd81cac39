//! The sandbox that plays WeChat: where it is, and users for the phones.

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::{random::Seed, target::Target};

/// Every JSON answer of the gateway.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) code: u32,
    pub(crate) name: Option<String>,
    pub(crate) data: Option<Value>,
}

/// Where the gateway says that the simulated phone is, else the sandbox's default port.
pub(crate) async fn find_sandbox(client: &Client, target: &Target) -> anyhow::Result<Url> {
    let url = target.at("/api/v1/config")?;
    let answer = client
        .get(url.clone())
        .send()
        .await
        .with_context(|| format!("{url}: is the gateway running?"))?;
    if let Ok(body) = answer.json::<Answer>().await
        && let Some(phone) = body
            .data
            .as_ref()
            .and_then(|data| data["sandbox"]["phone_url"].as_str())
    {
        return Url::parse(phone)?
            .join("/")
            .with_context(|| format!("phone_url {phone}"));
    }
    let mut guess = target.url.clone();
    if guess.set_port(Some(8090)).is_err() {
        bail!("give --sandbox");
    }
    Ok(guess)
}

/// Makes `count` users and returns their ids.
pub(crate) async fn make_users(
    client: &Client,
    sandbox: &Url,
    seed: &Seed,
    count: usize,
) -> anyhow::Result<Vec<String>> {
    let url = sandbox.join("/sandbox/api/users")?;
    let tag = seed.tag();
    let mut users = Vec::with_capacity(count);
    for index in 0..count {
        let id = format!("load{tag}x{index}");
        let user =
            json!({"id": id, "name": format!("Load {index}"), "follower": true, "snapshot": false});
        let answer = client
            .post(url.clone())
            .json(&user)
            .send()
            .await
            .with_context(|| format!("{url}: is the sandbox running? --sandbox says where"))?;
        // Made by an earlier run with the same --seed: a known user then, which is what a seed asks for.
        if answer.status() != StatusCode::CREATED && answer.status() != StatusCode::CONFLICT {
            let status = answer.status();
            bail!(
                "{url}: HTTP {status}: {}",
                answer.text().await.unwrap_or_default()
            );
        }
        users.push(id);
    }
    Ok(users)
}
