//! Watches the quota of parametric QR codes, so that a login does not wait for a refusal that is certain.
//!
//! After 45009 (the day's quota) no call is made until midnight in Beijing, except one every [`CLEARED`] to see
//! whether an operator has cleared the quota; after 45011 (the minute's) none until the next minute. Then one call
//! goes ahead, and when it succeeds the others follow. Days follow the wall clock, because WeChat's do.

use std::time::Duration;

use super::{endpoint::Endpoint, error::WeChatError};
use crate::clock::Millis;

/// Codes that an account may make in a day; a test account has a tenth.
const PER_DAY: u32 = 100_000;
/// Parts of it in percent that the operator hears of.
const WARN_AT: [u32; 2] = [80, 95];
/// How often it is tried whether the quota was cleared.
const CLEARED: Millis = 30 * 60 * 1_000;
/// How long the one call that goes ahead may take before another does.
const PROBE: Millis = 10_000;

const MINUTE: Millis = 60 * 1_000;
const DAY: Millis = 24 * 60 * MINUTE;
/// Beijing is eight hours ahead of UTC, all year.
const OFFSET: Millis = 8 * 60 * MINUTE;

/// The quota as this node sees it; pure, the wall clock comes in.
#[derive(Debug, Default)]
pub(super) struct Quota {
    day: u64,
    used: u32,
    hold: Option<Hold>,
}

/// No call is made until then.
#[derive(Debug)]
struct Hold {
    error: WeChatError,
    until: Millis,
}

impl Quota {
    /// Lets one call through, or tells WeChat's last refusal again.
    pub(super) fn admit(&mut self, wall: Millis) -> Result<(), WeChatError> {
        self.turn(wall);
        if let Some(hold) = &mut self.hold {
            if wall < hold.until {
                return Err(hold.error.again(Duration::from_millis(hold.until - wall)));
            }
            hold.until = wall + PROBE;
        }
        Ok(())
    }

    /// Counts a try that may have used one. Gives the percentage to warn of, once for each.
    pub(super) fn sent(&mut self, wall: Millis) -> Option<u32> {
        self.turn(wall);
        self.used = self.used.saturating_add(1);
        WARN_AT
            .into_iter()
            .find(|percent| self.used == PER_DAY / 100 * percent)
    }

    /// A call was answered. The quota of another endpoint, such as the token's, is another quota.
    pub(super) fn answered<T>(&mut self, result: &Result<T, WeChatError>, wall: Millis) {
        let error = match result {
            Ok(_) => {
                self.hold = None;
                return;
            }
            Err(error) if error.endpoint() != Endpoint::CreateQr => return,
            Err(error) => error,
        };
        let until = match error.errcode() {
            Some(45009) => midnight_after(wall).min(wall + CLEARED),
            Some(45011) => (wall / MINUTE + 1) * MINUTE,
            _ => return,
        };
        let error = error.clone();
        self.hold = Some(Hold { error, until });
    }

    /// The time until a call is made again; `None` when one would be now.
    pub(super) fn wait(&self, wall: Millis) -> Option<Duration> {
        let hold = self.hold.as_ref().filter(|_| day(wall) == self.day)?;
        let wait = hold.until.checked_sub(wall)?;
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    /// Tries of this day by this node.
    pub(super) fn used(&self, wall: Millis) -> u32 {
        if day(wall) == self.day { self.used } else { 0 }
    }

    fn turn(&mut self, wall: Millis) {
        if day(wall) != self.day {
            *self = Self {
                day: day(wall),
                ..Self::default()
            };
        }
    }
}

/// The number of the day in Beijing.
pub(super) const fn day(wall: Millis) -> u64 {
    (wall + OFFSET) / DAY
}

const fn midnight_after(wall: Millis) -> Millis {
    (day(wall) + 1) * DAY - OFFSET
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::{AccountKind, Fault};

    /// 2026-11-22 23:00:30 in Beijing.
    const EVENING: Millis = 1_795_359_630_000;
    const MIDNIGHT: Millis = 1_795_363_200_000;

    fn refused(errcode: i64) -> Result<(), WeChatError> {
        refused_at(Endpoint::CreateQr, errcode)
    }

    fn refused_at(endpoint: Endpoint, errcode: i64) -> Result<(), WeChatError> {
        let fault = Fault::Refused {
            errcode,
            rid: None,
            address: None,
        };
        Err(WeChatError::new(
            AccountKind::OfficialAccount,
            endpoint,
            fault,
        ))
    }

    fn held(errcode: i64, wall: Millis) -> Quota {
        let mut quota = Quota::default();
        quota.admit(wall).unwrap();
        quota.sent(wall);
        quota.answered(&refused(errcode), wall);
        quota
    }

    #[test]
    fn the_day_ends_at_midnight_in_beijing() {
        assert_eq!(midnight_after(EVENING), MIDNIGHT);
        assert_eq!(midnight_after(MIDNIGHT - 1), MIDNIGHT);
        assert_eq!(midnight_after(MIDNIGHT), MIDNIGHT + DAY);
    }

    #[test]
    fn a_quota_that_is_used_up_is_told_without_a_call_and_over_at_midnight() {
        let mut quota = held(45009, MIDNIGHT - 60_000);
        let error = quota.admit(MIDNIGHT - 1_000).unwrap_err();
        assert_eq!(error.errcode(), Some(45009));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
        assert_eq!(
            quota.used(MIDNIGHT - 1_000),
            1,
            "what was not made does not count"
        );
        assert_eq!(quota.wait(MIDNIGHT), None);
        assert!(quota.admit(MIDNIGHT).is_ok() && quota.admit(MIDNIGHT).is_ok());
        assert_eq!(quota.used(MIDNIGHT), 0, "admitted is not yet sent");
        quota.sent(MIDNIGHT);
        assert_eq!(quota.used(MIDNIGHT), 1);
    }

    #[test]
    fn one_call_sees_whether_the_quota_was_cleared() {
        let noon = EVENING - 11 * 60 * MINUTE;
        let mut quota = held(45009, noon);
        let later = noon + CLEARED;
        assert!(quota.admit(later - 1).is_err());
        quota.admit(later).unwrap();
        assert!(quota.admit(later).is_err(), "one at a time");
        quota.answered(&refused(45009), later);
        assert!(quota.admit(later + PROBE).is_err(), "not cleared");
        let last = later + CLEARED - 1;
        assert!(quota.admit(last).is_err(), "30 min after the last refusal");
        assert!(quota.admit(last + 1).is_ok());
        quota.answered(&Ok(()), last + 1);
        assert!(quota.admit(last + 1).is_ok() && quota.admit(last + 1).is_ok());
    }

    #[test]
    fn a_minutes_quota_is_back_in_the_next_minute() {
        let mut quota = held(45011, EVENING);
        assert_eq!(quota.wait(EVENING), Some(Duration::from_secs(30)));
        assert!(quota.admit(EVENING + 29_999).is_err());
        assert!(quota.admit(EVENING + 30_000).is_ok());
    }

    #[test]
    fn other_errors_hold_nothing_back() {
        let mut quota = held(40053, EVENING);
        assert_eq!(quota.wait(EVENING), None);
        assert!(quota.admit(EVENING).is_ok());
        for errcode in [45009, 45011] {
            quota.answered(&refused_at(Endpoint::StableToken, errcode), EVENING);
            assert!(quota.admit(EVENING).is_ok(), "the quota of the token");
        }
    }

    #[test]
    fn the_operator_hears_of_80_and_95_percent_once_a_day() {
        let mut quota = Quota::default();
        for day in 0..2 {
            let heard: Vec<_> = (1..=PER_DAY)
                .filter_map(|call| {
                    let percent = quota.sent(EVENING + day * DAY)?;
                    Some((call, percent))
                })
                .collect();
            assert_eq!(heard, [(80_000, 80), (95_000, 95)]);
        }
    }
}
