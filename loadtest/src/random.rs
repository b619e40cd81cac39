//! Numbers that repeat with `--seed`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where verifiers and names come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seed([u8; 32]);

/// One PKCE pair (RFC 7636, S256).
#[derive(Debug)]
pub(crate) struct Pkce {
    pub(crate) challenge: String,
    pub(crate) verifier: String,
}

impl Seed {
    /// From `--seed`, or from the system.
    pub(crate) fn new(given: Option<u64>) -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        match given {
            Some(number) => bytes[..8].copy_from_slice(&number.to_be_bytes()),
            None => fill(&mut bytes)?,
        }
        Ok(Self(bytes))
    }

    fn derive(&self, purpose: &str, index: usize) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(purpose.as_bytes());
        hash.update(index.to_be_bytes());
        hash.finalize().into()
    }

    /// The pair of page number `index`.
    pub(crate) fn pkce(&self, index: usize) -> Pkce {
        let verifier = URL_SAFE_NO_PAD.encode(self.derive("verifier", index));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        Pkce {
            challenge,
            verifier,
        }
    }

    /// A number from 0 up to 1.
    pub(crate) fn chance(&self, index: usize) -> f64 {
        let [a, b, c, d, ..] = self.derive("chance", index);
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// Eight characters that name this run.
    pub(crate) fn tag(&self) -> String {
        let bytes = self.derive("tag", 0);
        bytes[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this crate draws randomness"
)]
fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_follow_rfc_7636() {
        let pair = Seed::new(Some(1)).unwrap().pkce(0);
        assert_eq!(pair.verifier.len(), 43);
        assert_eq!(pair.challenge.len(), 43);
        // Appendix B of RFC 7636.
        let known = Sha256::digest(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(known),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn seed_repeats_and_indices_differ() {
        let (a, b) = (Seed::new(Some(7)).unwrap(), Seed::new(Some(7)).unwrap());
        assert_eq!(a.pkce(3).verifier, b.pkce(3).verifier);
        assert_ne!(a.pkce(3).verifier, a.pkce(4).verifier);
        assert_ne!(a.tag(), Seed::new(Some(8)).unwrap().tag());
        assert_eq!(a.chance(5), b.chance(5));
        let chances: Vec<_> = (0..1000).map(|index| a.chance(index)).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        let mean = chances.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
