//! How often an account may call what: `GET` and `PUT /sandbox/api/quotas`, so that tests reach a limit quickly.

use std::collections::{BTreeMap, HashMap};

use actix_web::{
    Error, HttpResponse,
    web::{self, Bytes},
};
use serde_json::json;

use super::{
    account::Account,
    api::{self, Answer, Refusal},
    errcode::Errcode,
    shared::Shared,
};
use crate::clock::Millis;

/// When a count starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Minute,
    /// At midnight in China.
    Day,
    /// On the first, in China.
    Month,
}

/// One limit.
#[derive(Debug)]
struct Quota {
    /// What the API calls it.
    name: &'static str,
    endpoint: &'static str,
    calls: u64,
    window: Window,
    refusal: Errcode,
}

/// WeChat's own numbers.
const QUOTAS: [Quota; 13] = [
    Quota::daily("/cgi-bin/token", 2000),
    Quota::daily("/cgi-bin/stable_token", 500_000),
    Quota {
        name: "/cgi-bin/stable_token per minute",
        ..Quota::by_minute("/cgi-bin/stable_token", 10_000)
    },
    Quota::daily("/cgi-bin/qrcode/create", 100_000),
    Quota::daily("/cgi-bin/user/info", 5_000_000),
    Quota {
        window: Window::Month,
        refusal: Errcode::CLEAR_LIMIT,
        ..Quota::daily(CLEAR_QUOTA, 10)
    },
    Quota {
        refusal: Errcode::DAILY_LIMIT,
        ..Quota::by_minute("/wxa/getwxacodeunlimit", 5000)
    },
    Quota::by_minute("/sns/oauth2/access_token", 50_000),
    Quota::by_minute("/sns/oauth2/refresh_token", 50_000),
    Quota::by_minute("/sns/auth", 50_000),
    Quota::by_minute("/sns/userinfo", 50_000),
    Quota::by_minute("/sns/jscode2session", 50_000),
    Quota::by_minute(PER_PERSON, 100),
];
const CLEAR_QUOTA: &str = "/cgi-bin/clear_quota";
/// Counts the logins of each user by himself.
const PER_PERSON: &str = "/sns/jscode2session per user";
/// A test account has a tenth of the daily ones.
const TEST_SHARE: u64 = 10;

/// Counts of all accounts; at most as many as accounts times [`QUOTAS`] and users.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// What tests set instead of WeChat's numbers.
    set: HashMap<&'static str, u64>,
    counts: HashMap<Counted, Count>,
}

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Counted {
    app_id: String,
    /// Empty unless each user's are counted by themselves.
    user_id: String,
    quota: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    window: u64,
    calls: u64,
}

impl Quota {
    const fn daily(endpoint: &'static str, calls: u64) -> Self {
        Self {
            name: endpoint,
            endpoint,
            calls,
            window: Window::Day,
            refusal: Errcode::DAILY_LIMIT,
        }
    }

    const fn by_minute(endpoint: &'static str, calls: u64) -> Self {
        Self {
            window: Window::Minute,
            refusal: Errcode::MINUTE_LIMIT,
            ..Self::daily(endpoint, calls)
        }
    }
}

impl Quotas {
    /// Counts a call of `path`.
    ///
    /// # Errors
    /// When it is one too many for one of its limits; it counts for none then.
    pub(super) fn count(
        &mut self,
        account: &Account,
        path: &str,
        now: Millis,
    ) -> Result<(), Errcode> {
        self.count_as(account, "", path, now)
    }

    /// Counts the login of a mini program's user.
    ///
    /// # Errors
    /// When it is one too many.
    pub(super) fn count_person(
        &mut self,
        account: &Account,
        user_id: &str,
        now: Millis,
    ) -> Result<(), Errcode> {
        self.count_as(account, user_id, PER_PERSON, now)
    }

    fn count_as(
        &mut self,
        account: &Account,
        user_id: &str,
        path: &str,
        now: Millis,
    ) -> Result<(), Errcode> {
        let mut counted = Vec::new();
        for quota in QUOTAS.iter().filter(|quota| quota.endpoint == path) {
            let key = Counted {
                app_id: account.app_id.clone(),
                user_id: user_id.to_owned(),
                quota: quota.name,
            };
            let window = quota.window.number(now);
            let known = self.counts.get(&key).copied().unwrap_or_default();
            let calls = if known.window == window {
                known.calls
            } else {
                0
            };
            if calls >= self.limit(quota, account) {
                return Err(quota.refusal);
            }
            let calls = calls + 1;
            counted.push((key, Count { window, calls }));
        }
        self.counts.extend(counted);
        Ok(())
    }

    fn limit(&self, quota: &Quota, account: &Account) -> u64 {
        let is_tenth = account.is_test && quota.window == Window::Day;
        let share = if is_tenth { TEST_SHARE } else { 1 };
        let set = self.set.get(quota.name).copied();
        set.unwrap_or(quota.calls / share)
    }

    /// Starts the account's counts again, but for the one of such clearings.
    pub(super) fn clear(&mut self, app_id: &str) {
        self.counts
            .retain(|counted, _| counted.app_id != app_id || counted.quota == CLEAR_QUOTA);
    }

    fn limits(&self) -> BTreeMap<&'static str, u64> {
        QUOTAS
            .iter()
            .map(|quota| {
                let set = self.set.get(quota.name).copied();
                (quota.name, set.unwrap_or(quota.calls))
            })
            .collect()
    }
}

/// `GET`: every limit in force.
pub(super) async fn show(shared: web::Data<Shared>) -> HttpResponse {
    show_limits(&shared.lock().quotas)
}

fn show_limits(quotas: &Quotas) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "quotas": quotas.limits() }))
}

/// `PUT {name: calls}`: sets those that are given; 0 refuses every call.
pub(super) async fn set(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let given: BTreeMap<String, u64> = api::read(body)?;
    let mut known = Vec::new();
    for (name, calls) in given {
        let Some(quota) = QUOTAS.iter().find(|quota| quota.name == name) else {
            let names = QUOTAS.map(|quota| quota.name).join(", ");
            return Err(Refusal::bad_request(format!("one of {names} is allowed")));
        };
        known.push((quota.name, calls));
    }
    let mut state = shared.lock();
    state.quotas.set.extend(known);
    Ok(show_limits(&state.quotas))
}

/// China's clocks are eight hours ahead, all year.
const CHINA: Millis = 8 * 3_600_000;
const DAY: Millis = 86_400_000;

/// The day in China, from 1970 on.
pub(super) const fn day(now: Millis) -> u64 {
    (now + CHINA) / DAY
}

/// The month in China, from March of the year 0 on. (Howard Hinnant, chrono-Compatible Low-Level Date
/// Algorithms, `civil_from_days`.)
const fn month(now: Millis) -> u64 {
    let days = day(now) + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    (era * 400 + year_of_era) * 12 + (5 * of_year + 2) / 153
}

impl Window {
    const fn number(self, now: Millis) -> u64 {
        match self {
            Self::Minute => now / 60_000,
            Self::Day => day(now),
            Self::Month => month(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::account::Kind, *};

    fn account() -> Account {
        Account::new(Kind::OfficialAccount, "wx1", "")
    }

    /// 2026-10-31 23:59:59.999 in China.
    const LAST_OF_OCTOBER: Millis = 1_793_462_399_999;

    #[test]
    fn a_day_and_a_month_end_at_midnight_in_china() {
        assert_eq!(day(LAST_OF_OCTOBER) + 1, day(LAST_OF_OCTOBER + 1));
        assert_eq!(day(LAST_OF_OCTOBER + 1), day(LAST_OF_OCTOBER + DAY));
        assert_eq!(month(LAST_OF_OCTOBER) + 1, month(LAST_OF_OCTOBER + 1));
        assert_eq!(
            month(LAST_OF_OCTOBER + 1),
            month(LAST_OF_OCTOBER + 30 * DAY)
        );
        // Leap days: from the first of 2000 to the first of 2100 in China there are 100 years.
        let (y2000, y2100) = (946_656_000_000, 4_102_416_000_000);
        assert_eq!(month(y2000) + 1200, month(y2100));
        assert_eq!(month(y2100 - 1) + 1, month(y2100));
    }

    #[test]
    fn calls_are_counted_by_account_and_window() {
        let mut quotas = Quotas::default();
        quotas.set.insert("/cgi-bin/token", 2);
        let other = Account {
            app_id: "wx2".to_owned(),
            ..account()
        };
        let now = LAST_OF_OCTOBER;
        for (account, now, answer) in [
            (account(), now, Ok(())),
            (account(), now, Ok(())),
            (account(), now, Err(Errcode::DAILY_LIMIT)),
            (other, now, Ok(())),
            (account(), now + 1, Ok(())),
        ] {
            assert_eq!(quotas.count(&account, "/cgi-bin/token", now), answer);
        }
        quotas.set.insert(CLEAR_QUOTA, 1);
        let mut clear = |now| {
            let counted = quotas.count(&account(), CLEAR_QUOTA, now);
            quotas.clear("wx1");
            counted
        };
        assert_eq!(clear(now), Ok(()));
        assert_eq!(clear(now), Err(Errcode::CLEAR_LIMIT));
        assert_eq!(clear(now + 1), Ok(()), "in November");
    }

    #[test]
    fn a_call_must_keep_all_its_limits() {
        let mut quotas = Quotas::default();
        quotas.set.insert("/cgi-bin/stable_token", 2);
        quotas.set.insert("/cgi-bin/stable_token per minute", 1);
        let mut count = |now| quotas.count(&account(), "/cgi-bin/stable_token", now);
        assert_eq!(count(0), Ok(()));
        assert_eq!(
            count(0),
            Err(Errcode::MINUTE_LIMIT),
            "which counts for none"
        );
        assert_eq!(count(60_000), Ok(()));
        assert_eq!(count(120_000), Err(Errcode::DAILY_LIMIT));
        for _ in 0..100 {
            quotas.count_person(&account(), "amy", 0).unwrap();
        }
        let mut login = |user, now| quotas.count_person(&account(), user, now);
        assert_eq!(login("amy", 59_999), Err(Errcode::MINUTE_LIMIT));
        assert_eq!(login("ben", 59_999), Ok(()));
        assert_eq!(login("amy", 60_000), Ok(()));
    }

    #[test]
    fn a_test_account_has_a_tenth_of_a_day() {
        let mut quotas = Quotas::default();
        let test = Account {
            is_test: true,
            ..account()
        };
        for _ in 0..200 {
            quotas.count(&test, "/cgi-bin/token", 0).unwrap();
        }
        assert_eq!(
            quotas.count(&test, "/cgi-bin/token", 0),
            Err(Errcode::DAILY_LIMIT)
        );
    }
}
