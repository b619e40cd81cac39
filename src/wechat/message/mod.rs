//! What WeChat pushes about the official account: proved, decrypted and read; and the answer to it.
//!
//! [`Inbox`] is the one thing to use. It is pure: requests and the time go in, a value or a [`Refused`] comes out.
//! Two memories are the caller's: which [`Delivery`] came before (a stranger who replays one), and which
//! [`Message::dedupe_key`] (WeChat itself, which sends again what was not answered within 5 s).
//!
//! Source: WeChat's pages "message push" and "message encryption and decryption"; every case of `tests/vectors` holds.

mod envelope;
mod event;
mod query;
mod refused;
mod reply;
mod signature;
mod xml;

#[cfg(test)]
mod inbox_tests;
#[cfg(test)]
mod properties_tests;
#[cfg(test)]
mod vectors;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

use self::{
    envelope::Key,
    query::{Encryption, Query},
    xml::Fields,
};
use crate::config::{MessageMode, MessagePush};

pub use self::{
    event::{Kind, Message},
    query::Delivery,
    refused::{Refused, Unusable},
};

/// The largest body that is read, in bytes. In compatible mode a text of 2 KiB makes some 12.
pub const MAX_BODY: usize = 64 * 1024;

/// How far WeChat's clock and ours may be apart, in seconds.
pub const FRESH_WITHIN_S: u64 = 300;

/// How long a [`Delivery`] must be remembered, in seconds: one from the future stays fresh that long, and the clock is
/// read in whole seconds.
pub const REMEMBER_S: u64 = 2 * FRESH_WITHIN_S + 1;

/// The receiving end of one account's message push.
pub struct Inbox {
    app_id: String,
    token: SecretString,
    /// The current one first.
    keys: Vec<Key>,
    mode: MessageMode,
}

/// A request to prove that this address is ours, as the console sends it when the address is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The body of the answer, as `text/plain`.
    pub echo: String,
    /// To be claimed before the answer is sent.
    pub delivery: Delivery,
}

/// A message that WeChat sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What it says.
    pub message: Message,
    /// To be claimed. A repeat may be WeChat's own: it is one when [`Message::dedupe_key`] came before, too.
    pub delivery: Delivery,
    /// The place of the key that opened it; `None` when it came in the clear.
    key: Option<usize>,
}

impl Inbox {
    /// # Errors
    /// [`Unusable`] when the token is empty or a key does not decode.
    pub fn new(push: &MessagePush) -> Result<Self, Unusable> {
        if push.token.expose_secret().is_empty() {
            return Err(Unusable("token"));
        }
        let keys = [
            ("encoding_aes_key", &push.key),
            ("previous_encoding_aes_key", &push.previous_key),
        ];
        let keys = keys.into_iter().filter_map(|(name, key)| {
            let key = key.as_ref()?;
            Some(Key::decode(key.expose_secret()).ok_or(Unusable(name)))
        });
        Ok(Self {
            app_id: push.app_id.clone(),
            token: push.token.clone(),
            keys: keys.collect::<Result<_, _>>()?,
            mode: push.mode,
        })
    }

    /// Checks a `GET` of the push address: `signature`, `timestamp`, `nonce`, `echostr`. `query` is as it came,
    /// `now_s` in Unix seconds.
    ///
    /// # Errors
    /// [`Refused`]; nothing of the query may be shown then.
    pub fn verify_url(&self, query: &str, now_s: u64) -> Result<Verified, Refused> {
        let mut query = Query::parse(query)?;
        let delivery = query.delivery()?;
        let echo = query.echostr.take().ok_or(Refused::Query)?.into_owned();
        self.check_signature(query.signature.as_deref(), &delivery, None)?;
        delivery.check_fresh(now_s)?;
        Ok(Verified { echo, delivery })
    }

    /// Opens a `POST` to the push address. `query` and `body` are as they came, `now_s` in Unix seconds.
    ///
    /// # Errors
    /// [`Refused`], whose stage is for the log only: the answer is the same for all.
    pub fn open(&self, query: &str, body: &[u8], now_s: u64) -> Result<Received, Refused> {
        let query = Query::parse(query)?;
        let delivery = query.delivery()?;
        if body.len() > MAX_BODY {
            return Err(Refused::Size);
        }
        match query.encryption()? {
            Encryption::Raw if self.mode == MessageMode::Plain => {
                self.check_signature(query.signature.as_deref(), &delivery, None)?;
                delivery.check_fresh(now_s)?;
                let fields = Fields::read(body).ok_or(Refused::Xml)?;
                Received::new(&fields, delivery, None)
            }
            // Whoever has seen one signature could sign any clear body with it.
            Encryption::Raw => Err(Refused::Downgrade),
            Encryption::Aes if self.keys.is_empty() => Err(Refused::NoKey),
            Encryption::Aes => self.open_sealed(&query, delivery, body, now_s),
        }
    }

    /// Of the body only `Encrypt` counts: the signature covers nothing else.
    fn open_sealed(
        &self,
        query: &Query<'_>,
        delivery: Delivery,
        body: &[u8],
        now_s: u64,
    ) -> Result<Received, Refused> {
        let msg_signature = query.msg_signature.as_deref().ok_or(Refused::Query)?;
        let outer = Fields::read(body).ok_or(Refused::Xml)?;
        let encrypt = outer.get("Encrypt").ok_or(Refused::Xml)?;
        self.check_signature(Some(msg_signature), &delivery, Some(encrypt))?;
        delivery.check_fresh(now_s)?;
        // The library's error would quote a byte of the message.
        let Ok(sealed) = STANDARD.decode(encrypt) else {
            return Err(Refused::Base64);
        };
        let (key, message) = self.decrypt(&sealed)?;
        let Ok(message) = String::from_utf8(message) else {
            return Err(Refused::Utf8);
        };
        let fields = Fields::read(message.as_bytes()).ok_or(Refused::InnerXml)?;
        Received::new(&fields, delivery, Some(key))
    }

    /// Tries the current key, then the one before; which one did it, and the message. When none does, the current
    /// one says why.
    fn decrypt(&self, sealed: &[u8]) -> Result<(usize, Vec<u8>), Refused> {
        let mut why = None;
        for (place, key) in self.keys.iter().enumerate() {
            match key.open(sealed, &self.app_id) {
                Ok(message) => return Ok((place, message)),
                Err(refused) => why = why.or(Some(refused)),
            }
        }
        Err(why.unwrap_or(Refused::NoKey))
    }

    fn check_signature(
        &self,
        given: Option<&str>,
        delivery: &Delivery,
        encrypt: Option<&str>,
    ) -> Result<(), Refused> {
        let given = given.ok_or(Refused::Query)?;
        let token = self.token.expose_secret();
        if signature::fits(given, token, delivery, encrypt) {
            Ok(())
        } else {
            Err(Refused::Signature)
        }
    }

    /// The body that answers `received` with a text in the chat: in the clear if the message came so, else sealed with
    /// the key that opened it. `random` is 16 fresh random bytes, `now_s` in Unix seconds.
    pub fn reply(&self, received: &Received, text: &str, now_s: u64, random: [u8; 16]) -> String {
        let clear = reply::text(&received.message, text, now_s);
        let Some(key) = received.key.and_then(|place| self.keys.get(place)) else {
            return clear;
        };
        let delivery = Delivery::at(now_s, &received.delivery);
        let encrypt = STANDARD.encode(key.seal(clear.as_bytes(), &self.app_id, random));
        let token = self.token.expose_secret();
        let signature = signature::sign(token, &delivery, Some(&encrypt));
        reply::sealed(&encrypt, &signature, &delivery)
    }
}

impl Received {
    /// Whether it came encrypted: then its signature covers every byte of it.
    pub const fn is_sealed(&self) -> bool {
        self.key.is_some()
    }

    fn new(fields: &Fields, delivery: Delivery, key: Option<usize>) -> Result<Self, Refused> {
        Ok(Self {
            message: Message::from_fields(fields)?,
            delivery,
            key,
        })
    }
}
