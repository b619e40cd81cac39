//! The requests to a callback: a signed POST for a push, a signed GET for the check of the URL.

use reqwest::{Client, Response, header};
use url::Url;

use super::{ANSWER_TIMEOUT, Target, answer::Bad, envelope, event::Event};
use crate::{config::MessageMode, ids};

/// Bytes of an answer at most.
const MAX_ANSWER: usize = 64 * 1024;
/// What WeChat calls itself when it pushes.
const USER_AGENT: &str = "Mozilla/4.0";

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no answer within {} seconds", ANSWER_TIMEOUT / 1000)]
    Timeout,
    #[error("the callback could not be reached")]
    Unreachable,
    #[error("the answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("errcode {0}, set by PUT /sandbox/api/faults")]
    Fault(i32),
    #[error("the account is left alone for a minute after too many failures")]
    Paused,
    #[error(transparent)]
    Bad(#[from] Bad),
}

/// What one attempt sends.
pub(super) struct Signed {
    query: Vec<(&'static str, String)>,
    body: String,
}

impl Target {
    /// `event`, signed as of `timestamp` (epoch seconds), and in the two modes that do it, sealed.
    pub(super) fn sign(&self, event: &Event, timestamp: u64) -> Signed {
        let Self { app_id, token, .. } = self;
        let timestamp = timestamp.to_string();
        let nonce = nonce();
        let signature = envelope::sign(&[token, &timestamp, &nonce]);
        let clear = event.xml(None);
        let mut query = vec![
            ("signature", signature),
            ("timestamp", timestamp.clone()),
            ("nonce", nonce.clone()),
            ("openid", event.from.clone()),
        ];
        let key = self.key.as_ref();
        let Some(key) = key.filter(|_| self.mode != MessageMode::Plain) else {
            return Signed { query, body: clear };
        };
        let encrypt = key.seal(&clear, app_id);
        let msg_signature = envelope::sign(&[token, &timestamp, &nonce, &encrypt]);
        query.push(("encrypt_type", "aes".to_owned()));
        query.push(("msg_signature", msg_signature));
        let body = match self.mode {
            MessageMode::Safe => event.sealed_xml(&encrypt),
            MessageMode::Plain | MessageMode::Compatible => event.xml(Some(&encrypt)),
        };
        Signed { query, body }
    }

    /// Sends it and reads the whole answer: status and body.
    pub(super) async fn post(
        &self,
        http: &Client,
        signed: &Signed,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(&signed.query);
        let request = http
            .post(url)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, "text/xml")
            .body(signed.body.clone());
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        Ok((status, read_body(&mut response).await?))
    }

    /// Asks the callback for an echo, and gives back what was to come and what came: status and body.
    pub(super) async fn ask_for_echo(
        &self,
        http: &Client,
        timestamp: u64,
    ) -> Result<(String, u16, Vec<u8>), Failure> {
        let (timestamp, nonce) = (timestamp.to_string(), nonce());
        let echo = 1_000_000_000_000_000_000 + ids::below(8_000_000_000_000_000_000);
        let echo = echo.to_string();
        let mut url: Url = self.url.clone();
        url.query_pairs_mut().extend_pairs([
            (
                "signature",
                &envelope::sign(&[&self.token, &timestamp, &nonce]),
            ),
            ("echostr", &echo),
            ("timestamp", &timestamp),
            ("nonce", &nonce),
        ]);
        let request = http.get(url).header(header::USER_AGENT, USER_AGENT);
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        Ok((echo, status, read_body(&mut response).await?))
    }
}

/// Nine or ten digits.
fn nonce() -> String {
    (100_000_000 + ids::below(1_900_000_000)).to_string()
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::TooLarge);
        }
        body.extend(chunk);
    }
    Ok(body)
}

fn failure(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Unreachable
    }
}
