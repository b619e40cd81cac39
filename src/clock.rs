//! The only place that reads the time.
//!
//! Two readings, both in epoch milliseconds: [`Clock::now`] never jumps (deadlines of scenes, events on the
//! wire), [`Clock::wall`] follows the operating system's clock (tokens, rows in a database). A clock can be
//! [moved](Clock::advance): the sandbox's API does it, and so do the tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// A handle on one clock; clones read and move the same one.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: Millis,
    start: Instant,
    moved_by: AtomicU64,
    /// How far [`Clock::now`] is ahead of this machine's clock, to agree with other machines.
    ahead: AtomicI64,
    moved: watch::Sender<()>,
}

impl Clock {
    /// A clock that starts at the operating system's time.
    #[expect(clippy::new_without_default, reason = "reading the time is an effect")]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            epoch: system_time(),
            start: Instant::now(),
            moved_by: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
            moved: watch::Sender::new(()),
        }))
    }

    /// Now, unaffected by changes of the operating system's clock.
    pub fn now(&self) -> Millis {
        let elapsed = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let own = self.0.epoch + elapsed + self.0.moved_by.load(Ordering::Acquire);
        own.saturating_add_signed(self.0.ahead.load(Ordering::Acquire))
    }

    /// Now by the operating system's clock.
    pub fn wall(&self) -> Millis {
        system_time() + self.0.moved_by.load(Ordering::Acquire)
    }

    /// [`Clock::wall`] in whole seconds, as JWT and WeChat count.
    pub fn wall_s(&self) -> u64 {
        self.wall() / 1000
    }

    /// From here on [`Clock::now`] counts from `now`, the time that several machines agree on. Before anybody has read
    /// it: it may go back.
    pub fn agree(&self, now: Millis) {
        let ahead = i64::try_from(i128::from(now) - i128::from(self.now())).unwrap_or_default();
        self.0.ahead.fetch_add(ahead, Ordering::AcqRel);
        self.0.moved.send_replace(());
    }

    /// Moves both readings forward and wakes every sleeper whose time has come.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.moved_by.fetch_add(by, Ordering::AcqRel);
        self.0.moved.send_replace(());
    }

    /// Returns once [`Clock::now`] is at least `deadline`.
    pub async fn sleep_until(&self, deadline: Millis) {
        let mut moved = self.0.moved.subscribe();
        loop {
            let now = self.now();
            if now >= deadline {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(deadline - now)) => {}
                _ = moved.changed() => {}
            }
        }
    }

    /// Returns once `span` has passed on this clock.
    pub async fn sleep(&self, span: Duration) {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.sleep_until(self.now().saturating_add(span)).await;
    }
}

/// Measures how long something took, for histograms and logs; nobody moves it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A time as RFC 3339 writes it, in UTC with milliseconds. (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms,
/// `civil_from_days`.)
pub fn rfc3339(at: Millis) -> String {
    const DAY: Millis = 86_400_000;
    let days = at / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (second, milli) = (at % DAY / 1000, at % 1000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn system_time() -> Millis {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reading of the operating system's clock"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::new();
        let deadline = clock.now() + 60_000;
        let sleeper = async {
            clock.sleep_until(deadline).await;
            clock.now()
        };
        let mover = async { clock.advance(Duration::from_secs(61)) };
        let (woken_at, ()) = tokio::join!(sleeper, mover);
        assert!((deadline..deadline + 2_000).contains(&woken_at));
    }

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (at, due) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_312_000_123, "2026-11-22T01:46:40.123Z"),
            (1_798_761_599_000, "2026-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(at), due);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_that_agree_tell_one_time() {
        let (one, other) = (Clock::new(), Clock::new());
        let wall = one.wall();
        for now in [one.now() + 4_000, one.now() - 4_000] {
            one.agree(now);
            other.agree(now);
            assert_eq!((one.now(), other.now()), (now, now));
        }
        assert!(one.wall() < wall + 1_000, "the wall's is the machine's");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_when_time_passes() {
        let clock = Clock::new();
        let before = clock.now();
        clock.sleep(Duration::from_secs(5)).await;
        assert!(clock.now() >= before + 5_000);
    }
}
