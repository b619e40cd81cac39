//! How the pages of a node that goes away move to the others: when each is told, and how long it is to wait.
//!
//! All of them at once would be a blow to whoever takes them. So they are told in waves, and each is told a wait of its
//! own, drawn from a time that grows with their number.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    clock::{Clock, Millis},
    ids,
    protocol::{Control, Encoded},
    telemetry::Metrics,
};

/// Pages that come to the other nodes in a second, all of these together.
const PAGES_PER_S: usize = 1_000;
/// No page is back sooner, in milliseconds: its close is through then.
const LEAST_WAIT: Millis = 200;
/// Over how long pages come back at most, in milliseconds: who has confirmed on the phone waits as long for the page.
/// Beyond 30 000 pages they come faster instead.
const LONGEST_SPREAD: Millis = 30_000;
/// The part of `server.grace_s` that telling may take; the rest is for calls in flight.
const PART_OF_GRACE: u32 = 4;
/// Waves that all sockets are told in.
const WAVES: usize = 25;

/// The drain of one node.
pub struct Drain {
    schedule: watch::Sender<Option<Schedule>>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// When pages are told, and over how long they come back.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    begun_at: Millis,
    telling: Millis,
    spread: Millis,
}

impl Schedule {
    fn new(begun_at: Millis, pages: usize, longest_telling: Millis) -> Self {
        let spread = (pages as Millis * 1_000 / PAGES_PER_S as Millis).min(LONGEST_SPREAD);
        Self {
            begun_at,
            // Few pages need no waves, and a stop that need not take long does not.
            telling: spread.min(longest_telling),
            spread,
        }
    }

    /// When a page is told at the soonest and at the latest.
    const fn told(&self) -> Range<Millis> {
        self.begun_at..self.begun_at + self.telling
    }

    /// The same for those of one wave.
    const fn wave(&self, wave: usize) -> Range<Millis> {
        let start = self.telling * wave as Millis / WAVES as Millis;
        let end = self.telling * (wave as Millis + 1) / WAVES as Millis;
        self.begun_at + start..self.begun_at + end
    }

    /// What a page waits. A sum of two even draws is nowhere denser than the longer one, so the waves add nothing to
    /// the rate.
    const fn wait(&self) -> Range<Millis> {
        LEAST_WAIT..LEAST_WAIT + self.spread
    }
}

impl Drain {
    /// One that has not begun.
    pub fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            schedule: watch::Sender::new(None),
            clock,
            metrics,
        }
    }

    /// How long telling may take of this `server.grace_s`.
    pub fn longest_telling(grace: Duration) -> Duration {
        grace / PART_OF_GRACE
    }

    /// From now on every page is told to come back elsewhere: these many are here.
    pub fn begin(&self, pages: usize, grace: Duration) {
        let longest = Self::longest_telling(grace).as_millis();
        let longest = Millis::try_from(longest).unwrap_or(Millis::MAX);
        let schedule = Schedule::new(self.clock.now(), pages, longest);
        let (told_within_ms, back_within_ms) = (schedule.telling, schedule.wait().end);
        tracing::info!(
            pages,
            told_within_ms,
            back_within_ms,
            "pages are told to come back elsewhere"
        );
        self.schedule.send_replace(Some(schedule));
    }

    /// Whether a page that comes now has to be told.
    pub fn has_begun(&self) -> bool {
        self.schedule.borrow().is_some()
    }

    /// Returns once it has begun.
    pub async fn begun(&self) {
        // It cannot fail: the sender is here.
        let _ = self.schedule.subscribe().wait_for(Option::is_some).await;
    }

    /// Returns what one page is told, once it has begun and that page's turn has come.
    pub async fn turn(&self) -> Encoded {
        self.begun().await;
        self.sleep_until_some(Schedule::told).await;
        self.farewell()
    }

    /// Passes over all of `pages`, wave by wave, and returns when everybody's turn has come.
    pub async fn in_waves<P: Sync>(&self, pages: &[P], tell: impl Fn(&P) + Send + Sync) {
        let size = pages.len().div_ceil(WAVES).max(1);
        for (wave, pages) in pages.chunks(size).enumerate() {
            self.sleep_until_some(|schedule| schedule.wave(wave)).await;
            pages.iter().for_each(&tell);
        }
        self.sleep_until_some(|schedule| schedule.told().end..schedule.told().end)
            .await;
    }

    /// What one page is told: its own wait. Counted.
    pub fn farewell(&self) -> Encoded {
        self.metrics.sockets_drained.inc();
        let wait = self.schedule().as_ref().map_or(0..0, Schedule::wait);
        let reconnect_in_ms = draw(&wait);
        Control::Drain { reconnect_in_ms }.encode()
    }

    fn schedule(&self) -> Option<Schedule> {
        *self.schedule.borrow()
    }

    /// Until a moment drawn from that time of the schedule.
    async fn sleep_until_some(&self, time: impl Fn(&Schedule) -> Range<Millis>) {
        if let Some(schedule) = self.schedule() {
            self.clock.sleep_until(draw(&time(&schedule))).await;
        }
    }
}

/// Drawn evenly; the start of an empty range.
fn draw(range: &Range<Millis>) -> Millis {
    range.start + ids::below(range.end - range.start)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;

    const GRACE: Duration = Duration::from_secs(25);

    fn drain() -> Drain {
        Drain::new(Clock::new(), Arc::default())
    }

    fn wait_in(farewell: &Encoded) -> Millis {
        let event: Value = serde_json::from_str(&farewell.json).unwrap();
        assert_eq!(event["type"], "drain");
        event["reconnect_in_ms"].as_u64().unwrap()
    }

    #[test]
    fn more_pages_come_back_over_a_longer_time() {
        for (pages, telling, spread) in [
            (0, 0, 0),
            (7, 7, 7),
            (1_000, 1_000, 1_000),
            (18_000, 6_250, 18_000),
            (30_000, 6_250, 30_000),
            (1_000_000, 6_250, 30_000),
        ] {
            let schedule = Schedule::new(5, pages, 6_250);
            assert_eq!(schedule.told(), 5..5 + telling, "{pages}");
            assert_eq!(schedule.wait(), 200..200 + spread, "{pages}");
        }
    }

    #[test]
    fn the_waves_follow_each_other_without_a_gap() {
        let schedule = Schedule::new(1_000, 18_000, 6_250);
        let mut end = schedule.told().start;
        for wave in 0..WAVES {
            assert_eq!(schedule.wave(wave), end..end + 250);
            end += 250;
        }
        assert_eq!(end, schedule.told().end);
    }

    /// What the other nodes see, by the second.
    #[tokio::test(start_paused = true)]
    async fn the_others_see_a_bounded_rate() {
        let (drain, pages) = (drain(), vec![(); 18_000]);
        drain.begin(pages.len(), GRACE);
        let begun_at = drain.clock.now();
        let arrivals = Mutex::new([0; 26]);
        let come = |(): &()| {
            let back = drain.clock.now() - begun_at + wait_in(&drain.farewell());
            arrivals.lock().unwrap()[usize::try_from(back / 1_000).unwrap()] += 1;
        };
        drain.in_waves(&pages, come).await;
        let took = drain.clock.now() - begun_at;
        assert!((6_250..6_400).contains(&took), "{took}");
        let arrivals = arrivals.into_inner().unwrap();
        assert_eq!(arrivals.iter().sum::<usize>(), pages.len());
        // Six standard deviations above what is promised.
        let most = PAGES_PER_S + 200;
        assert!(arrivals.iter().all(|count| *count <= most), "{arrivals:?}");
        assert_eq!(drain.metrics.sockets_drained.get(), 18_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_s_turn_comes_while_pages_are_told_and_at_once_afterwards() {
        let drain = drain();
        let early = drain.turn();
        let begin = async { drain.begin(18_000, GRACE) };
        let begun_at = drain.clock.now();
        let (farewell, ()) = tokio::join!(early, begin);
        assert!((200..18_200).contains(&wait_in(&farewell)));
        assert!(drain.clock.now() - begun_at < 6_300);
        drain.clock.advance(GRACE);
        let late = drain.clock.now();
        drain.turn().await;
        assert!(drain.clock.now() - late < 100);
    }

    #[tokio::test(start_paused = true)]
    async fn one_page_alone_is_told_at_once() {
        let drain = drain();
        assert!(!drain.has_begun());
        drain.begin(1, GRACE);
        assert!(drain.has_begun());
        let begun_at = drain.clock.now();
        drain.in_waves(&[()], |()| {}).await;
        assert!(drain.clock.now() - begun_at < 100);
        assert_eq!(wait_in(&drain.farewell()), LEAST_WAIT);
    }
}
