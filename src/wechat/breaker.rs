//! Spares a WeChat that is away, and those who wait for it.
//!
//! After [`FAULTS`] calls in a row that got no answer, all within [`WITHIN`], calls fail at once for [`REST`];
//! then one is made to see, and the others go on failing until it is answered. A code that is refused here was not
//! sent, so it is not spent. Each [`Group`] of endpoints has its own breaker: trouble with QR codes says nothing about
//! the exchange of a person's code.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::endpoint::{Endpoint, Group};
use crate::clock::Millis;

/// Calls without an answer, one after the other, until WeChat counts as away.
const FAULTS: u32 = 5;
/// The time that they must fall into.
const WITHIN: Millis = 60_000;
/// How long nothing is sent.
const REST: Millis = 3_000;
/// How long the one call that is made to see may take before another is.
const PROBE: Millis = 6_000;

/// A breaker for each group of endpoints.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    person: Mutex<Breaker>,
    token: Mutex<Breaker>,
    account: Mutex<Breaker>,
}

/// Whether calls are made; pure, the time comes in.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    faults: u32,
    first: Millis,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Millis,
    is_probing: bool,
}

/// What the breaker does; the number is that of the gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Calls are made.
    Closed = 0,
    /// One call is made to see.
    HalfOpen = 1,
    /// No call is made.
    Open = 2,
}

impl Breakers {
    /// The one that `endpoint` is called through.
    pub(super) fn of(&self, endpoint: Endpoint) -> MutexGuard<'_, Breaker> {
        lock(match endpoint.group() {
            Group::Person => &self.person,
            Group::Token => &self.token,
            Group::Account => &self.account,
        })
    }

    /// What the worst of them does.
    pub(super) fn worst(&self) -> BreakerState {
        let (person, token) = (lock(&self.person).state(), lock(&self.token).state());
        person.max(token).max(lock(&self.account).state())
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Breaker {
    /// Lets a call through, or tells how many milliseconds to wait.
    pub(super) fn admit(&mut self, now: Millis) -> Result<(), Millis> {
        match &mut self.open {
            None => Ok(()),
            Some(open) if now < open.until => Err(open.until - now),
            Some(open) => {
                open.until = now + PROBE;
                open.is_probing = true;
                Ok(())
            }
        }
    }

    /// A call was answered, with whatever. Tells whether WeChat counted as away until now.
    pub(super) fn answered(&mut self) -> bool {
        std::mem::take(self).open.is_some()
    }

    /// A call was not answered. Tells whether WeChat counts as away from here on.
    pub(super) fn unanswered(&mut self, now: Millis) -> bool {
        if self.faults == 0 || now.saturating_sub(self.first) > WITHIN {
            self.faults = 0;
            self.first = now;
        }
        self.faults += 1;
        let was_open = self.open.is_some();
        if was_open || self.faults >= FAULTS {
            self.open = Some(Open {
                until: now + REST,
                is_probing: false,
            });
        }
        !was_open && self.open.is_some()
    }

    pub(super) const fn state(&self) -> BreakerState {
        match &self.open {
            None => BreakerState::Closed,
            Some(open) if open.is_probing => BreakerState::HalfOpen,
            Some(_) => BreakerState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(at: Millis) -> Breaker {
        let mut breaker = Breaker::default();
        for fault in 1..=FAULTS {
            assert_eq!(breaker.admit(at), Ok(()));
            assert_eq!(breaker.unanswered(at), fault == FAULTS);
        }
        breaker
    }

    #[test]
    fn it_opens_for_a_rest_lets_one_through_and_closes_again() {
        let mut breaker = opened(1_000);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(1_500), Err(REST - 500));
        assert_eq!(breaker.admit(1_000 + REST), Ok(()), "the probe");
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(1_000 + REST), Err(PROBE), "one at a time");
        assert!(breaker.answered(), "it was away");
        assert!(!breaker.answered());
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.admit(1_000 + REST), Ok(()));
    }

    #[test]
    fn a_probe_without_an_answer_is_another_rest_and_a_lost_one_is_followed_by_another() {
        let mut breaker = opened(0);
        breaker.admit(REST).unwrap();
        assert!(!breaker.unanswered(REST + 10), "it was away before");
        assert_eq!(breaker.admit(REST + 10), Err(REST));
        let next = 2 * REST + 10;
        breaker.admit(next).unwrap();
        assert_eq!(
            breaker.admit(next + PROBE),
            Ok(()),
            "its caller has hung up"
        );
    }

    #[test]
    fn faults_count_only_in_a_row_and_within_a_time() {
        let mut breaker = Breaker::default();
        for _ in 1..FAULTS {
            breaker.unanswered(0);
        }
        breaker.answered();
        for _ in 1..FAULTS {
            breaker.unanswered(1);
        }
        assert!(
            !breaker.unanswered(WITHIN + 2),
            "the first ones are long ago"
        );
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
