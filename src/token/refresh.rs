//! Refresh tokens: one family for each session, one generation for each rotation (RFC 9700 section 4.14).
//!
//! A token is derived from its session's name and its generation, so that a successor can be given twice
//! although only its hash is kept.

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    keys::{Keys, mac},
    session::SessionId,
};
use crate::ids;

const FAMILY: usize = 16;
const GENERATION: usize = 4;
const MAC: usize = 32;
const WHOLE: usize = FAMILY + GENERATION + MAC;

/// Makes and reads refresh tokens.
pub(super) struct Families {
    key: [u8; 32],
}

/// What a token that was made here says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) session: SessionId,
    pub(super) generation: u32,
    /// SHA-256 of the token, as the store keeps it.
    pub(super) hash: [u8; 32],
}

/// A token and its hash.
pub(super) struct Made {
    pub(super) token: SecretString,
    pub(super) hash: [u8; 32],
}

impl Families {
    pub(super) fn new(keys: &Keys) -> Self {
        let key = keys.purpose("refresh");
        Self { key }
    }

    /// base64url(session's UUID ‖ generation as 32 bits, big-endian ‖ HMAC-SHA256(refresh key, both)):
    /// 70 characters, the same each time. `None` when the session's name is no UUID.
    pub(super) fn make(&self, session: &SessionId, generation: u32) -> Option<Made> {
        let family = session.bytes()?;
        let generation = generation.to_be_bytes();
        let mac = mac(&self.key, &[&family, &generation]);
        let token = ids::base64url(&[family.as_slice(), &generation, &mac].concat());
        let hash = hash(&token);
        let token = token.into();
        Some(Made { token, hash })
    }

    /// What a token made here says; `None` for everything else.
    pub(super) fn read(&self, token: &str) -> Option<Shown> {
        let bytes: [u8; WHOLE] = ids::from_base64url(token)?;
        let (family, rest) = bytes.split_first_chunk::<FAMILY>()?;
        let (generation, shown) = rest.split_first_chunk::<GENERATION>()?;
        let due = mac(&self.key, &[family, generation]);
        let ours: bool = due.as_slice().ct_eq(shown).into();
        ours.then(|| Shown {
            session: SessionId::from_bytes(*family),
            generation: u32::from_be_bytes(*generation),
            hash: hash(token),
        })
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn families() -> Families {
        Families { key: [7; 32] }
    }

    fn text(family: [u8; FAMILY], generation: u32) -> String {
        let made = families().make(&SessionId::from_bytes(family), generation);
        made.unwrap().token.expose_secret().to_owned()
    }

    #[test]
    fn a_session_that_is_no_uuid_has_no_tokens() {
        assert!(families().make(&SessionId("x".to_owned()), 0).is_none());
    }

    proptest! {
        #[test]
        fn a_token_says_what_it_was_made_of(family: [u8; FAMILY], generation: u32) {
            let session = SessionId::from_bytes(family);
            let made = families().make(&session, generation).unwrap();
            prop_assert_eq!(made.token.expose_secret().len(), 70);
            let hash = made.hash;
            let shown = families().read(made.token.expose_secret());
            prop_assert_eq!(shown, Some(Shown { session, generation, hash }));
        }

        #[test]
        fn one_bit_changed_says_nothing(family: [u8; FAMILY], generation: u32, bit in 0..WHOLE * 8) {
            let mut bytes: [u8; WHOLE] = ids::from_base64url(&text(family, generation)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(families().read(&ids::base64url(&bytes)), None);
        }

        #[test]
        fn no_text_says_anything_and_none_panics(text in "\\PC*|[A-Za-z0-9_-]{70}") {
            prop_assert_eq!(families().read(&text), None);
        }
    }
}
