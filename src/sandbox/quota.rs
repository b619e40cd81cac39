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

/// `(endpoint, calls, window, refusal)`; WeChat's own numbers.
const QUOTAS: [(&str, u64, Window, Errcode); 10] = [
    ("/cgi-bin/token", 2000, Window::Day, Errcode::DAILY_LIMIT),
    (
        "/cgi-bin/stable_token",
        500_000,
        Window::Day,
        Errcode::DAILY_LIMIT,
    ),
    (
        "/cgi-bin/qrcode/create",
        100_000,
        Window::Day,
        Errcode::DAILY_LIMIT,
    ),
    (
        "/cgi-bin/user/info",
        5_000_000,
        Window::Day,
        Errcode::DAILY_LIMIT,
    ),
    (CLEAR_QUOTA, 10, Window::Month, Errcode::CLEAR_LIMIT),
    (
        "/wxa/getwxacodeunlimit",
        5000,
        Window::Minute,
        Errcode::DAILY_LIMIT,
    ),
    (
        "/sns/oauth2/access_token",
        50_000,
        Window::Minute,
        Errcode::MINUTE_LIMIT,
    ),
    (
        "/sns/oauth2/refresh_token",
        50_000,
        Window::Minute,
        Errcode::MINUTE_LIMIT,
    ),
    (
        "/sns/userinfo",
        50_000,
        Window::Minute,
        Errcode::MINUTE_LIMIT,
    ),
    (
        "/sns/jscode2session",
        50_000,
        Window::Minute,
        Errcode::MINUTE_LIMIT,
    ),
];
const CLEAR_QUOTA: &str = "/cgi-bin/clear_quota";
/// A test account has a tenth of the daily ones.
const TEST_SHARE: u64 = 10;

/// Counts of all accounts; as many as there are accounts and [`QUOTAS`].
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// What tests set instead of WeChat's numbers.
    set: HashMap<&'static str, u64>,
    counts: HashMap<(String, &'static str), Count>,
}

#[derive(Debug, Default)]
struct Count {
    window: u64,
    calls: u64,
}

impl Quotas {
    /// Counts a call of `path`.
    ///
    /// # Errors
    /// When it is one too many; it does not count then.
    pub(super) fn count(
        &mut self,
        account: &Account,
        path: &str,
        now: Millis,
    ) -> Result<(), Errcode> {
        let Some((endpoint, default, window, refusal)) = QUOTAS
            .iter()
            .copied()
            .find(|(endpoint, ..)| *endpoint == path)
        else {
            return Ok(());
        };
        let is_tenth = account.is_test && window == Window::Day;
        let own = if is_tenth {
            default / TEST_SHARE
        } else {
            default
        };
        let limit = self.set.get(endpoint).copied().unwrap_or(own);
        let key = (account.app_id.clone(), endpoint);
        let count = self.counts.entry(key).or_default();
        let window = window.number(now);
        if count.window != window {
            *count = Count { window, calls: 0 };
        }
        if count.calls >= limit {
            return Err(refusal);
        }
        count.calls += 1;
        Ok(())
    }

    /// Starts the account's counts again, but for the one of such clearings.
    pub(super) fn clear(&mut self, app_id: &str) {
        self.counts
            .retain(|(owner, endpoint), _| owner != app_id || *endpoint == CLEAR_QUOTA);
    }

    fn limits(&self) -> BTreeMap<&'static str, u64> {
        QUOTAS
            .iter()
            .map(|(endpoint, default, ..)| {
                let limit = self.set.get(endpoint).copied();
                (*endpoint, limit.unwrap_or(*default))
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

/// `PUT {endpoint: calls}`: sets those that are given; 0 refuses every call.
pub(super) async fn set(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let given: BTreeMap<String, u64> = api::read(body)?;
    let mut known = Vec::new();
    for (path, calls) in given {
        let Some((endpoint, ..)) = QUOTAS.iter().find(|(endpoint, ..)| *endpoint == path) else {
            let endpoints = QUOTAS.map(|(endpoint, ..)| endpoint).join(", ");
            return Err(Refusal::bad_request(format!(
                "one of {endpoints} is allowed"
            )));
        };
        known.push((*endpoint, calls));
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
