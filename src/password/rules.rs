//! What a password may be: NIST SP 800-63B section 3.1.1.2. Long enough and not easily guessed; nothing is asked of its
//! letters, and it never grows old.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zxcvbn::{Score, zxcvbn};

use crate::{code::Code, user::Username};

/// The most characters of a password; at most 512 bytes as it is sent.
pub const MAX_PASSWORD: usize = 128;

/// A password somebody typed, of at most [`MAX_PASSWORD`] characters.
#[derive(Clone)]
pub(super) struct Password(SecretString);

impl Password {
    /// In Unicode's normal form C, so that it is the same from every keyboard (RFC 8265 section 4.2). `None` when it is
    /// too long to be anybody's.
    pub(super) fn typed(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret();
        let is_short = text.chars().nth(MAX_PASSWORD).is_none();
        is_short.then(|| Self(text.nfc().collect::<String>().into()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// Whether it is one that can be typed again, of at least that many characters.
    pub(super) fn is_in_shape(&self, min_length: usize) -> bool {
        let text = self.0.expose_secret();
        text.chars().count() >= min_length && !text.contains(char::is_control)
    }

    /// Whether it holds the name, or can be guessed in fewer than 10^8 tries. Takes long: for a thread of its own.
    pub(super) fn is_weak(&self, name: &Username) -> bool {
        let text = self.0.expose_secret();
        let holds_name = text.to_lowercase().contains(name.as_str());
        holds_name || zxcvbn(text, &[name.as_str(), "scangate"]).score() < Score::Three
    }
}

impl Default for Password {
    /// Nobody's.
    fn default() -> Self {
        Self(SecretString::default())
    }
}

/// A name and a password that fit together; holds a secret.
pub struct Proposal {
    pub(super) name: Username,
    pub(super) password: Password,
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal").finish_non_exhaustive()
    }
}

/// A password of the right length, for a new account or in the place of another one.
pub(super) fn fitting(text: &SecretString, min_length: usize) -> Result<Password, Code> {
    let password = Password::typed(text).filter(|password| password.is_in_shape(min_length));
    password.ok_or(Code::BadPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str) -> bool {
        fitting(&text.into(), 10).is_ok()
    }

    fn is_weak(text: &str) -> bool {
        let name = Username::parse("lixiaolong").unwrap();
        fitting(&text.into(), 10).unwrap().is_weak(&name)
    }

    #[test]
    fn a_password_has_ten_characters_or_more() {
        assert!(!fits(""));
        assert!(!fits("123456789"));
        assert!(fits("1234567890"));
        assert!(fits("龙争虎斗精武门唐山大"));
        assert!(!fits("龙争虎斗精武门唐山"));
        assert!(fits(&"🐉".repeat(128)));
        assert!(!fits(&"a".repeat(129)));
    }

    #[test]
    fn what_nobody_can_type_is_refused() {
        assert!(fits("mit Leerzeichen und Ümläuten"));
        for wrong in [
            "correct horse\0battery",
            "correct\nhorse battery",
            "\u{7f}correct horse",
        ] {
            assert!(!fits(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn the_same_letters_are_the_same_password() {
        let composed = Password::typed(&"caf\u{e9} au lait".into()).unwrap();
        let decomposed = Password::typed(&"cafe\u{301} au lait".into()).unwrap();
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
    }

    #[test]
    fn what_is_guessed_first_is_weak() {
        for weak in [
            "1234567890",
            "password123",
            "qwertyuiop",
            "aaaaaaaaaaaaaaaa",
            "LiXiaoLong#a8Kd0Wq5",
            "scangate2024",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
        for strong in [
            "correct horse battery",
            "vN3$kfw0Lq-x",
            "龙争虎斗精武门唐山大",
        ] {
            assert!(!is_weak(strong), "{strong}");
        }
    }

    #[test]
    fn a_proposal_shows_nothing() {
        let proposal = Proposal {
            name: Username::parse("lixiaolong").unwrap(),
            password: Password::typed(&"correct horse battery".into()).unwrap(),
        };
        assert_eq!(format!("{proposal:?}"), "Proposal { .. }");
    }
}
