//! The only place that makes random values, from the operating system's generator.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Millis;

/// `N` random bytes.
///
/// # Panics
/// When the operating system cannot give any: nothing safe can be done then.
#[expect(
    clippy::expect_used,
    reason = "without randomness no secret may be made"
)]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A uniform number below `bound`, for jitter.
pub fn below(bound: u64) -> u64 {
    // The bias of the remainder is under 2^-32 for every bound in use (milliseconds).
    u64::from_le_bytes(random()) % bound.max(1)
}

/// Between half of it and the whole, so that those who lost one thing do not come back in step.
pub fn jittered(pause: Duration) -> Duration {
    let [random] = random::<1>();
    pause.mul_f64(0.5 + f64::from(random) / 512.0)
}

/// `bytes` in base64url without padding (RFC 4648 section 5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Exactly `N` bytes from base64url, or `None`. One text for one value: trailing bits must be zero.
pub fn from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 4).div_ceil(3) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// An identifier for a row (UUID version 7): sorts by the time of making, and is no secret.
pub fn row_id(now: Millis) -> String {
    uuid::Builder::from_unix_timestamp_millis(now, &random::<10>())
        .into_uuid()
        .to_string()
}

/// What runs through browser, phone and calls: the trace id of W3C Trace Context (section 3.2.2.3), 16 bytes, written in
/// lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// A new one.
    pub fn random() -> Self {
        Self(random())
    }

    /// From its 32 characters; zeros only are none.
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).filter(|bytes| *bytes != [0; 16]).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// As it is written everywhere else: it is looked for.
impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no trace id"))
    }
}

/// `bytes` in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Exactly `N` bytes from lower-case hex, or `None`.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back_and_nothing_else_does() {
        let bytes = random::<16>();
        assert_eq!(base64url(&bytes).len(), 22);
        assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        assert_eq!(
            from_base64url::<16>("AAAAAAAAAAAAAAAAAAAAAB"),
            None,
            "trailing bits"
        );
        assert_eq!(from_base64url::<16>("short"), None);
        assert_eq!(from_base64url::<16>(&"A".repeat(400)), None);
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        assert_eq!(from_hex::<1>("zz"), None);
        assert_eq!(from_hex::<1>("AA"), None, "lower case only");
    }

    #[test]
    fn a_trace_id_is_written_as_it_is_read() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        let id = TraceId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<TraceId>(&json).unwrap(), id);
        assert_eq!(TraceId::parse(&"0".repeat(32)), None, "means none");
        assert!(serde_json::from_str::<TraceId>("\"4bf9\"").is_err());
    }

    #[test]
    fn row_ids_sort_by_time() {
        let (earlier, later) = (row_id(1_795_312_000_000), row_id(1_795_312_000_001));
        assert!(earlier < later);
        assert_eq!(later.len(), 36);
        assert_ne!(row_id(1), row_id(1));
    }
}
