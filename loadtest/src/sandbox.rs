//! The sandbox that plays WeChat: where it is, and users for the phones.

use anyhow::{Context, bail};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::{
    http::{Pool, call, call_with},
    random::Seed,
    target::Target,
};

/// Where the gateway says that the simulated phone is, else the sandbox's default port.
pub(crate) async fn find_sandbox(target: &Target) -> anyhow::Result<Url> {
    let url = target.at("/api/v1/config")?;
    let node = target.phone_node(&url, 0).await?;
    let answer = Pool::default().send(node, call(Method::GET, &url)).await;
    let answer = answer.map_err(|trouble| anyhow::anyhow!("{trouble}"));
    let answer = answer.with_context(|| format!("{url}: is the gateway running?"))?;
    if let Ok(config) = answer.data::<Value>()
        && let Some(phone) = config["sandbox"]["phone_url"].as_str()
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

/// Makes users with these numbers and returns their ids.
pub(crate) async fn make_users(
    target: &Target,
    sandbox: &Url,
    seed: &Seed,
    numbers: impl Iterator<Item = usize>,
) -> anyhow::Result<Vec<String>> {
    let url = sandbox.join("/sandbox/api/users")?;
    let node = target.phone_node(&url, 0).await?;
    let (pool, tag) = (Pool::default(), seed.tag());
    let mut users = Vec::new();
    for number in numbers {
        let id = format!("load{tag}x{number}");
        let user = json!({"id": id, "name": format!("Load {number}"), "follower": true, "snapshot": false});
        let body = user.to_string().into_bytes();
        let post = call_with(Method::POST, &url, "application/json", body);
        let answer = pool.send(node, post).await;
        let answer = answer.map_err(|trouble| anyhow::anyhow!("{trouble}"));
        let answer = answer
            .with_context(|| format!("{url}: is the sandbox running? --sandbox says where"))?;
        // Made by an earlier run with the same --seed: a known user then, which is what a seed asks for.
        if answer.status != StatusCode::CREATED && answer.status != StatusCode::CONFLICT {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            bail!("{url}: HTTP {}: {text}", answer.status);
        }
        users.push(id);
    }
    Ok(users)
}
