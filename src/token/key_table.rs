//! The keys in the database of `store.url`, wrapped: one text, which names all of them and holds them.
//!
//! Who changes something puts a whole text in the place of the one it has read, in one compare-and-set: of those who
//! do it at once one is first, and the others look again at what there is to do.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};

use super::{
    key_dir::KeyDir,
    key_source::{Kept, KeyStore, MAX_KEYS, Secret, Turned},
    keys::{KeyError, Loaded},
    ring::{KeyRotation, Policy, Ring},
    sealing::MasterKey,
    signing_key::SigningKey,
};
use crate::{clock::Millis, cluster::StoreError, ids};

/// How often others may be first: once for each key that there may be.
const TRIES: usize = MAX_KEYS;

/// The form of the text.
const VERSION: u32 = 1;

/// What was kept, and how often it has been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKeys {
    /// 1 for the first.
    pub revision: u64,
    /// For nobody to read without the master key.
    pub sealed: Vec<u8>,
}

/// One place for sealed keys, shared by all gateways.
#[async_trait]
pub trait KeyRecords: Send + Sync {
    /// What is there.
    async fn sealed_keys(&self) -> Result<Option<SealedKeys>, StoreError>;

    /// Puts `next` in the place of the revision before it, or of nothing when it is the first; `false` when somebody
    /// else was first. One step.
    async fn replace_keys(&self, next: &SealedKeys) -> Result<bool, StoreError>;
}

/// Keys in a database.
pub(super) struct KeyTable {
    records: Arc<dyn KeyRecords>,
    master: MasterKey,
    /// Where the keys lay before.
    before: KeyDir,
}

/// The text; what is secret is borrowed to write it, and `secrecy`'s when it is read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<S> {
    version: u32,
    derivation: S,
    keys: Ring,
    signing: BTreeMap<String, S>,
}

#[async_trait]
impl KeyStore for KeyTable {
    fn setting(&self) -> &'static str {
        "token.master_key"
    }

    fn place(&self) -> String {
        "the database of store.url".to_owned()
    }

    async fn secret(&self) -> Result<Option<Secret>, KeyError> {
        Ok(self.read().await?.map(|(_, kept)| kept.secret))
    }

    async fn ring(&self) -> Result<Option<Ring>, KeyError> {
        Ok(self.read().await?.map(|(_, kept)| kept.ring))
    }

    async fn load(&self, known: Arc<Loaded>) -> Result<Loaded, KeyError> {
        let (_, kept) = self.read().await?.ok_or(KeyError::Gone)?;
        let keys = kept.ring.keys().iter().map(|entry| {
            let key = match (known.keys.get(&entry.kid), kept.pems.get(&entry.kid)) {
                (Some(key), _) => key.clone(),
                (None, Some(pem)) => Arc::new(SigningKey::from_pem(entry.algorithm, pem)?),
                (None, None) => return Err(KeyError::Gone),
            };
            Ok((entry.kid.clone(), key))
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Loaded {
            ring: kept.ring,
            keys,
        })
    }

    async fn turn(
        &self,
        rotation: KeyRotation,
        policy: Policy,
        now: Millis,
    ) -> Result<Ring, KeyError> {
        for _ in 0..TRIES {
            let (revision, before) = match self.read().await? {
                Some((revision, kept)) => (revision, Some(kept)),
                None => (0, self.before.kept().await?),
            };
            let is_import = revision == 0 && before.is_some();
            let mut kept = before.unwrap_or_else(fresh);
            let Turned { ring, made } = kept.ring.turned(rotation, policy, now)?;
            if revision > 0 && ring == kept.ring {
                return Ok(ring);
            }
            kept.pems.extend(made);
            kept.pems
                .retain(|kid, _| ring.keys().iter().any(|key| key.kid == *kid));
            kept.ring = ring;
            if self.replace(revision + 1, &kept).await? {
                if is_import {
                    let dir = self.before.place();
                    tracing::warn!(
                        dir,
                        "the keys of token.key_dir were taken over into the database; remove them there once every gateway has token.master_key"
                    );
                }
                return Ok(kept.ring);
            }
        }
        Err(KeyError::Library(
            "others changed the keys all the time; try again".to_owned(),
        ))
    }
}

impl KeyTable {
    pub(super) fn new(records: Arc<dyn KeyRecords>, master: MasterKey, before: KeyDir) -> Self {
        Self {
            records,
            master,
            before,
        }
    }

    async fn read(&self) -> Result<Option<(u64, Kept)>, KeyError> {
        let Some(SealedKeys { revision, sealed }) = self.records.sealed_keys().await? else {
            return Ok(None);
        };
        let text = self.master.open(revision, &sealed);
        let text = Zeroizing::new(text.map_err(|_unspecified| KeyError::OtherMaster)?);
        let kept = kept(&text).ok_or_else(|| {
            KeyError::Library("the keys in the database are of another version of scangate".into())
        })?;
        Ok(Some((revision, kept)))
    }

    async fn replace(&self, revision: u64, kept: &Kept) -> Result<bool, KeyError> {
        let pems = kept.pems.iter();
        let derivation = Zeroizing::new(ids::base64url(kept.secret.expose_secret()));
        let text = Text {
            version: VERSION,
            derivation: derivation.as_str(),
            keys: kept.ring.clone(),
            signing: pems
                .map(|(kid, pem)| (kid.clone(), pem.expose_secret()))
                .collect(),
        };
        let library = |error: &dyn std::fmt::Display| KeyError::Library(error.to_string());
        let text = serde_json::to_vec(&text).map_err(|error| library(&error))?;
        let sealed = self.master.seal(revision, text);
        let sealed = sealed.map_err(|error| library(&error))?;
        let next = SealedKeys { revision, sealed };
        Ok(self.records.replace_keys(&next).await?)
    }
}

/// Nothing but a secret.
fn fresh() -> Kept {
    Kept {
        secret: Secret::new(Box::new(ids::random())),
        ring: Ring::default(),
        pems: BTreeMap::new(),
    }
}

fn kept(text: &[u8]) -> Option<Kept> {
    let text: Text<SecretString> = serde_json::from_slice(text).ok()?;
    if text.version != VERSION {
        return None;
    }
    let secret = ids::from_base64url(text.derivation.expose_secret())?;
    Some(Kept {
        secret: Secret::new(Box::new(secret)),
        ring: text.keys.sorted(),
        pems: text.signing,
    })
}

#[cfg(test)]
#[path = "key_table_tests.rs"]
mod tests;
