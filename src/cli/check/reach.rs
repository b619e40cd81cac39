//! One look at an address, as strangers see it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use reqwest::header;
use url::Url;

use crate::outbound;

/// Bytes of a body at most; what comes after them is not read.
const MAX_BODY: usize = 256 * 1024;
/// WeChat's pages speak to phones only.
const PHONE: &str = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50";

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The server's time, in seconds since 1970.
    pub(super) date: Option<u64>,
    /// Where it leads on.
    pub(super) location: Option<Url>,
    pub(super) text: String,
}

/// Why nothing did. Shows no URL.
pub(super) struct Failure {
    text: String,
    /// Somebody answered, and could not prove to be who they should be.
    pub(super) is_certificate: bool,
}

impl Failure {
    fn new(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut deepest: &dyn std::error::Error = &error;
        while let Some(cause) = deepest.source() {
            deepest = cause;
        }
        let text = deepest.to_string();
        Self {
            is_certificate: text.contains("certificate"),
            text,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Asks once, without following; takes no longer than [`outbound::client`] lets it.
pub(super) async fn look(url: Url) -> Result<Reply, Failure> {
    read(url).await.map_err(Failure::new)
}

async fn read(url: Url) -> Result<Reply, reqwest::Error> {
    let request = outbound::client()?.get(url.clone());
    let mut answer = request.header(header::USER_AGENT, PHONE).send().await?;
    let header = |name| answer.headers().get(name)?.to_str().ok();
    let date = header(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    let location = header(header::LOCATION).and_then(|location| url.join(location).ok());
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while body.len() < MAX_BODY
        && let Some(chunk) = answer.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_BODY);
    Ok(Reply {
        status,
        date: date.as_ref().map(Duration::as_secs),
        location,
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}
