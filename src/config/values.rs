//! Values that serde has no good word for.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected},
};
use url::Url;

const URL: &str = "an address with scheme and host, as in https://login.example.com,";
const SOCKET: &str = "an IP address and a port, as in 127.0.0.1:8080,";
const NETWORK: &str = "a network, as in 10.0.0.0/8 or 192.0.2.1/32,";

/// A span written as seconds, with or without a fraction.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).ok().ok_or_else(|| {
        let expected = "a number of seconds, not negative,";
        D::Error::invalid_value(Unexpected::Float(seconds), &expected)
    })
}

pub(super) fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parsed(&String::deserialize(deserializer)?, SOCKET)
}

pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| parse_url(&text))
        .transpose()
}

pub(super) fn required_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    parse_url(&String::deserialize(deserializer)?)
}

pub(super) fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| parse_url(text))
        .collect()
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| parsed(text, NETWORK))
        .collect()
}

fn parse_url<E: Error>(text: &str) -> Result<Url, E> {
    let url: Url = parsed(text, URL)?;
    if url.has_host() && matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(E::invalid_value(Unexpected::Str(text), &URL))
    }
}

fn parsed<T: FromStr, E: Error>(text: &str, expected: &str) -> Result<T, E> {
    text.trim()
        .parse()
        .ok()
        .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &expected))
}
