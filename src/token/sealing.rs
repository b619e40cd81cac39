//! Keys wrapped for a place that others can read: AES-256-GCM with a key that is derived from `token.master_key`.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
};
use secrecy::ExposeSecret;

use super::{key_source::Secret, keys::mac};
use crate::ids;

/// What the wrapping key is derived for.
const PURPOSE: &[u8] = b"scangate wrapped keys 1";

/// What wraps keys; without `Debug`.
pub(super) struct MasterKey(LessSafeKey);

impl MasterKey {
    #[expect(clippy::expect_used, reason = "AES-256 takes every key of 32 bytes")]
    pub(super) fn new(master: &Secret) -> Self {
        let wrapping = mac(master.expose_secret(), &[PURPOSE]);
        let key = UnboundKey::new(&AES_256_GCM, &wrapping).expect("a key of 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// A random nonce, then what only this key opens, and only as revision `revision`: nobody who can write there can
    /// put an older text back under a newer number.
    pub(super) fn seal(&self, revision: u64, mut text: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
        let nonce: [u8; NONCE_LEN] = ids::random();
        let unique = Nonce::assume_unique_for_key(nonce);
        // In place: no copy of the text is left.
        self.0
            .seal_in_place_append_tag(unique, bound_to(revision), &mut text)?;
        Ok([&nonce, text.as_slice()].concat())
    }

    /// What was sealed; an error when it was sealed with another key, as another revision, or was changed.
    pub(super) fn open(&self, revision: u64, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut text = text.to_vec();
        let length = self
            .0
            .open_in_place(nonce, bound_to(revision), &mut text)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

fn bound_to(revision: u64) -> Aad<[u8; 8]> {
    Aad::from(revision.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> MasterKey {
        MasterKey::new(&Secret::new(Box::new([byte; 32])))
    }

    #[test]
    fn only_the_same_key_opens_and_only_the_same_revision() {
        let sealed = master(1).seal(7, b"a key".to_vec()).unwrap();
        assert_eq!(master(1).open(7, &sealed).unwrap(), b"a key");
        assert!(master(2).open(7, &sealed).is_err());
        assert!(master(1).open(8, &sealed).is_err());
        assert!(master(1).open(7, &sealed[..NONCE_LEN - 1]).is_err());
        assert!(master(1).open(7, b"").is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(master(1).open(7, &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn nothing_of_the_text_shows_and_none_is_sealed_twice_alike() {
        let text = b"-----BEGIN PRIVATE KEY-----".to_vec();
        let (one, other) = (
            master(1).seal(1, text.clone()).unwrap(),
            master(1).seal(1, text.clone()).unwrap(),
        );
        assert_ne!(one, other);
        assert!(
            !one.windows(4)
                .any(|bytes| text.windows(4).any(|of| of == bytes))
        );
    }
}
