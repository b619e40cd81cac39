//! The keys everything is made from: those that sign access tokens, and one secret that the rest is derived from.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::jwk::JwkSet;
use secrecy::{ExposeSecret, SecretBox};
use serde_json::Value;
use sha2::Sha256;

use super::{
    ring::{Entry, KeyState, KeyStatus, Policy, Ring},
    signing_key::{SigningKey, new_pem},
};
use crate::{clock::Millis, cluster::StoreError, config::SigningAlgorithm, ids};

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
    /// The list is gone, or a key that it names.
    #[error("signing keys: they are gone; put the copy of a backup there")]
    Gone,
    /// As many as there may be are there.
    #[error(
        "signing keys: 16 are there already; wait until those retired have gone (scangate keys list)"
    )]
    TooMany,
    /// The running gateways would not take the key over.
    #[error(
        "signing keys: the gateway signs with {theirs}, and token.algorithm is {ours} here: it has to be started with that first"
    )]
    OtherAlgorithm {
        /// What signs now.
        theirs: SigningAlgorithm,
        /// What is configured here.
        ours: SigningAlgorithm,
    },
    /// The keys in the database cannot be opened.
    #[error(
        "the keys in the database of store.url were wrapped with another master key; set the one that the other gateways have (if it is lost: DELETE FROM sealed_keys, and the next start makes new keys, which ends every session)"
    )]
    OtherMaster,
    /// The database is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The library did not take a key, or something is wrong with all of them.
    #[error("signing keys: {0}")]
    Library(String),
}

/// All keys of a gateway; clones share them.
///
/// Tokens are verified with any of the signing keys, found by `kid`, and signed with one of them. Looking a key up
/// never touches the disk; [`KeyKeeper`](super::KeyKeeper) takes over what is written there.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    policy: Policy,
    secret: SecretBox<[u8; 32]>,
    loaded: RwLock<Arc<Loaded>>,
}

/// A ring with its keys.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) ring: Ring,
    /// By `kid`.
    pub(super) keys: HashMap<String, Arc<SigningKey>>,
}

impl Keys {
    pub(super) fn of(policy: Policy, secret: SecretBox<[u8; 32]>, loaded: Loaded) -> Self {
        Self(Arc::new(Inner {
            policy,
            secret,
            loaded: RwLock::new(Arc::new(loaded)),
        }))
    }

    /// Fresh `EdDSA` keys that live in memory only.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library cannot make one.
    pub fn generate() -> Result<Self, KeyError> {
        Self::in_memory(SigningAlgorithm::EdDsa)
    }

    pub(super) fn in_memory(algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let key = SigningKey::from_pem(algorithm, &new_pem(algorithm)?)?;
        let ring = Ring::one(Entry {
            kid: key.kid.clone(),
            algorithm,
            published_at: 0,
            signs_from: 0,
        });
        let keys = HashMap::from([(key.kid.clone(), Arc::new(key))]);
        let secret = SecretBox::new(Box::new(ids::random()));
        let policy = Policy::by_command(algorithm);
        Ok(Self::of(policy, secret, Loaded { ring, keys }))
    }

    /// A key for one purpose, HMAC-SHA256(secret, purpose): `"grant"`, `"refresh"`, `"oauth_state"`, …
    pub fn purpose(&self, purpose: &'static str) -> [u8; 32] {
        mac(self.0.secret.expose_secret(), &[purpose.as_bytes()])
    }

    /// Whether that is the secret they are derived from.
    pub(super) fn come_from(&self, secret: &SecretBox<[u8; 32]>) -> bool {
        let purpose = "comparison";
        mac(secret.expose_secret(), &[purpose.as_bytes()]) == self.purpose(purpose)
    }

    /// The public keys at `now` as a JWK set (RFC 7517), those included that will sign and those that have: `use:
    /// sig`, `alg`, `kid` = RFC 7638 thumbprint.
    pub fn jwks(&self, now: Millis) -> Value {
        let loaded = self.loaded();
        let published = self.status(now).into_iter();
        let published = published.filter(|key| key.state != KeyState::Dead);
        let keys = published.filter_map(|key| Some(loaded.keys.get(&key.kid)?.jwk.clone()));
        let set = JwkSet {
            keys: keys.collect(),
        };
        // A set of plain structs with string keys always has a JSON form.
        serde_json::to_value(set).unwrap_or_default()
    }

    /// Where each signing key stands at `now`.
    pub fn status(&self, now: Millis) -> Vec<KeyStatus> {
        self.loaded().ring.status(&self.0.policy, now).collect()
    }

    /// The `kid` of the key that signs at `now`.
    pub(super) fn current(&self, now: Millis) -> String {
        let loaded = self.loaded();
        let key = loaded.ring.signing(self.algorithm(), now);
        // No ring without one is taken over; of an empty kid there is no key.
        key.map(|key| key.kid.clone()).unwrap_or_default()
    }

    /// The key of that `kid` and of the one algorithm accepted: a look-up in memory, whatever the text is.
    pub(super) fn find(&self, kid: &str) -> Option<Arc<SigningKey>> {
        let loaded = self.loaded();
        let key = loaded.keys.get(kid);
        key.filter(|key| key.algorithm == self.algorithm()).cloned()
    }

    /// The algorithm of every access token that is signed or accepted.
    pub(super) fn algorithm(&self) -> SigningAlgorithm {
        self.0.policy.algorithm
    }

    pub(super) fn loaded(&self) -> Arc<Loaded> {
        let loaded = self.0.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.clone()
    }

    pub(super) fn take_over(&self, found: Loaded) {
        let mut loaded = self
            .0
            .loaded
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *loaded = Arc::new(found);
    }
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
        for (algorithm, alg, kty, crv, members) in [
            (SigningAlgorithm::EdDsa, "EdDSA", "OKP", "Ed25519", 6),
            (SigningAlgorithm::Es256, "ES256", "EC", "P-256", 7),
        ] {
            let keys = Keys::in_memory(algorithm).unwrap();
            let set = keys.jwks(0);
            let [key] = set["keys"].as_array().unwrap().as_slice() else {
                panic!("one key in {set}");
            };
            assert_eq!(key["kty"], kty);
            assert_eq!(key["crv"], crv);
            assert_eq!(key["alg"], alg);
            assert_eq!(key["use"], "sig");
            assert_eq!(key["kid"], keys.current(0));
            let found = key.as_object().unwrap();
            assert_eq!(found.len(), members, "and x, for EC y, nothing else");
            assert_eq!(found.contains_key("y"), kty == "EC");
        }
    }
}
