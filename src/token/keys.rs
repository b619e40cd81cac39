//! The keys everything is made from: one that signs access tokens, one secret that the rest is derived from.

use std::{collections::HashMap, path::Path, sync::Arc};

use aws_lc_rs::signature::Ed25519KeyPair;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretBox};
use serde_json::Value;
use sha2::Sha256;

use super::key_files;
use crate::ids;

/// Why there are no keys; each sentence says which file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system refused.
    #[error("key file {path}: {source}")]
    Io {
        /// Which file or directory.
        path: String,
        /// What it said.
        source: std::io::Error,
    },
    /// The file is there, and must not be used as it is.
    #[error("key file {path}: {problem}")]
    Refused {
        /// Which file or directory.
        path: String,
        /// What is wrong with it and what helps.
        problem: String,
    },
    /// The library did not take a key.
    #[error("signing key: {0}")]
    Library(String),
}

/// The algorithm of every access token (RFC 8037); nothing else is ever verified.
pub(super) const ALGORITHM: Algorithm = Algorithm::EdDSA;

/// All keys of a gateway; clones share them.
///
/// Tokens are verified with any of the signing keys, found by `kid`, and signed with one of them.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    signing: HashMap<String, SigningKey>,
    /// The `kid` of the one that signs.
    current: String,
    secret: SecretBox<[u8; 32]>,
}

/// A key pair and its public face.
pub(super) struct SigningKey {
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    jwk: Jwk,
}

impl Keys {
    /// The keys of `dir` (`signing.pem`: an Ed25519 key in PKCS#8; `derivation.key`: 32 bytes in base64url),
    /// made on first use.
    ///
    /// Blocks on the file system; meant for the start. Of several processes that start at once with an empty
    /// directory, all get the same keys.
    ///
    /// # Errors
    /// [`KeyError`] when a file cannot be made or read, is no key, or others than its owner may touch it.
    pub fn load_or_make(dir: &Path) -> Result<Self, KeyError> {
        let (pem, secret) = key_files::load_or_make(dir)?;
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes())
            .map_err(|error| KeyError::Library(error.to_string()))?;
        Self::of(key, secret)
    }

    /// Fresh keys that live in memory only.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library cannot make one.
    pub fn generate() -> Result<Self, KeyError> {
        let key = EncodingKey::from_ed_der(new_pkcs8()?.expose_secret());
        Self::of(key, SecretBox::new(Box::new(ids::random())))
    }

    fn of(private: EncodingKey, secret: SecretBox<[u8; 32]>) -> Result<Self, KeyError> {
        let (current, key) =
            SigningKey::of(private).map_err(|error| KeyError::Library(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            signing: HashMap::from([(current.clone(), key)]),
            current,
            secret,
        })))
    }

    /// A key for one purpose, HMAC-SHA256(secret, purpose): `"grant"`, `"refresh"`, `"oauth_state"`, …
    pub fn purpose(&self, purpose: &'static str) -> [u8; 32] {
        mac(self.0.secret.expose_secret(), &[purpose.as_bytes()])
    }

    /// The public keys as a JWK set (RFC 7517): `use: sig`, `alg: EdDSA`, `kid` = RFC 7638 thumbprint.
    pub fn jwks(&self) -> Value {
        let keys = self.0.signing.values().map(|key| key.jwk.clone());
        let set = JwkSet {
            keys: keys.collect(),
        };
        // A set of plain structs with string keys always has a JSON form.
        serde_json::to_value(set).unwrap_or_default()
    }

    /// The `kid` of the key that signs.
    pub(super) fn current(&self) -> &str {
        &self.0.current
    }

    /// The key of that `kid`: a look-up in a fixed map, whatever the text is.
    pub(super) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.0.signing.get(kid)
    }
}

impl SigningKey {
    /// The pair and its `kid`.
    fn of(private: EncodingKey) -> Result<(String, Self), jsonwebtoken::errors::Error> {
        let mut jwk = Jwk::from_encoding_key(&private, ALGORITHM)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk)?;
        let key = Self {
            private,
            public,
            jwk,
        };
        Ok((kid, key))
    }
}

/// A new Ed25519 key as a PKCS#8 version 1 document (RFC 8410), as OpenSSL writes it too.
pub(super) fn new_pkcs8() -> Result<SecretBox<[u8]>, KeyError> {
    let seed = SecretBox::new(Box::new(ids::random::<32>()));
    let document = Ed25519KeyPair::from_seed_unchecked(seed.expose_secret())
        .map_err(|error| KeyError::Library(error.to_string()))?
        .to_pkcs8v1()
        .map_err(|error| KeyError::Library(error.to_string()))?;
    Ok(SecretBox::new(document.as_ref().into()))
}

/// HMAC-SHA256 of the parts, one after the other; callers give parts of fixed length, or one part.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(super) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_keys_of_their_own() {
        let keys = Keys::generate().unwrap();
        assert_eq!(keys.purpose("grant"), keys.purpose("grant"));
        assert_ne!(keys.purpose("grant"), keys.purpose("refresh"));
        assert_ne!(
            keys.purpose("grant"),
            Keys::generate().unwrap().purpose("grant")
        );
    }

    #[test]
    fn the_key_set_is_public_and_complete() {
        let keys = Keys::generate().unwrap();
        let set = keys.jwks();
        let [key] = set["keys"].as_array().unwrap().as_slice() else {
            panic!("one key in {set}");
        };
        assert_eq!(key["kty"], "OKP");
        assert_eq!(key["crv"], "Ed25519");
        assert_eq!(key["alg"], "EdDSA");
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"], keys.current());
        assert_eq!(key.as_object().unwrap().len(), 6, "and x, nothing else");
    }

    #[test]
    fn a_kid_is_the_thumbprint_of_rfc_8037_appendix_a3() {
        // The private key of RFC 8037 appendix A.1 in a PKCS#8 envelope.
        let seed: [u8; 32] =
            ids::from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let (kid, _) = SigningKey::of(EncodingKey::from_ed_der(der.as_ref())).unwrap();
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
