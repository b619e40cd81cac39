//! argon2id, as many at once as there are processors, and a bounded number that wait.

use std::{sync::Arc, thread, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::rules::Password;
use crate::{code::Code, ids, login::LoginError, tasks::Tasks, telemetry::Metrics, user::Username};

/// OWASP's parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. Each hash under way takes that much
/// memory.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Calls that wait for a processor; a further one is told to come back.
const WAITING: usize = 64;
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Hashes and compares passwords.
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    /// What the password of somebody who does not exist is compared with: the same work as for everybody else.
    nobody: SecretString,
    /// Who works or waits.
    admitted: Arc<Semaphore>,
    /// Who works.
    places: Arc<Semaphore>,
    tasks: Tasks,
    metrics: Arc<Metrics>,
}

/// What became of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another password, or nobody's.
    Wrong,
    /// The one that was hashed.
    Right,
    /// The same, but its hash was made with other parameters than those of today.
    Outdated,
}

impl Hasher {
    pub(super) fn new(tasks: Tasks, metrics: Arc<Metrics>) -> Result<Self, argon2::Error> {
        let places = thread::available_parallelism().map_or(1, usize::from);
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
        // 16 and 32 bytes of zeros in base64.
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        let nobody = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}");
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            nobody: nobody.into(),
            admitted: Arc::new(Semaphore::new(places + WAITING)),
            places: Arc::new(Semaphore::new(places)),
            tasks,
            metrics,
        })
    }

    /// Whether the password is weak for that name.
    pub(super) async fn is_weak(
        &self,
        password: Password,
        name: Username,
    ) -> Result<bool, LoginError> {
        self.run(move || password.is_weak(&name)).await
    }

    /// A PHC string with a salt of its own.
    pub(super) async fn hash(&self, password: Password) -> Result<SecretString, LoginError> {
        self.metrics.password_hashes.inc();
        let argon2 = self.argon2.clone();
        let salt = ids::random::<16>();
        let hash = move || argon2.hash_password_with_salt(password.as_bytes(), &salt);
        match self.run(hash).await? {
            Ok(hash) => Ok(hash.to_string().into()),
            Err(error) => {
                tracing::error!(%error, "a password could not be hashed");
                Err(Code::Internal.into())
            }
        }
    }

    /// Compares a password with a hash; one of the two missing costs the same and is [`Verdict::Wrong`].
    pub(super) async fn verify(
        &self,
        password: Option<Password>,
        hash: Option<SecretString>,
    ) -> Result<Verdict, LoginError> {
        self.metrics.password_hashes.inc();
        let is_somebody = password.is_some() && hash.is_some();
        let password = password.unwrap_or_default();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let argon2 = self.argon2.clone();
        let compare = move || compare(&argon2, &password, &hash);
        match self.run(compare).await? {
            Ok(verdict) if is_somebody => Ok(verdict),
            Ok(_) => Ok(Verdict::Wrong),
            Err(error) => {
                tracing::error!(%error, "a kept password hash could not be read");
                Err(Code::Internal.into())
            }
        }
    }

    /// Does what takes long on a thread of its own. Whoever hangs up leaves the queue; what was begun keeps its place
    /// to the end.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LoginError> {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_full| LoginError {
            code: Code::Overloaded,
            retry_after: Some(RETRY_AFTER),
        })?;
        let place = self.places.clone().acquire_owned().await;
        let done = self.tasks.spawn_blocking(move || {
            let _held = (admitted, place);
            work()
        });
        done.await.map_err(|_panicked| Code::Internal.into())
    }
}

fn compare(
    argon2: &Argon2<'_>,
    password: &Password,
    hash: &SecretString,
) -> argon2::password_hash::Result<Verdict> {
    use argon2::password_hash::Error;
    let hash = PasswordHash::new(hash.expose_secret()).map_err(|_broken| Error::EncodingInvalid)?;
    match argon2.verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_of_today(&hash) => Ok(Verdict::Right),
        Ok(()) => Ok(Verdict::Outdated),
        Err(Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error),
    }
}

fn is_of_today(hash: &PasswordHash) -> bool {
    let cost = Params::try_from(hash).map(|made| (made.m_cost(), made.t_cost(), made.p_cost()));
    hash.algorithm == Algorithm::Argon2id.ident() && cost == Ok((MEMORY_KIB, PASSES, LANES))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(Tasks::new(), Arc::new(Metrics::default())).unwrap()
    }

    fn typed(text: &str) -> Option<Password> {
        Password::typed(&text.into())
    }

    const PASSWORD: &str = "correct horse battery";

    #[tokio::test]
    async fn a_password_fits_its_own_hash() {
        let hasher = hasher();
        let hash = hasher.hash(typed(PASSWORD).unwrap()).await.unwrap();
        let again = hasher.hash(typed(PASSWORD).unwrap()).await.unwrap();
        let text = hash.expose_secret();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_ne!(text, again.expose_secret(), "a salt of its own");
        let verify = async |text| hasher.verify(typed(text), Some(hash.clone())).await;
        assert_eq!(verify(PASSWORD).await, Ok(Verdict::Right));
        for wrong in ["", "correct horse batterz", &"x".repeat(200)] {
            assert_eq!(verify(wrong).await, Ok(Verdict::Wrong), "{wrong}");
        }
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let hasher = hasher();
        let hash = hasher.hash(typed(PASSWORD).unwrap()).await.unwrap();
        let hashes = || hasher.metrics.password_hashes.get();
        let begin = hashes();
        for (text, kept) in [
            (typed(PASSWORD), None),
            (typed("wrong"), Some(hash.clone())),
            (None, Some(hash)),
            (None, None),
        ] {
            let before = hashes();
            assert_eq!(hasher.verify(text, kept).await, Ok(Verdict::Wrong));
            assert_eq!(hashes(), before + 1);
        }
        assert_eq!(hashes(), begin + 4);
        let nobody = PasswordHash::new(hasher.nobody.expose_secret()).unwrap();
        assert!(is_of_today(&nobody), "the same parameters");
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(32));
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_outdated() {
        let weaker = Params::new(8 * 1024, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, weaker);
        let hash = argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]);
        let hash = SecretString::from(hash.unwrap().to_string());
        let hasher = hasher();
        let verdict = hasher.verify(typed(PASSWORD), Some(hash.clone())).await;
        assert_eq!(verdict, Ok(Verdict::Outdated));
        let verdict = hasher.verify(typed("wrong"), Some(hash)).await;
        assert_eq!(verdict, Ok(Verdict::Wrong));
        let broken = hasher.verify(typed(PASSWORD), Some("x".into())).await;
        assert_eq!(broken, Err(Code::Internal.into()));
    }

    #[tokio::test]
    async fn beyond_the_queue_callers_are_told_to_come_back() {
        let hasher = hasher();
        let free = hasher.places.available_permits();
        let held = hasher.places.clone();
        let held = held.acquire_many_owned(u32::try_from(free).unwrap()).await;
        let all = (0..free + WAITING + 3).map(|_| hasher.run(|| ()));
        let release = async { drop(held) };
        let (answers, ()) = tokio::join!(join_all(all), release);
        let busy: Vec<_> = answers.iter().filter_map(|one| one.err()).collect();
        assert_eq!(busy.len(), 3);
        let told =
            |error: &LoginError| error.code == Code::Overloaded && error.retry_after.is_some();
        assert!(busy.iter().all(told));
        assert_eq!(hasher.places.available_permits(), free);
        assert_eq!(hasher.admitted.available_permits(), free + WAITING);
    }
}
