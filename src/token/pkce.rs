//! Proof of possession between the tab that opened a scene and the tab that redeems it (RFC 7636, S256).

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids;

/// What the tab says when it opens a scene: SHA-256 of its verifier. 43 characters of base64url as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

/// What the tab keeps to itself until it redeems: 43 to 128 unreserved characters (RFC 7636 section 4.1).
#[derive(Clone)]
pub struct Verifier(SecretString);

impl Challenge {
    /// `text` when it is exactly 32 bytes in base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        ids::from_base64url(text).map(Self)
    }

    /// The challenge of these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether the verifier is the one this was made of; takes the same time either way.
    pub fn fits(&self, verifier: &Verifier) -> bool {
        let made: [u8; 32] = Sha256::digest(verifier.0.expose_secret()).into();
        made.ct_eq(&self.0).into()
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ids::base64url(&self.0))
    }
}

impl Serialize for Challenge {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Challenge {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("challenge: 43 characters of base64url"))
    }
}

impl Verifier {
    /// `text` when it has the shape of RFC 7636 section 4.1.
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let fits = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        fits.then(|| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_pair_of_rfc_7636_fits_and_no_other() {
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        assert!(challenge.fits(&Verifier::parse(VERIFIER).unwrap()));
        assert!(!challenge.fits(&Verifier::parse(CHALLENGE).unwrap()));
        assert_eq!(challenge.to_string(), CHALLENGE);
        let json = serde_json::to_string(&challenge).unwrap();
        assert_eq!(serde_json::from_str::<Challenge>(&json).unwrap(), challenge);
    }

    #[test]
    fn shapes_are_checked() {
        let a = |count| "a".repeat(count);
        assert!(Verifier::parse(&a(43)).is_some());
        assert!(Verifier::parse(&a(128)).is_some());
        for bad in [a(42), a(129), format!("{} ", a(43)), format!("{}é", a(43))] {
            assert!(Verifier::parse(&bad).is_none(), "{bad:?}");
        }
        for bad in [
            "",
            &CHALLENGE[1..],
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Challenge::parse(&text);
            let _ = Verifier::parse(&text);
        }
    }
}
