//! Floods: how much one address may do. The numbers are `limits.*`.
//!
//! Rates are GCRA buckets, as big as a whole period's allowance. They run on governor's own monotonic clock and
//! not on [`crate::clock`]: a limit protects the machine in real time, and moving the sandbox's clock must
//! neither fill nor empty a bucket.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use super::{
    client_address::LimitKey,
    error::ApiError,
    sockets::{SocketPermit, Sockets},
};
use crate::{code::Code, config};

/// How many addresses one limit remembers; see [`Bucket::key`] for what happens beyond.
const MAX_KEYS: usize = 200_000;

/// Over a limit, and when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// [`Code::RateLimited`], or [`Code::Overloaded`] when it is nobody's fault.
    pub code: Code,
    /// How long to wait.
    pub retry_after: Duration,
}

impl From<Limited> for ApiError {
    fn from(limited: Limited) -> Self {
        Self::new(limited.code).retry_after(limited.retry_after)
    }
}

/// All limits that count by address. One for each gateway.
#[derive(Debug)]
pub struct Limits {
    scenes: Bucket,
    handshakes: Bucket,
    tokens: Bucket,
    callbacks: Bucket,
    avatars: Bucket,
    registrations: Bucket,
    failures: Failures,
    sockets: Sockets,
}

impl Limits {
    /// The configured numbers; 0 counts as 1.
    pub fn new(limits: &config::Limits, max_sockets: usize) -> Self {
        let clock = DefaultClock::default();
        let minute = |count| Bucket::new(Quota::per_minute(positive(count)), clock.clone());
        Self {
            scenes: minute(limits.scenes_per_address_per_min),
            handshakes: Bucket::new(
                Quota::per_second(positive(limits.handshakes_per_address_per_s)),
                clock.clone(),
            ),
            tokens: minute(limits.token_per_address_per_min),
            callbacks: minute(limits.callbacks_per_address_per_min),
            avatars: minute(limits.avatars_per_address_per_min),
            registrations: Bucket::new(
                Quota::per_hour(positive(limits.registrations_per_address_per_hour)),
                clock.clone(),
            ),
            failures: Failures::new(minute(limits.failed_resumes_per_address_per_min)),
            sockets: Sockets::new(limits.sockets_per_address, max_sockets),
        }
    }

    /// Counts one new scene.
    ///
    /// # Errors
    /// [`Limited`]: do not open it.
    pub fn scene(&self, key: LimitKey) -> Result<(), Limited> {
        self.scenes.check(key)
    }

    /// Counts one WebSocket handshake.
    ///
    /// # Errors
    /// [`Limited`]: answer 429 instead of upgrading.
    pub fn handshake(&self, key: LimitKey) -> Result<(), Limited> {
        self.handshakes.check(key)
    }

    /// Counts one call that opens or refreshes a session.
    ///
    /// # Errors
    /// [`Limited`]: do not look at the token.
    pub fn token(&self, key: LimitKey) -> Result<(), Limited> {
        self.tokens.check(key)
    }

    /// Counts one return from WeChat, each of which may call WeChat.
    ///
    /// # Errors
    /// [`Limited`]: do not look at the code.
    pub fn callback(&self, key: LimitKey) -> Result<(), Limited> {
        self.callbacks.check(key)
    }

    /// Counts one picture of a person.
    ///
    /// # Errors
    /// [`Limited`]: do not look for it.
    pub fn avatar(&self, key: LimitKey) -> Result<(), Limited> {
        self.avatars.check(key)
    }

    /// Counts one new account with a password.
    ///
    /// # Errors
    /// [`Limited`]: do not make it.
    pub fn registration(&self, key: LimitKey) -> Result<(), Limited> {
        self.registrations.check(key)
    }

    /// To be asked before the secret of a `resume` or the token of an `attach` is looked at; counts nothing.
    ///
    /// # Errors
    /// [`Limited`]: too many failed before this one.
    pub fn may_resume(&self, key: LimitKey) -> Result<(), Limited> {
        self.failures.ask(key)
    }

    /// Counts one that failed: an unknown scene, a wrong secret, a token that was never good.
    pub fn resume_failed(&self, key: LimitKey) {
        self.failures.count(key);
    }

    /// Takes a place for one socket or stream, given back when the permit is dropped.
    ///
    /// # Errors
    /// [`Limited`]: the address, or the gateway, has none left.
    pub fn socket(&self, key: LimitKey) -> Result<SocketPermit, Limited> {
        self.sockets.take(key)
    }

    /// How many sockets and streams are open.
    pub fn open_sockets(&self) -> usize {
        self.sockets.open()
    }

    /// Forgets addresses that have not been heard of for a period. To be called on a timer, each minute or so.
    pub fn retain_recent(&self) {
        for bucket in [
            &self.scenes,
            &self.handshakes,
            &self.tokens,
            &self.callbacks,
            &self.avatars,
            &self.registrations,
        ] {
            bucket.retain_recent();
        }
        self.failures.retain_recent();
    }
}

/// One limit: a bucket for each address.
#[derive(Debug)]
struct Bucket<C: Clock = DefaultClock> {
    limiter: RateLimiter<LimitKey, DashMapStateStore<LimitKey>, C, StateInformationMiddleware>,
    clock: C,
}

impl<C: Clock + Clone> Bucket<C> {
    fn new(quota: Quota, clock: C) -> Self {
        let store = DashMapStateStore::default();
        Self {
            limiter: RateLimiter::new(quota, store, clock.clone()),
            clock,
        }
    }

    fn check(&self, key: LimitKey) -> Result<(), Limited> {
        self.spend(self.key(key)).map(drop).map_err(limited)
    }

    /// Spends one, and tells how long the bucket is empty now; or how long until there is one to spend.
    fn spend(&self, key: LimitKey) -> Result<Option<Duration>, Duration> {
        match self.limiter.check_key(&key) {
            Ok(left) if left.remaining_burst_capacity() > 0 => Ok(None),
            Ok(left) => Ok(Some(left.quota().replenish_interval())),
            Err(until) => Err(until.wait_time_from(self.clock.now())),
        }
    }

    /// Whose bucket it is. When the memory is full, new and old addresses are counted by their neighbourhood (a
    /// /16, a /32 of IPv6): a flood from very many addresses then costs its own neighbours, not everybody and
    /// not our memory.
    fn key(&self, key: LimitKey) -> LimitKey {
        if self.limiter.len() < MAX_KEYS {
            key
        } else {
            key.neighbourhood()
        }
    }

    fn retain_recent(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// A limit on failures only: who has used it up is shut out until there is room for one more.
#[derive(Debug)]
struct Failures<C: Clock = DefaultClock> {
    bucket: Bucket<C>,
    shut_out: Mutex<HashMap<LimitKey, C::Instant>>,
}

impl<C: Clock + Clone> Failures<C> {
    fn new(bucket: Bucket<C>) -> Self {
        Self {
            bucket,
            shut_out: Mutex::default(),
        }
    }

    fn ask(&self, key: LimitKey) -> Result<(), Limited> {
        let until = lock(&self.shut_out).get(&self.bucket.key(key)).copied();
        let now = self.bucket.clock.now();
        match until.map(|until| Duration::from(until.duration_since(now))) {
            Some(wait) if !wait.is_zero() => Err(limited(wait)),
            _ => Ok(()),
        }
    }

    fn count(&self, key: LimitKey) {
        let key = self.bucket.key(key);
        if let Ok(Some(wait)) | Err(wait) = self.bucket.spend(key) {
            let until = self.bucket.clock.now() + wait.into();
            lock(&self.shut_out).insert(key, until);
        }
    }

    fn retain_recent(&self) {
        let now = self.bucket.clock.now();
        lock(&self.shut_out).retain(|_, until| *until > now);
        self.bucket.retain_recent();
    }
}

pub(super) const fn limited(retry_after: Duration) -> Limited {
    Limited {
        code: Code::RateLimited,
        retry_after,
    }
}

fn positive(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// Counts stay right when a holder panics: each change is one step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const A: LimitKey = LimitKey::V4(1);
    const B: LimitKey = LimitKey::V4(2);

    fn limits() -> Limits {
        let config = config::load(&config::Overrides::default()).unwrap();
        let limits = config::Limits {
            scenes_per_address_per_min: 3,
            handshakes_per_address_per_s: 0,
            ..config.limits
        };
        Limits::new(&limits, 10)
    }

    fn bucket(clock: &FakeRelativeClock) -> Bucket<FakeRelativeClock> {
        Bucket::new(Quota::per_minute(positive(3)), clock.clone())
    }

    #[test]
    fn an_address_has_its_allowance_and_others_have_theirs() {
        let limits = limits();
        for _ in 0..3 {
            assert_eq!(limits.scene(A), Ok(()));
        }
        let limited = limits.scene(A).unwrap_err();
        assert_eq!(limited.code, Code::RateLimited);
        assert!(limited.retry_after <= Duration::from_secs(20));
        assert_eq!(limits.scene(B), Ok(()));
        assert_eq!(limits.token(A), Ok(()));
        assert_eq!(limits.handshake(A), Ok(()), "0 counts as 1");
        assert!(limits.handshake(A).is_err());
    }

    #[test]
    fn two_gateways_share_nothing() {
        let (one, other) = (limits(), limits());
        while one.scene(A).is_ok() {}
        assert_eq!(other.scene(A), Ok(()));
    }

    #[test]
    fn time_brings_the_allowance_back_one_by_one() {
        let clock = FakeRelativeClock::default();
        let bucket = bucket(&clock);
        while bucket.check(A).is_ok() {}
        let wait = bucket.check(A).unwrap_err().retry_after;
        assert_eq!(wait, Duration::from_secs(20));
        clock.advance(wait);
        assert_eq!(bucket.check(A), Ok(()));
        assert!(bucket.check(A).is_err());
    }

    #[test]
    fn addresses_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let bucket = bucket(&clock);
        for address in 0..100 {
            assert_eq!(bucket.check(LimitKey::V4(address)), Ok(()));
        }
        bucket.retain_recent();
        assert_eq!(bucket.limiter.len(), 100);
        clock.advance(Duration::from_secs(61));
        bucket.retain_recent();
        assert_eq!(bucket.limiter.len(), 0);
    }

    #[test]
    fn only_failures_shut_an_address_out() {
        let clock = FakeRelativeClock::default();
        let failures = Failures::new(bucket(&clock));
        for _ in 0..3 {
            assert_eq!(failures.ask(A), Ok(()));
            assert_eq!(failures.ask(A), Ok(()), "asking costs nothing");
            failures.count(A);
        }
        assert_eq!(
            failures.ask(A).unwrap_err().retry_after,
            Duration::from_secs(20)
        );
        assert_eq!(failures.ask(B), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(failures.ask(A), Ok(()));
        failures.count(A);
        assert!(failures.ask(A).is_err());
        clock.advance(Duration::from_secs(120));
        failures.retain_recent();
        assert!(lock(&failures.shut_out).is_empty());
    }
}
