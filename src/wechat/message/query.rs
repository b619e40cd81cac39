//! The query of a request to the push address.

use std::borrow::Cow;

use url::form_urlencoded;

use super::{FRESH_WITHIN_S, Refused};

/// The longest query that is read, in bytes. WeChat's has some 300.
const MAX_QUERY: usize = 4 * 1024;

/// The longest nonce, in characters. WeChat's has ten digits.
const MAX_NONCE: usize = 128;

/// The parameters that count, each decoded once. `openid` does not: nothing signs it.
#[derive(Default)]
pub(super) struct Query<'a> {
    pub(super) signature: Option<Cow<'a, str>>,
    pub(super) msg_signature: Option<Cow<'a, str>>,
    pub(super) echostr: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
    encrypt_type: Option<Cow<'a, str>>,
}

/// What `encrypt_type` says of the body.
pub(super) enum Encryption {
    Raw,
    Aes,
}

impl<'a> Query<'a> {
    /// # Errors
    /// [`Refused::Query`] when it is too long or one of the parameters is there twice: then the one that is checked
    /// and the one that is used could differ.
    pub(super) fn parse(query: &'a str) -> Result<Self, Refused> {
        if query.len() > MAX_QUERY {
            return Err(Refused::Query);
        }
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "signature" => &mut parsed.signature,
                "msg_signature" => &mut parsed.msg_signature,
                "echostr" => &mut parsed.echostr,
                "timestamp" => &mut parsed.timestamp,
                "nonce" => &mut parsed.nonce,
                "encrypt_type" => &mut parsed.encrypt_type,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(Refused::Query);
            }
        }
        Ok(parsed)
    }

    pub(super) fn encryption(&self) -> Result<Encryption, Refused> {
        match self.encrypt_type.as_deref() {
            None | Some("" | "raw") => Ok(Encryption::Raw),
            Some("aes") => Ok(Encryption::Aes),
            Some(_) => Err(Refused::Query),
        }
    }

    pub(super) fn delivery(&self) -> Result<Delivery, Refused> {
        let (Some(timestamp), Some(nonce)) = (&self.timestamp, &self.nonce) else {
            return Err(Refused::Query);
        };
        Delivery::new(timestamp, nonce).ok_or(Refused::Query)
    }
}

/// When a request was signed, and what tells it from others of that second. Both are signed; without the memory of the
/// caller a request could be sent again for as long as it is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// As it came: what is signed is the text. It has one form, so that no second text means the same time.
    timestamp: String,
    nonce: String,
}

impl Delivery {
    pub(super) fn new(timestamp: &str, nonce: &str) -> Option<Self> {
        let canonical = seconds(timestamp).is_some_and(|seconds| seconds.to_string() == timestamp);
        let opaque = (1..=MAX_NONCE).contains(&nonce.len())
            && nonce.bytes().all(|byte| byte.is_ascii_graphic());
        (canonical && opaque).then(|| Self {
            timestamp: timestamp.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// The same nonce at another time: what an answer may carry.
    pub(super) fn at(now_s: u64, of: &Self) -> Self {
        Self {
            timestamp: now_s.to_string(),
            nonce: of.nonce.clone(),
        }
    }

    pub(super) fn timestamp(&self) -> &str {
        &self.timestamp
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What is to be claimed for [`REMEMBER_S`](super::REMEMBER_S): one text for one request, 140 characters at most.
    pub fn claim_key(&self) -> String {
        format!("{}:{}", self.timestamp, self.nonce)
    }

    pub(super) fn check_fresh(&self, now_s: u64) -> Result<(), Refused> {
        let fresh = seconds(&self.timestamp)
            .is_some_and(|timestamp| timestamp.abs_diff(now_s) <= FRESH_WITHIN_S);
        if fresh { Ok(()) } else { Err(Refused::Stale) }
    }
}

/// Unix seconds in decimal digits; below 10^10, which is in the year 2286.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
