//! Where the keys of all gateways lie, and how they follow one another there.
//!
//! A [`KeySource`] is the directory of `token.key_dir`, or with `token.master_key` the database of `store.url`. Both
//! keep the same: the list of signing keys, each of them, and the secret that the rest is derived from.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use secrecy::{SecretBox, SecretString};

use super::{
    key_dir::KeyDir,
    key_table::{KeyRecords, KeyTable},
    keys::{KeyError, Keys, Loaded},
    ring::{Entry, KeyRotation, KeyStatus, Policy, Ring},
    sealing::MasterKey,
    signing_key::{SigningKey, new_pem},
};
use crate::{clock::Millis, config::Config, ids};

/// Keys at once, at most: one waits, one signs, the rest are the traces of impatient commands.
pub(super) const MAX_KEYS: usize = 16;

/// What the rest is derived from.
pub(super) type Secret = SecretBox<[u8; 32]>;

/// What keeps keys for all gateways. A list is replaced whole, and never names a key that is not there.
#[async_trait]
pub(super) trait KeyStore: Send + Sync {
    /// The key of the configuration that leads there.
    fn setting(&self) -> &'static str;

    /// Where it is, for people.
    fn place(&self) -> String;

    /// The secret; `None` when no gateway has made any yet.
    async fn secret(&self) -> Result<Option<Secret>, KeyError>;

    /// The list as it is now; `None` when there is none.
    async fn ring(&self) -> Result<Option<Ring>, KeyError>;

    /// The list and its keys; those known already are not read again.
    async fn load(&self, known: Arc<Loaded>) -> Result<Loaded, KeyError>;

    /// Makes the keys follow one another, and the secret if it is missing; of those who do it at once, one after the
    /// other.
    async fn turn(
        &self,
        rotation: KeyRotation,
        policy: Policy,
        now: Millis,
    ) -> Result<Ring, KeyError>;
}

/// All that a store keeps.
pub(super) struct Kept {
    pub(super) secret: Secret,
    pub(super) ring: Ring,
    /// By `kid`, as PKCS#8.
    pub(super) pems: BTreeMap<String, SecretString>,
}

/// A list after a rotation, and the key that was made for it.
pub(super) struct Turned {
    pub(super) ring: Ring,
    pub(super) made: Option<(String, SecretString)>,
}

/// The keys' place; clones share it.
#[derive(Clone)]
pub struct KeySource {
    store: Arc<dyn KeyStore>,
    policy: Policy,
}

impl KeySource {
    /// `records` of the database with `token.master_key`, else `token.key_dir`; it need not exist.
    pub fn of(config: &Config, records: Option<Arc<dyn KeyRecords>>) -> Self {
        let (policy, dir) = (Policy::of(config), KeyDir(config.key_dir()));
        let store: Arc<dyn KeyStore> = match (config.master_key(), records) {
            (Some(master), Some(records)) => {
                Arc::new(KeyTable::new(records, MasterKey::new(&master), dir))
            }
            _ => Arc::new(dir),
        };
        Self { store, policy }
    }

    /// Does it whatever signs now.
    #[cfg(test)]
    pub(super) async fn turn(&self, rotation: KeyRotation, now: Millis) {
        self.store.turn(rotation, self.policy, now).await.unwrap();
    }

    /// The key of the configuration that leads to it.
    pub fn setting(&self) -> &'static str {
        self.store.setting()
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        self.store.place()
    }

    /// The keys, as a gateway needs them to start: what is missing is made, and a key of its algorithm signs.
    ///
    /// Of several gateways that start at once where there are none yet, all get the same keys.
    ///
    /// # Errors
    /// [`KeyError`] when keys cannot be made or read, are none, or others than their owner may touch them.
    pub async fn open(&self, now: Millis) -> Result<Keys, KeyError> {
        let ring = self.store.ring().await?;
        let signing = ring.as_ref().and_then(|ring| ring.current(now));
        let is_ours = signing.is_some_and(|key| key.algorithm == self.policy.algorithm);
        if !is_ours || self.store.secret().await?.is_none() {
            let start = KeyRotation::Start;
            self.store.turn(start, self.policy, now).await?;
        }
        let keys = self.read().await?;
        keys.ok_or_else(|| KeyError::Library(format!("the keys in {} are gone", self.place())))
    }

    /// The keys that are there; `None` when no gateway has made any yet. Makes nothing.
    ///
    /// # Errors
    /// As [`KeySource::open`].
    pub async fn read(&self) -> Result<Option<Keys>, KeyError> {
        let (Some(secret), Some(_)) = (self.store.secret().await?, self.store.ring().await?) else {
            return Ok(None);
        };
        let loaded = self.store.load(Arc::default()).await?;
        Ok(Some(Keys::of(self.policy, secret, loaded)))
    }

    /// Makes the keys follow one another, and says where they stand then. Running gateways notice within 10 s.
    ///
    /// # Errors
    /// [`KeyError`] when a key cannot be kept, there are too many, or the gateway signs with another algorithm: it
    /// would not take the key over.
    pub async fn rotate(
        &self,
        rotation: KeyRotation,
        now: Millis,
    ) -> Result<Vec<KeyStatus>, KeyError> {
        let ring = self.store.ring().await?;
        let signing = ring.as_ref().and_then(|ring| ring.current(now));
        if let Some(other) = signing.filter(|key| key.algorithm != self.policy.algorithm) {
            return Err(KeyError::OtherAlgorithm {
                theirs: other.algorithm,
                ours: self.policy.algorithm,
            });
        }
        let ring = self.store.turn(rotation, self.policy, now).await?;
        Ok(ring.status(&self.policy, now).collect())
    }

    /// Takes over what others wrote, and does what is due.
    pub(super) async fn look(&self, keys: &Keys, now: Millis) -> Result<(), KeyError> {
        self.take_over(keys, now).await?;
        if keys.loaded().ring.is_due(&self.policy, now) {
            let scheduled = KeyRotation::Scheduled;
            self.store.turn(scheduled, self.policy, now).await?;
            self.take_over(keys, now).await?;
        }
        Ok(())
    }

    async fn take_over(&self, keys: &Keys, now: Millis) -> Result<(), KeyError> {
        let loaded = keys.loaded();
        if self.store.ring().await?.as_ref() == Some(&loaded.ring) {
            return Ok(());
        }
        let found = self.store.load(loaded).await?;
        if found.ring.signing(keys.algorithm(), now).is_none() {
            return Err(KeyError::Library(format!(
                "{} is configured here, and no key in {} is one: do all gateways have the same token.algorithm?",
                keys.algorithm(),
                self.setting()
            )));
        }
        let secret = self.store.secret().await?;
        if !secret.is_some_and(|secret| keys.come_from(&secret)) {
            return Err(KeyError::Library(format!(
                "the keys in {} were made anew, and those of the sessions and logins under way are gone there: put the copy of a backup back, or restart every gateway",
                self.setting()
            )));
        }
        keys.take_over(found);
        Ok(())
    }
}

impl Ring {
    /// The list after a rotation, with a fresh key where it wants one.
    pub(super) fn turned(
        &self,
        rotation: KeyRotation,
        policy: Policy,
        now: Millis,
    ) -> Result<Turned, KeyError> {
        let mut made = None;
        let algorithm = policy.algorithm;
        let ring = self.rotated(rotation, &policy, now, |signs_from| {
            let pem = new_pem(algorithm)?;
            let kid = SigningKey::from_pem(algorithm, &pem)?.kid;
            made = Some((kid.clone(), pem));
            Ok::<_, KeyError>(Entry {
                kid,
                algorithm,
                published_at: now,
                signs_from,
            })
        })?;
        if ring.keys().len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        Ok(Turned { ring, made })
    }
}

/// What may be the name of a key: 32 bytes in base64url.
pub(super) fn is_kid(text: &str) -> bool {
    ids::from_base64url::<32>(text).is_some()
}
