//! What proves a webhook (Standard Webhooks 1.0, symmetric).

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `webhook-signature`: one for each key, with a space between, so that a receiver with any of them is served.
pub(super) fn signatures(keys: &[Vec<u8>], id: &str, timestamp: u64, body: &str) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let all = keys.iter().filter_map(|key| {
        // Every length is a key of HMAC.
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(signed.as_bytes());
        Some(format!(
            "v1,{}",
            STANDARD.encode(mac.finalize().into_bytes())
        ))
    });
    all.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const DUE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let key = STANDARD.decode(KEY).unwrap();
        assert_eq!(signatures(&[key], ID, 1_614_265_330, BODY), DUE);
    }

    #[test]
    fn while_keys_change_both_sign() {
        let key = STANDARD.decode(KEY).unwrap();
        let both = signatures(&[vec![7; 24], key], ID, 1_614_265_330, BODY);
        let (new, old) = both.split_once(' ').unwrap();
        assert_eq!(old, DUE);
        assert!(new.starts_with("v1,") && new != DUE, "{new}");
    }
}
