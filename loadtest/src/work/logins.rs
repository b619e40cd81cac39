//! Whole h5 logins, as a person with a computer and a phone makes them.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};

use super::{
    Voice,
    ground::Ground,
    phone::{Confirmed, Phone},
    voice::Marks,
};
use crate::{
    job::{Job, Logins, Share},
    pace::{Due, pace},
    page::{Page, Way},
    random::Pkce,
    socket::{Failure, Heard},
};

/// What the moments of one login are called.
pub(crate) const PHASES: &[&str] = &[
    "late",
    "connect",
    "pending",
    "scan",
    "scanned",
    "authorized",
    "authorized_known",
    "authorized_new",
    "redeem",
    "whole",
];

/// How late a login may still begin that was due before the end.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn work(
    job: Job,
    logins: Logins,
    voice: Voice,
    marks: &mut Marks,
) -> anyhow::Result<()> {
    let ground = Ground::new(job, voice).with_people(&logins.people).await?;
    marks.mark("ready").await?;
    drive(&logins, &Arc::new(ground)).await?;
    marks.mark("done").await
}

/// Starts logins when they are due, and waits for what becomes of them.
async fn drive(logins: &Logins, ground: &Arc<Ground>) -> anyhow::Result<()> {
    let is_open = logins.rate.is_some();
    let grace = if is_open { GRACE } else { Duration::ZERO };
    let ends_at = Instant::now() + logins.duration + grace;
    let places = Arc::new(Semaphore::new(logins.connections));
    let mut running = JoinSet::new();
    let mut paced = pace(dues(logins, ground.share));
    while let Some(Due { index, at }) = paced.recv().await {
        let place = Arc::clone(&places).acquire_owned().await?;
        let counts = index >= logins.warmup;
        match (Instant::now() < ends_at, is_open) {
            (true, true) if counts => ground.voice.record("late", at.elapsed()),
            (true, _) => {}
            (false, true) => {
                // Left out, these would make the others look good.
                let why = format_args!("all -c {} places were busy", logins.connections);
                ground.voice.fail(Failure::new("never begun", why));
                continue;
            }
            (false, false) => break,
        }
        let due = (is_open && logins.correction).then_some(at);
        running.spawn(one(Arc::clone(ground), index, due, counts, place));
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

/// When this process' logins are due; without a rate, as soon as there is a place.
fn dues(logins: &Logins, share: Share) -> impl Iterator<Item = (usize, Duration)> + Send + use<> {
    let all: Box<dyn Iterator<Item = Duration> + Send> = match &logins.rate {
        Some(rate) => Box::new(rate.arrivals()),
        None => Box::new(std::iter::repeat(Duration::ZERO)),
    };
    let numbered = all.take(logins.logins).enumerate();
    numbered.filter(move |(index, _)| share.has(*index))
}

async fn one(
    ground: Arc<Ground>,
    index: usize,
    due: Option<Instant>,
    counts: bool,
    place: OwnedSemaphorePermit,
) {
    let began = Instant::now();
    let done = ground.in_time("whole", login(&ground, index)).await;
    drop(place);
    match done {
        Ok(moments) if counts => moments.record(&ground.voice, due.unwrap_or(began)),
        Ok(_) => ground.voice.record("warmup", began.elapsed()),
        Err(failure) => ground.voice.fail(failure),
    }
}

/// What one login took, and its moments.
struct Moments {
    connect: Duration,
    shown: Duration,
    phone: (Instant, Instant, Confirmed),
    desk: Desk,
}

/// When the page read what.
struct Desk {
    scanned: Instant,
    authorized: Instant,
    redeemed: Instant,
    closed: Instant,
}

impl Moments {
    fn record(&self, voice: &Voice, due: Instant) {
        let (scan, scan_told, confirmed) = &self.phone;
        let desk = &self.desk;
        // The event may be read before the phone's clock is: then it took no time that we can tell.
        let authorized = desk.authorized.saturating_duration_since(confirmed.told_at);
        let kind = if confirmed.is_new {
            "authorized_new"
        } else {
            "authorized_known"
        };
        for (phase, latency) in [
            ("connect", self.connect),
            ("pending", self.shown),
            ("scan", desk.scanned.saturating_duration_since(*scan)),
            (
                "scanned",
                desk.scanned.saturating_duration_since(*scan_told),
            ),
            ("authorized", authorized),
            (kind, authorized),
            ("redeem", desk.redeemed - desk.authorized),
            ("whole", desk.closed.saturating_duration_since(due)),
        ] {
            voice.record(phase, latency);
        }
    }
}

/// Login number `index`, from the page's opening to its end.
async fn login(ground: &Ground, index: usize) -> Result<Moments, Failure> {
    let pkce = ground.pkce(index);
    let opened = Page::open(&ground.target, Way::Push, index, &pkce.challenge).await?;
    let link = opened.pending.link()?;
    let (connect, shown) = (opened.connect, opened.shown);
    let mut page = opened.page;
    ground.voice.came();
    // The page first: when both can go on, the frame that waits is the one being timed.
    let done = tokio::try_join!(biased;
        desk(ground, &mut page, &pkce, index),
        phone(ground, &link, index)
    );
    ground.voice.went();
    let (desk, phone) = done?;
    Ok(Moments {
        connect,
        shown,
        phone,
        desk,
    })
}

/// What happens in the browser.
async fn desk(
    ground: &Ground,
    page: &mut Page,
    pkce: &Pkce,
    index: usize,
) -> Result<Desk, Failure> {
    let voice = &ground.voice;
    let (_, scanned) = page.expect("scanned", 2, voice).await?;
    voice.scanned();
    let (event, authorized) = page.expect("authorized", 3, voice).await?;
    voice.authorized();
    let Some(grant) = event.grant else {
        return Err(Failure::new("authorized", "no grant"));
    };
    ground.redeem(&grant, &pkce.verifier, index).await?;
    let redeemed = Instant::now();
    let (heard, closed) = page.hear("close", voice).await?;
    match heard {
        Heard::Closed(1000, _) => Ok(Desk {
            scanned,
            authorized,
            redeemed,
            closed,
        }),
        Heard::Closed(code, why) => Err(Failure::new("close", format_args!("closed {code} {why}"))),
        Heard::Event(event) => Err(Failure::new(
            "close",
            format_args!("got {}", event.describe()),
        )),
    }
}

/// What happens on the phone: when it scanned, when that was told, and what came of the tap.
async fn phone(
    ground: &Ground,
    link: &str,
    index: usize,
) -> Result<(Instant, Instant, Confirmed), Failure> {
    let mut phone = Phone::new(ground, index);
    let scan = Instant::now();
    let asked = phone.scan(link).await?;
    let confirmed = phone.confirm(&asked).await?;
    Ok((scan, asked.told_at, confirmed))
}

/// Makes all people known to the gateway, whose first login is unlike all others.
pub(super) async fn make_known(ground: &Arc<Ground>) -> anyhow::Result<()> {
    /// At the same time.
    const PLACES: usize = 8;
    let places = Arc::new(Semaphore::new(PLACES));
    let mut running = JoinSet::new();
    for user in 0..ground.user_count() {
        let place = Arc::clone(&places).acquire_owned().await?;
        let ground = Arc::clone(ground);
        running.spawn(async move {
            let index = ground.share.index + user * ground.share.of;
            let done = ground.in_time("first login", login(&ground, index)).await;
            drop(place);
            done
        });
    }
    while let Some(done) = running.join_next().await {
        if let Err(Failure(why)) = done? {
            bail!("a first login failed: {why}");
        }
    }
    Ok(())
}
