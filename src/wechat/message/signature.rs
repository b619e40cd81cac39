//! The signatures of the message push: SHA-1 over the token and what is signed.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::query::Delivery;
use crate::ids;

/// `signature`, or with the text of `Encrypt` `msg_signature`: the parts sorted as bytes and put together, in lower-case
/// hex.
pub(super) fn sign(token: &str, delivery: &Delivery, encrypt: Option<&str>) -> String {
    let mut parts = [
        token,
        delivery.timestamp(),
        delivery.nonce(),
        encrypt.unwrap_or_default(),
    ];
    parts.sort_unstable();
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    ids::hex(&hash.finalize())
}

/// Whether `given` is the signature. The time it takes says nothing of how much of it is right.
pub(super) fn fits(given: &str, token: &str, delivery: &Delivery, encrypt: Option<&str>) -> bool {
    let signature = sign(token, delivery, encrypt);
    signature.as_bytes().ct_eq(given.as_bytes()).into()
}
