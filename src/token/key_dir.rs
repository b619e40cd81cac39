//! The directory of the keys, shared by all processes of a gateway.
//!
//! `keys.json` lists the signing keys, `signing-{kid}.pem` holds each of them (PKCS#8), `derivation.key` the secret
//! that the rest is derived from. Who writes has the `lock`; who reads needs none, because a list is replaced whole,
//! after the keys it names are there and before those it names no more are gone.

use std::{collections::HashMap, fs, path::PathBuf, sync::Arc};

use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    key_files::{self, refused},
    keys::{KeyError, Keys, Loaded},
    ring::{Entry, KeyRotation, KeyStatus, Policy, Ring},
    signing_key::{SigningKey, new_pem},
};
use crate::{clock::Millis, config::Config, ids};

const LIST: &str = "keys.json";
const DERIVATION: &str = "derivation.key";
const LOCK: &str = "lock";

/// Keys at once, at most: one waits, one signs, the rest are the traces of impatient commands.
const MAX_KEYS: usize = 16;

/// How often a list may be replaced while its keys are read.
const READ_TRIES: u32 = 3;

/// The form of `keys.json`.
const VERSION: u32 = 1;

/// A directory of keys, and how they follow one another there.
#[derive(Clone, Debug)]
pub struct KeyDir {
    path: PathBuf,
    policy: Policy,
}

/// `keys.json`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    keys: Ring,
}

impl KeyDir {
    /// `token.key_dir`; it need not exist.
    pub fn of(config: &Config) -> Self {
        Self {
            path: config.key_dir(),
            policy: Policy::of(config),
        }
    }

    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys, as a gateway needs them to start: what is missing is made, and a key of its algorithm signs.
    ///
    /// Blocks on the file system. Of several processes that start at once with an empty directory, all get the same
    /// keys.
    ///
    /// # Errors
    /// [`KeyError`] when a file cannot be made or read, is no key, or others than its owner may touch it.
    pub fn open(&self, now: Millis) -> Result<Keys, KeyError> {
        key_files::make_dir(&self.path)?;
        key_files::refuse_open_dir(&self.path)?;
        let secret = match self.secret()? {
            Some(secret) => secret,
            None => self.make_secret()?,
        };
        let ring = self.ring()?;
        let signing = ring.as_ref().and_then(|ring| ring.current(now));
        if signing.is_none_or(|key| key.algorithm != self.policy.algorithm) {
            self.turn(KeyRotation::Start, now)?;
        }
        let loaded = self.load(&HashMap::new())?;
        Ok(Keys::of(self.policy, secret, loaded))
    }

    /// The keys that are there; `None` when no gateway has made any yet. Makes nothing.
    ///
    /// # Errors
    /// As [`KeyDir::open`].
    pub fn read(&self) -> Result<Option<Keys>, KeyError> {
        if matches!(fs::exists(&self.path), Ok(false)) {
            return Ok(None);
        }
        key_files::refuse_open_dir(&self.path)?;
        let (Some(secret), Some(_)) = (self.secret()?, self.ring()?) else {
            return Ok(None);
        };
        let loaded = self.load(&HashMap::new())?;
        Ok(Some(Keys::of(self.policy, secret, loaded)))
    }

    /// Makes the keys of the directory follow one another, and says where they stand then. Running gateways notice
    /// within 10 s.
    ///
    /// # Errors
    /// [`KeyError`] when a file cannot be written, there are too many keys, or the gateway signs with another
    /// algorithm: it would not take the key over.
    pub fn rotate(&self, rotation: KeyRotation, now: Millis) -> Result<Vec<KeyStatus>, KeyError> {
        let ring = self.ring()?;
        let signing = ring.as_ref().and_then(|ring| ring.current(now));
        if let Some(other) = signing.filter(|key| key.algorithm != self.policy.algorithm) {
            let problem = format!(
                "the gateway signs with {}, and token.algorithm is {} here: it has to be started with that first",
                other.algorithm, self.policy.algorithm
            );
            return Err(refused(&self.path.join(LIST), &problem));
        }
        let ring = self.turn(rotation, now)?;
        Ok(ring.status(&self.policy, now).collect())
    }

    pub(super) fn turn(&self, rotation: KeyRotation, now: Millis) -> Result<Ring, KeyError> {
        let _lock = key_files::lock(&self.path.join(LOCK))?;
        let before = self.ring()?.unwrap_or_default();
        let make = |signs_from| self.make(now, signs_from);
        let after = before.rotated(rotation, &self.policy, now, make)?;
        if after.keys().len() > MAX_KEYS {
            self.sweep(&before);
            return Err(refused(
                &self.path,
                "16 keys are there already; wait until those retired have gone (scangate keys list)",
            ));
        }
        if after != before {
            let list = List {
                version: VERSION,
                keys: after.clone(),
            };
            let text = serde_json::to_string_pretty(&list)
                .map_err(|error| KeyError::Library(error.to_string()))?;
            key_files::write(&self.path.join(LIST), &(text + "\n").into())?;
        }
        self.sweep(&after);
        Ok(after)
    }

    /// The list as it is on the disk; `None` when there is none.
    pub(super) fn ring(&self) -> Result<Option<Ring>, KeyError> {
        let path = self.path.join(LIST);
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
    pub(super) fn load(
        &self,
        known: &HashMap<String, Arc<SigningKey>>,
    ) -> Result<Loaded, KeyError> {
        let missing = || refused(&self.path.join(LIST), "it is gone");
        let mut ring = self.ring()?.ok_or_else(missing)?;
        for _ in 1..READ_TRIES {
            let keys = self.signing_keys(&ring, known);
            let found = self.ring()?.ok_or_else(missing)?;
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

    fn make(&self, now: Millis, signs_from: Millis) -> Result<Entry, KeyError> {
        let algorithm = self.policy.algorithm;
        let pem = new_pem(algorithm)?;
        let kid = SigningKey::from_pem(algorithm, &pem)?.kid;
        key_files::write(&self.pem(&kid), &pem)?;
        Ok(Entry {
            kid,
            algorithm,
            published_at: now,
            signs_from,
        })
    }

    /// Removes the keys that are not on the list: the dead, and those of a process that was killed.
    fn sweep(&self, ring: &Ring) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
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
        self.path.join(format!("signing-{kid}.pem"))
    }

    fn secret(&self) -> Result<Option<SecretBox<[u8; 32]>>, KeyError> {
        let path = self.path.join(DERIVATION);
        let Some(text) = key_files::read(&path)? else {
            return Ok(None);
        };
        let secret = ids::from_base64url(text.expose_secret().trim_end())
            .ok_or_else(|| refused(&path, "not 32 bytes in base64url without padding"))?;
        Ok(Some(SecretBox::new(Box::new(secret))))
    }

    fn make_secret(&self) -> Result<SecretBox<[u8; 32]>, KeyError> {
        let _lock = key_files::lock(&self.path.join(LOCK))?;
        if let Some(made_by_another) = self.secret()? {
            return Ok(made_by_another);
        }
        let secret: [u8; 32] = ids::random();
        let text: SecretString = format!("{}\n", ids::base64url(&secret)).into();
        key_files::write(&self.path.join(DERIVATION), &text)?;
        Ok(SecretBox::new(Box::new(secret)))
    }
}

/// What may be part of a file's name: 32 bytes in base64url.
fn is_kid(text: &str) -> bool {
    ids::from_base64url::<32>(text).is_some()
}

#[cfg(test)]
#[cfg(unix)]
#[path = "key_dir_tests.rs"]
mod tests;
