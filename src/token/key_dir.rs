//! The directory of the keys, shared by all processes of a gateway.
//!
//! `keys.json` lists the signing keys, `signing-{kid}.pem` holds each of them (PKCS#8), `derivation.key` the secret
//! that the rest is derived from. Who writes has the `lock`; who reads needs none, because a list is replaced whole,
//! after the keys it names are there and before those it names no more are gone.

use std::{collections::HashMap, fs, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    key_files::{self, refused},
    key_source::{Kept, KeyStore, MAX_KEYS, Secret, Turned, is_kid},
    keys::{KeyError, Loaded},
    ring::{Entry, KeyRotation, Policy, Ring},
    signing_key::SigningKey,
};
use crate::{clock::Millis, ids};

const LIST: &str = "keys.json";
const DERIVATION: &str = "derivation.key";
const LOCK: &str = "lock";

/// How often a list may be replaced while its keys are read.
const READ_TRIES: u32 = 3;

/// The form of `keys.json`.
const VERSION: u32 = 1;

/// A directory of keys; it need not exist.
#[derive(Clone, Debug)]
pub(super) struct KeyDir(pub(super) PathBuf);

/// `keys.json`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    keys: Ring,
}

#[async_trait]
impl KeyStore for KeyDir {
    fn setting(&self) -> &'static str {
        "token.key_dir"
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }

    async fn secret(&self) -> Result<Option<Secret>, KeyError> {
        self.blocking(Self::secret_now).await
    }

    async fn ring(&self) -> Result<Option<Ring>, KeyError> {
        self.blocking(Self::ring_now).await
    }

    async fn load(&self, known: Arc<Loaded>) -> Result<Loaded, KeyError> {
        self.blocking(move |dir| dir.load_now(&known.keys)).await
    }

    async fn turn(
        &self,
        rotation: KeyRotation,
        policy: Policy,
        now: Millis,
    ) -> Result<Ring, KeyError> {
        self.blocking(move |dir| dir.turn_now(rotation, policy, now))
            .await
    }
}

impl KeyDir {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let dir = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&dir)).await;
        done.unwrap_or_else(|error| Err(KeyError::Library(error.to_string())))
    }

    /// All that a database takes over, if a gateway has ever kept its keys here; changes nothing.
    pub(super) async fn kept(&self) -> Result<Option<Kept>, KeyError> {
        self.blocking(Self::kept_now).await
    }

    fn kept_now(&self) -> Result<Option<Kept>, KeyError> {
        let Some(secret) = self.secret_now()? else {
            return Ok(None);
        };
        let ring = match self.ring_now()? {
            // What is no key is found here, not after it was taken over.
            Some(_) => self.load_now(&HashMap::new())?.ring,
            None => Ring::default(),
        };
        let pems = ring.keys().iter().map(|entry| {
            let path = self.pem(&entry.kid);
            let pem = key_files::read(&path)?.ok_or_else(|| refused(&path, "it is gone"))?;
            Ok((entry.kid.clone(), pem))
        });
        Ok(Some(Kept {
            pems: pems.collect::<Result<_, KeyError>>()?,
            secret,
            ring,
        }))
    }

    fn turn_now(
        &self,
        rotation: KeyRotation,
        policy: Policy,
        now: Millis,
    ) -> Result<Ring, KeyError> {
        key_files::make_dir(&self.0)?;
        key_files::refuse_open_dir(&self.0)?;
        let _lock = key_files::lock(&self.0.join(LOCK))?;
        if self.secret_now()?.is_none() {
            let text: SecretString = format!("{}\n", ids::base64url(&ids::random::<32>())).into();
            key_files::write(&self.0.join(DERIVATION), &text)?;
        }
        let before = self.ring_now()?.unwrap_or_default();
        let Turned { ring: after, made } = before.turned(rotation, policy, now)?;
        if let Some((kid, pem)) = made {
            key_files::write(&self.pem(&kid), &pem)?;
        }
        if after != before {
            let list = List {
                version: VERSION,
                keys: after.clone(),
            };
            let text = serde_json::to_string_pretty(&list)
                .map_err(|error| KeyError::Library(error.to_string()))?;
            key_files::write(&self.0.join(LIST), &(text + "\n").into())?;
        }
        self.sweep(&after);
        Ok(after)
    }

    /// The list as it is on the disk; `None` when there is none.
    fn ring_now(&self) -> Result<Option<Ring>, KeyError> {
        let path = self.0.join(LIST);
        let Some(text) = key_files::read(&path)? else {
            return Ok(None);
        };
        let list: Option<List> = serde_json::from_str(text.expose_secret()).ok();
        let keys = list
            .filter(|list| list.version == VERSION)
            .map(|list| list.keys)
            .filter(|ring| (1..=MAX_KEYS).contains(&ring.keys().len()))
            .filter(|ring| ring.keys().iter().all(|key| is_kid(&key.kid)));
        let keys = keys.ok_or_else(|| {
            refused(
                &path,
                "not a list of keys; put the copy of a backup there, or remove the file: then all access tokens die, and sessions go on by refresh",
            )
        })?;
        Ok(Some(keys.sorted()))
    }

    /// The list and its keys; those known already are not read again.
    fn load_now(&self, known: &HashMap<String, Arc<SigningKey>>) -> Result<Loaded, KeyError> {
        let missing = || refused(&self.0.join(LIST), "it is gone");
        let mut ring = self.ring_now()?.ok_or_else(missing)?;
        for _ in 1..READ_TRIES {
            let keys = self.signing_keys(&ring, known);
            let found = self.ring_now()?.ok_or_else(missing)?;
            if found == ring {
                return Ok(Loaded { ring, keys: keys? });
            }
            ring = found;
        }
        let keys = self.signing_keys(&ring, known)?;
        Ok(Loaded { ring, keys })
    }

    fn signing_keys(
        &self,
        ring: &Ring,
        known: &HashMap<String, Arc<SigningKey>>,
    ) -> Result<HashMap<String, Arc<SigningKey>>, KeyError> {
        let keys = ring.keys().iter().map(|entry| {
            let key = match known.get(&entry.kid) {
                Some(key) => key.clone(),
                None => Arc::new(self.signing_key(entry)?),
            };
            Ok((entry.kid.clone(), key))
        });
        keys.collect()
    }

    fn signing_key(&self, entry: &Entry) -> Result<SigningKey, KeyError> {
        let path = self.pem(&entry.kid);
        let pem = key_files::read(&path)?.ok_or_else(|| refused(&path, "it is gone"))?;
        SigningKey::from_pem(entry.algorithm, &pem)
            .ok()
            .filter(|key| key.kid == entry.kid)
            .ok_or_else(|| {
                refused(
                    &path,
                    &format!(
                        "not the {} private key that keys.json names",
                        entry.algorithm
                    ),
                )
            })
    }

    /// Removes the keys that are not on the list: the dead, and those of a process that was killed.
    fn sweep(&self, ring: &Ring) {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kid = name.strip_prefix("signing-").and_then(|rest| {
                rest.strip_suffix(".pem")
                    .or_else(|| rest.strip_suffix(".new"))
            });
            let is_listed = |kid| ring.keys().iter().any(|key| key.kid == kid);
            if kid.is_some_and(|kid| is_kid(kid) && !is_listed(kid))
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::error!(%error, file = %entry.path().display(), "a dead key stays on the disk");
            }
        }
    }

    fn pem(&self, kid: &str) -> PathBuf {
        self.0.join(format!("signing-{kid}.pem"))
    }

    fn secret_now(&self) -> Result<Option<Secret>, KeyError> {
        if matches!(fs::exists(&self.0), Ok(false)) {
            return Ok(None);
        }
        key_files::refuse_open_dir(&self.0)?;
        let path = self.0.join(DERIVATION);
        let Some(text) = key_files::read(&path)? else {
            return Ok(None);
        };
        let secret = ids::from_base64url(text.expose_secret().trim_end())
            .ok_or_else(|| refused(&path, "not 32 bytes in base64url without padding"))?;
        Ok(Some(Secret::new(Box::new(secret))))
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "key_dir_tests.rs"]
mod tests;
