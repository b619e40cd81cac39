//! The grant: the one-time ticket in `authorized`, bound to a scene and to its seq at that moment.

use subtle::ConstantTimeEq;

use super::keys::{Keys, mac};
use crate::ids;

const SCENE: usize = 16;
const SEQ: usize = 8;
const MAC: usize = 32;
const WHOLE: usize = SCENE + SEQ + MAC;

/// Makes and opens grants.
pub(super) struct Grants {
    key: [u8; 32],
}

impl Grants {
    pub(super) fn new(keys: &Keys) -> Self {
        let key = keys.purpose("grant");
        Self { key }
    }

    /// base64url(scene ‖ seq as 64 bits, big-endian ‖ HMAC-SHA256(grant key, scene ‖ seq)): 75 characters,
    /// the same for the same scene and seq each time.
    pub(super) fn make(&self, scene: &[u8; SCENE], seq: u64) -> String {
        let seq = seq.to_be_bytes();
        let mac = mac(&self.key, &[scene, &seq]);
        ids::base64url(&[scene.as_slice(), &seq, &mac].concat())
    }

    /// The scene and the seq of a grant made here; `None` for everything else.
    pub(super) fn open(&self, grant: &str) -> Option<([u8; SCENE], u64)> {
        let bytes: [u8; WHOLE] = ids::from_base64url(grant)?;
        let (scene, rest) = bytes.split_first_chunk::<SCENE>()?;
        let (seq, shown) = rest.split_first_chunk::<SEQ>()?;
        let due = mac(&self.key, &[scene, seq]);
        let ours: bool = due.as_slice().ct_eq(shown).into();
        ours.then(|| (*scene, u64::from_be_bytes(*seq)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grants() -> Grants {
        Grants { key: [7; 32] }
    }

    #[test]
    fn a_grant_of_other_keys_opens_nothing() {
        let other = Grants { key: [8; 32] };
        assert_eq!(grants().open(&other.make(&[1; SCENE], 3)), None);
    }

    proptest! {
        #[test]
        fn a_grant_opens_to_what_it_was_made_of(scene: [u8; SCENE], seq: u64) {
            let grant = grants().make(&scene, seq);
            prop_assert_eq!(grant.len(), 75);
            prop_assert_eq!(grants().open(&grant), Some((scene, seq)));
        }

        #[test]
        fn one_bit_changed_opens_nothing(scene: [u8; SCENE], seq: u64, bit in 0..WHOLE * 8) {
            let grant = grants().make(&scene, seq);
            let mut bytes: [u8; WHOLE] = ids::from_base64url(&grant).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(grants().open(&ids::base64url(&bytes)), None);
        }

        #[test]
        fn no_text_opens_and_none_panics(text in "\\PC*|[A-Za-z0-9_-]{75}") {
            prop_assert_eq!(grants().open(&text), None);
        }
    }
}
