//! The two digits of a number match.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::ids;

/// 00 to 99, each as likely as any other. Only the confirming phone's page shows them, so there is no `Debug` that does.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Digits(u8);

impl Digits {
    /// How many there are.
    pub const LENGTH: u8 = 2;

    /// New ones.
    pub fn random() -> Self {
        Self(u8::try_from(ids::below(100)).unwrap_or_default())
    }

    /// From exactly two ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        let [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = text.as_bytes() else {
            return None;
        };
        Some(Self((tens - b'0') * 10 + (ones - b'0')))
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digits {}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(..)")
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_read_and_written() {
        for text in ["00", "07", "42", "99"] {
            assert_eq!(Digits::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "7", "007", "+7", " 7", "7 ", "٤٢", "ab"] {
            assert!(Digits::parse(text).is_none(), "{text:?}");
        }
        assert_eq!(format!("{:?}", Digits(42)), "Digits(..)");
    }

    #[test]
    fn every_pair_comes_up() {
        let seen: std::collections::BTreeSet<u8> = (0..5_000).map(|_| Digits::random().0).collect();
        assert_eq!(seen.len(), 100);
    }
}
