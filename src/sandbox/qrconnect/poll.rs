//! `GET /connect/l/qrconnect`: the long poll of the page.

use std::time::Duration;

use actix_web::{HttpResponse, http::header, web};
use serde::Deserialize;
use tokio::sync::watch;

use super::login::Status;
use crate::{
    clock::{Clock, Millis},
    sandbox::shared::Shared,
};

/// How long a poll is held when there is no news. WeChat's clients allow for 30 s and more.
const HOLD: Duration = Duration::from_secs(25);
/// Polls held at once at most; others are answered straight away.
pub(in crate::sandbox) const MAX_HELD: usize = 10_000;

const NOTHING_YET: i32 = 408;
const EXPIRED: i32 = 402;

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    uuid: String,
    /// What the page was told before. A text, because WeChat answers nonsense too.
    #[serde(default)]
    last: String,
}

/// `uuid`, and `last` for a page that knows of a scan or a refusal already; `_` only defeats caches.
pub(super) async fn poll(shared: web::Data<Shared>, query: web::Query<Query>) -> HttpResponse {
    let now = shared.clock.now();
    let watched = {
        let mut state = shared.lock();
        let login = state.logins.get(&query.uuid, now);
        login.map(|login| (login.watch(), login.expires_at))
    };
    let Some((status, expires_at)) = watched else {
        return answer(EXPIRED, "");
    };
    let held = shared.held_polls.try_acquire();
    let hold = if held.is_ok() { HOLD } else { Duration::ZERO };
    let wait = Wait {
        last: query.last.parse().unwrap_or(NOTHING_YET),
        expires_at,
        hold,
    };
    let (errcode, code) = wait.news(&shared.clock, status).await;
    answer(errcode, &code)
}

/// A script that sets two globals.
pub(in crate::sandbox) fn answer(errcode: i32, code: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!(
            "window.wx_errcode={errcode};window.wx_code='{code}';"
        ))
}

struct Wait {
    /// What is no news.
    last: i32,
    expires_at: Millis,
    hold: Duration,
}

impl Wait {
    /// `wx_errcode` and `wx_code`, as soon as they say something new.
    async fn news(&self, clock: &Clock, mut status: watch::Receiver<Status>) -> (i32, String) {
        let is_confirmed = matches!(*status.borrow(), Status::Confirmed(_));
        if clock.now() >= self.expires_at && !is_confirmed {
            return (EXPIRED, String::new());
        }
        let hold = u64::try_from(self.hold.as_millis()).unwrap_or(u64::MAX);
        let until = self.expires_at.min(clock.now().saturating_add(hold));
        let changed = async {
            let news = status.wait_for(|status| self.is_news(status)).await;
            // Forgotten, by a reset or because too many came after it: the page needs a new code.
            news.map_or((EXPIRED, String::new()), |status| shown(&status))
        };
        tokio::select! {
            biased;
            news = changed => news,
            () = clock.sleep_until(until) => {
                let is_over = clock.now() >= self.expires_at;
                (if is_over { EXPIRED } else { NOTHING_YET }, String::new())
            }
        }
    }

    fn is_news(&self, status: &Status) -> bool {
        let (errcode, _) = shown(status);
        errcode != NOTHING_YET && errcode != self.last || matches!(status, Status::Confirmed(_))
    }
}

fn shown(status: &Status) -> (i32, String) {
    match status {
        Status::Waiting => (NOTHING_YET, String::new()),
        Status::Scanned => (404, String::new()),
        Status::Confirmed(code) => (405, code.clone()),
        Status::Cancelled => (403, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: u64 = 300_000;

    fn wait(clock: &Clock, last: i32) -> Wait {
        Wait {
            last,
            expires_at: clock.now() + LIFE,
            hold: HOLD,
        }
    }

    async fn errcode(wait: &Wait, clock: &Clock, status: &watch::Sender<Status>) -> i32 {
        wait.news(clock, status.subscribe()).await.0
    }

    #[tokio::test(start_paused = true)]
    async fn without_news_it_is_held_for_25_seconds() {
        let clock = Clock::new();
        for (now, last, said) in [
            (Status::Waiting, NOTHING_YET, NOTHING_YET),
            (Status::Waiting, 404, NOTHING_YET),
            (Status::Scanned, 404, NOTHING_YET),
            (Status::Cancelled, 403, NOTHING_YET),
        ] {
            let status = watch::Sender::new(now);
            let before = clock.now();
            let said_now = errcode(&wait(&clock, last), &clock, &status).await;
            let took = clock.now() - before;
            assert_eq!(said_now, said, "{status:?}");
            assert!((25_000..25_100).contains(&took), "{status:?}: {took} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_told_at_once() {
        let clock = Clock::new();
        for (now, last, said) in [
            (Status::Scanned, NOTHING_YET, 404),
            (Status::Scanned, 403, 404),
            (Status::Cancelled, NOTHING_YET, 403),
            (Status::Cancelled, 404, 403),
            (Status::Confirmed("C".to_owned()), 404, 405),
            (Status::Confirmed("C".to_owned()), 405, 405),
        ] {
            let status = watch::Sender::new(now);
            let before = clock.now();
            assert_eq!(errcode(&wait(&clock, last), &clock, &status).await, said);
            assert!(clock.now() - before < 100, "{status:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_poll_wakes_by_a_scan_by_the_clock_and_by_a_reset() {
        let clock = Clock::new();
        let status = watch::Sender::new(Status::Waiting);
        let before = clock.now();
        let later = async {
            clock.sleep(Duration::from_secs(10)).await;
            status.send_replace(Status::Scanned);
        };
        let fresh = wait(&clock, NOTHING_YET);
        let (said, ()) = tokio::join!(errcode(&fresh, &clock, &status), later);
        assert_eq!(said, 404);
        let took = clock.now() - before;
        assert!((10_000..10_100).contains(&took), "{took} ms");

        let mover = async { clock.advance(Duration::from_secs(300)) };
        let over = wait(&clock, 404);
        let (said, ()) = tokio::join!(errcode(&over, &clock, &status), mover);
        assert_eq!(said, EXPIRED);

        let seen = wait(&clock, 404);
        let watched = status.subscribe();
        let forget = async { drop(status) };
        let (said, ()) = tokio::join!(seen.news(&clock, watched), forget);
        assert_eq!(said.0, EXPIRED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_is_told_even_late_and_nothing_else_is() {
        let clock = Clock::new();
        let late = wait(&clock, NOTHING_YET);
        clock.advance(Duration::from_millis(LIFE));
        for (now, said) in [
            (Status::Waiting, EXPIRED),
            (Status::Scanned, EXPIRED),
            (Status::Cancelled, EXPIRED),
            (Status::Confirmed("C".to_owned()), 405),
        ] {
            let status = watch::Sender::new(now);
            assert_eq!(errcode(&late, &clock, &status).await, said, "{status:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bound_nothing_is_held() {
        let clock = Clock::new();
        let unheld = Wait {
            hold: Duration::ZERO,
            ..wait(&clock, NOTHING_YET)
        };
        let before = clock.now();
        let waiting = watch::Sender::new(Status::Waiting);
        assert_eq!(errcode(&unheld, &clock, &waiting).await, NOTHING_YET);
        let scanned = watch::Sender::new(Status::Scanned);
        assert_eq!(errcode(&unheld, &clock, &scanned).await, 404);
        assert!(clock.now() - before < 100);
    }
}
