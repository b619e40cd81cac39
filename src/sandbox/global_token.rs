//! The global tokens of accounts, of both kinds: `token` and `stable_token`, which know nothing of each other.

use std::collections::HashMap;

use super::{errcode::Errcode, expiring::Expiring, ledger, quota};
use crate::clock::Millis;

/// How long a token lives.
const TTL: Millis = 7_200_000;
/// How long it is good beside its successor.
const OVERLAP: Millis = 5 * 60_000;
/// How long a token is known, to tell an expired one from an unknown one.
const MEMORY: Millis = 24 * 3_600_000;
/// Tokens known at most; the oldest makes room.
const CAPACITY: usize = 100_000;
/// A forced refresh counts only so long after the one before…
const FORCED_APART: Millis = 30_000;
/// …and only so often a day.
const FORCED_PER_DAY: u32 = 20;

/// A token and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) token: String,
    expires_at: Millis,
}

impl Issued {
    /// Seconds that are left.
    pub(super) const fn expires_in(&self, now: Millis) -> u64 {
        self.expires_at.saturating_sub(now) / 1000
    }
}

#[derive(Debug)]
struct Known {
    app_id: String,
    expires_at: Millis,
    /// Another one came in its place before its time.
    replaced: bool,
}

/// What one account has at present.
#[derive(Debug, Default)]
struct Current {
    plain: Option<Issued>,
    stable: Option<Issued>,
    forced: Forced,
}

#[derive(Debug, Default)]
struct Forced {
    at: Option<Millis>,
    day: u64,
    times: u32,
}

/// The tokens of all accounts.
#[derive(Debug)]
pub(super) struct GlobalTokens {
    known: Expiring<Known>,
    /// By app id; as many as there are accounts.
    current: HashMap<String, Current>,
}

impl GlobalTokens {
    pub(super) fn new() -> Self {
        Self {
            known: Expiring::new(CAPACITY, MEMORY),
            current: HashMap::new(),
        }
    }

    /// A new token; the one before stays good for [`OVERLAP`] at most.
    pub(super) fn issue(&mut self, app_id: &str, now: Millis) -> Issued {
        let issued = self.make(app_id, now);
        let current = self.current.entry(app_id.to_owned()).or_default();
        if let Some(old) = current.plain.replace(issued.clone()) {
            self.replace(&old, now + OVERLAP, now);
        }
        issued
    }

    /// The current token, or a new one in its last [`OVERLAP`], beside which it lives to its end; or a new one
    /// instead of it when that is forced, not too soon and not too often.
    pub(super) fn issue_stable(&mut self, app_id: &str, force: bool, now: Millis) -> Issued {
        let current = self.current.entry(app_id.to_owned()).or_default();
        let lives = current
            .stable
            .clone()
            .filter(|issued| issued.expires_at > now + OVERLAP);
        let old = match lives {
            Some(old) if !(force && current.forced.allow(now)) => return old,
            old => old,
        };
        let issued = self.make(app_id, now);
        if let Some(current) = self.current.get_mut(app_id) {
            current.stable = Some(issued.clone());
        }
        if let Some(old) = old {
            self.replace(&old, now, now);
        }
        issued
    }

    /// The account of a good token.
    ///
    /// # Errors
    /// 40014 for what has not the shape of a token, 40001 for one that is unknown or replaced, 42001 for one
    /// that outlived itself.
    pub(super) fn check(&mut self, token: &str, now: Millis) -> Result<String, Errcode> {
        let Some(known) = self.known.get(token, now) else {
            return Err(if is_shaped(token) {
                Errcode::INVALID_CREDENTIAL
            } else {
                Errcode::INVALID_ACCESS_TOKEN
            });
        };
        if now < known.expires_at {
            Ok(known.app_id.clone())
        } else if known.replaced {
            Err(Errcode::INVALID_CREDENTIAL)
        } else {
            Err(Errcode::ACCESS_TOKEN_EXPIRED)
        }
    }

    fn make(&mut self, app_id: &str, now: Millis) -> Issued {
        let issued = Issued {
            token: ledger::token(),
            expires_at: now + TTL,
        };
        let known = Known {
            app_id: app_id.to_owned(),
            expires_at: issued.expires_at,
            replaced: false,
        };
        self.known.insert(issued.token.clone(), known, now);
        issued
    }

    fn replace(&mut self, old: &Issued, until: Millis, now: Millis) {
        if let Some(known) = self.known.get(&old.token, now)
            && until < known.expires_at
        {
            known.expires_at = until;
            known.replaced = true;
        }
    }
}

impl Forced {
    /// Whether a forced refresh counts; if so, it is counted.
    fn allow(&mut self, now: Millis) -> bool {
        let today = quota::day(now);
        if self.day != today {
            (self.day, self.times) = (today, 0);
        }
        let soon = self.at.is_some_and(|at| now < at + FORCED_APART);
        if soon || self.times >= FORCED_PER_DAY {
            return false;
        }
        self.at = Some(now);
        self.times += 1;
        true
    }
}

/// A decimal version, `_`, and enough of base64url.
fn is_shaped(token: &str) -> bool {
    token.split_once('_').is_some_and(|(version, rest)| {
        version.bytes().all(|byte| byte.is_ascii_digit())
            && rest.len() >= 32
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "wx1";

    #[test]
    fn the_token_before_the_last_is_good_for_five_minutes() {
        let mut tokens = GlobalTokens::new();
        let first = tokens.issue(APP, 0);
        let second = tokens.issue(APP, 1000);
        assert_ne!(first, second);
        assert_eq!(second.expires_in(1000), 7200);
        let dies = 1000 + OVERLAP;
        assert_eq!(tokens.check(&first.token, dies - 1), Ok(APP.to_owned()));
        assert_eq!(
            tokens.check(&first.token, dies),
            Err(Errcode::INVALID_CREDENTIAL)
        );
        assert!(tokens.check(&second.token, TTL + 999).is_ok());
        assert_eq!(
            tokens.check(&second.token, TTL + 1000),
            Err(Errcode::ACCESS_TOKEN_EXPIRED)
        );
        assert_eq!(
            tokens.check(&ledger::token(), 0),
            Err(Errcode::INVALID_CREDENTIAL)
        );
        assert_eq!(tokens.check("x", 0), Err(Errcode::INVALID_ACCESS_TOKEN));
    }

    #[test]
    fn a_stable_token_stays_until_its_last_five_minutes() {
        let mut tokens = GlobalTokens::new();
        let first = tokens.issue_stable(APP, false, 0);
        let late = TTL - OVERLAP;
        assert_eq!(tokens.issue_stable(APP, false, late - 1), first);
        assert_eq!(first.expires_in(late - 1), 300);
        let second = tokens.issue_stable(APP, false, late);
        assert_ne!(second, first);
        assert!(tokens.check(&first.token, TTL - 1).is_ok(), "both are good");
        assert!(tokens.check(&second.token, TTL - 1).is_ok());
        assert_eq!(
            tokens.check(&first.token, TTL),
            Err(Errcode::ACCESS_TOKEN_EXPIRED)
        );
    }

    #[test]
    fn a_forced_token_kills_the_old_one_seldom_enough() {
        let mut tokens = GlobalTokens::new();
        let first = tokens.issue_stable(APP, true, 0);
        let second = tokens.issue_stable(APP, true, 0);
        assert_ne!(second, first, "the first call made one anyway");
        assert_eq!(
            tokens.check(&first.token, 0),
            Err(Errcode::INVALID_CREDENTIAL)
        );
        assert_eq!(tokens.issue_stable(APP, true, FORCED_APART - 1), second);
        let mut last = second;
        for n in 1..u64::from(FORCED_PER_DAY) {
            let next = tokens.issue_stable(APP, true, n * FORCED_APART);
            assert_ne!(next, last);
            last = next;
        }
        let soon = u64::from(FORCED_PER_DAY) * FORCED_APART;
        assert_eq!(tokens.issue_stable(APP, true, soon), last, "20 a day");
        // Day 0 of 1970 ends at 16:00 UTC in China.
        let midnight = 16 * 3_600_000;
        let fresh = tokens.issue_stable(APP, false, midnight - 60_000);
        assert_eq!(tokens.issue_stable(APP, true, midnight - 1), fresh);
        assert_ne!(tokens.issue_stable(APP, true, midnight), fresh);
    }

    #[test]
    fn the_two_kinds_and_two_accounts_leave_each_other_alone() {
        let mut tokens = GlobalTokens::new();
        let plain = tokens.issue(APP, 0);
        let stable = tokens.issue_stable(APP, true, 0);
        let other = tokens.issue("wx2", 0);
        tokens.issue_stable(APP, true, 0);
        tokens.issue("wx2", 0);
        assert!(tokens.check(&plain.token, OVERLAP).is_ok());
        assert!(tokens.check(&stable.token, 0).is_err());
        assert!(tokens.check(&other.token, OVERLAP - 1).is_ok());
    }
}
