//! How often a password may be tried for one name, whether it is anybody's or not.
//!
//! A GCRA bucket for each name, and one for each browser by which its owner has signed in before, so that strangers who
//! use the name's up lock nobody out of their own computer. A try is paid before it is made, so that many at once are no
//! more than many in a row; one that was right gives everything back. As all limits they run on governor's own clock.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use crate::{code::Code, login::LoginError};

/// In which the whole allowance comes back.
const PERIOD: Duration = Duration::from_secs(15 * 60);

/// How many names are remembered; further ones share [`SHARED`] buckets.
const MAX_NAMES: usize = 200_000;
const SHARED: u64 = 65_536;

/// The tries of all names.
pub(super) struct Tries<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, Buckets, C, NoOpMiddleware<C::Instant>>,
    buckets: Buckets,
    clock: C,
    /// By how much one try moves its bucket's arrival time.
    price: Nanos,
    keys: RandomState,
}

/// One try that was paid for.
pub(super) struct Paid(u64);

impl<C: Clock + Clone> Tries<C> {
    pub(super) fn new(allowance: u32, clock: C) -> Self {
        let allowance = NonZeroU32::new(allowance).unwrap_or(NonZeroU32::MIN);
        let price = PERIOD / allowance.get();
        let quota = Quota::with_period(price)
            .unwrap_or_else(|| Quota::per_minute(NonZeroU32::MIN))
            .allow_burst(allowance);
        let buckets = Buckets::default();
        Self {
            limiter: RateLimiter::new(quota, buckets.clone(), clock.clone()),
            buckets,
            clock,
            price: price.into(),
            keys: RandomState::new(),
        }
    }

    /// Pays for one try, from the name's bucket or from that of a browser its owner has signed in by.
    pub(super) fn pay(&self, name: &str, browser: Option<&[u8; 32]>) -> Result<Paid, LoginError> {
        let mut key = self.keys.hash_one((name, browser));
        if self.buckets.len() >= MAX_NAMES && !self.buckets.all().contains_key(&key) {
            key %= SHARED;
        }
        let paid = self.limiter.check_key(&key);
        paid.map(|()| Paid(key)).map_err(|until| LoginError {
            code: Code::RateLimited,
            retry_after: Some(until.wait_time_from(self.clock.now())),
        })
    }

    /// Nothing was compared: gives this one try back. What others have paid meanwhile stays paid.
    pub(super) fn give_back(&self, paid: &Paid) {
        if let Some(at) = self.buckets.all().get_mut(&paid.0) {
            *at = at.saturating_sub(self.price);
        }
    }

    /// The password was right: whoever tried before it does not count any more.
    pub(super) fn forgive(&self, paid: &Paid) {
        // A bucket that others pay from stays as it is.
        if paid.0 >= SHARED {
            self.buckets.all().remove(&paid.0);
        }
    }

    /// Forgets names that nobody has tried lately. To be called on a timer.
    pub(super) fn retain_recent(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// What governor keeps for each key; it has no way to give a payment back.
#[derive(Clone, Default)]
struct Buckets(Arc<Mutex<HashMap<u64, Nanos>>>);

impl Buckets {
    /// Each change is one step, so a holder that panicked left nothing half done.
    fn all(&self) -> MutexGuard<'_, HashMap<u64, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Buckets {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut all = self.all();
        let (outcome, next) = decide(all.get(key).copied())?;
        all.insert(*key, next);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<u64> for Buckets {
    fn retain_recent(&self, drop_below: Nanos) {
        self.all().retain(|_, at| *at > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.all().shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.all().len()
    }

    fn is_empty(&self) -> bool {
        self.all().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const OWN: [u8; 32] = [1; 32];

    fn tries(clock: &FakeRelativeClock) -> Tries<FakeRelativeClock> {
        Tries::new(3, clock.clone())
    }

    fn use_up(tries: &Tries<FakeRelativeClock>, name: &str) -> Duration {
        for _ in 0..3 {
            assert!(tries.pay(name, None).is_ok());
        }
        let refused = tries.pay(name, None).err().unwrap();
        assert_eq!(refused.code, Code::RateLimited);
        refused.retry_after.unwrap()
    }

    #[test]
    fn a_name_has_its_allowance_and_gets_it_back_one_by_one() {
        let clock = FakeRelativeClock::default();
        let tries = tries(&clock);
        assert_eq!(use_up(&tries, "a"), Duration::from_secs(300));
        assert!(tries.pay("b", None).is_ok(), "another name");
        clock.advance(Duration::from_secs(300));
        assert!(tries.pay("a", None).is_ok());
        assert!(tries.pay("a", None).is_err());
        clock.advance(PERIOD);
        use_up(&tries, "a");
    }

    #[test]
    fn a_stranger_does_not_lock_the_owner_out() {
        let tries = tries(&FakeRelativeClock::default());
        use_up(&tries, "a");
        for _ in 0..3 {
            assert!(tries.pay("a", Some(&OWN)).is_ok());
        }
        assert!(
            tries.pay("a", Some(&OWN)).is_err(),
            "who has no more than that"
        );
    }

    #[test]
    fn a_right_password_forgives_the_wrong_ones() {
        let tries = tries(&FakeRelativeClock::default());
        for _ in 0..9 {
            tries.pay("a", None).unwrap();
            let paid = tries.pay("a", None).unwrap();
            tries.forgive(&paid);
        }
        use_up(&tries, "a");
    }

    #[test]
    fn a_try_that_was_not_made_is_given_back() {
        let tries = tries(&FakeRelativeClock::default());
        tries.pay("a", None).unwrap();
        for _ in 0..9 {
            let paid = tries.pay("a", None).unwrap();
            tries.give_back(&paid);
        }
        for _ in 0..2 {
            assert!(tries.pay("a", None).is_ok());
        }
        assert!(tries.pay("a", None).is_err(), "that one alone");
    }

    #[test]
    fn names_are_forgotten_and_never_too_many() {
        let clock = FakeRelativeClock::default();
        let tries = tries(&clock);
        for name in 0..MAX_NAMES + 2_000 {
            assert!(tries.pay(&name.to_string(), None).is_ok());
        }
        let most = MAX_NAMES + usize::try_from(SHARED).unwrap();
        assert!((MAX_NAMES..most).contains(&tries.buckets.len()));
        clock.advance(PERIOD * 2);
        tries.retain_recent();
        assert!(tries.buckets.is_empty());
    }
}
