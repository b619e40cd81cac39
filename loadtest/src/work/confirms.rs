//! People who have scanned and confirm when it is due: how soon does the page know?

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};

use super::{ground::Ground, logins::make_known, phone::Phone, voice::Marks};
use crate::{
    job::{Confirms, Crowd},
    pace::{Due, pace},
    page::{Page, Way},
    socket::Failure,
};

/// The number of the first of these people: far behind all pages that only wait, whatever their number.
const FIRST: usize = 100_000_000;
/// At most so many scan at the same time.
const SCANNING: usize = 16;

/// What the page is told after `pending`, and the numbers of these events.
const SEEN: [(&str, u64); 2] = [("scanned", 2), ("authorized", 3)];

/// When the page knew of a state, and how long that lasts.
type Heard = (Instant, Duration);

/// Somebody who has scanned: told when to confirm, and until when that works.
struct Ready {
    confirm: oneshot::Sender<Instant>,
    until: Instant,
}

pub(super) async fn work(
    ground: &Arc<Ground>,
    crowd: &Crowd,
    confirms: &Confirms,
    marks: &mut Marks,
) -> anyhow::Result<()> {
    make_known(ground).await?;
    let share = ground.share;
    let dues = confirms.rate.arrivals().enumerate();
    let dues: Vec<_> = dues.filter(|(index, _)| share.has(*index)).collect();
    let mut running = JoinSet::new();
    let mut ready = prepare(ground, crowd.way, &dues, confirms.correction, &mut running).await?;
    let last = Instant::now() + confirms.rate.duration();
    ensure!(
        ready.iter().all(|person| person.until > last),
        "{} scans take too long to be confirmed in time: fewer (rate, duration), or a longer scene.scanned_ttl_s",
        ready.len()
    );
    marks.mark("prepared").await?;
    let mut paced = pace(dues.into_iter());
    while let Some(Due { at, .. }) = paced.recv().await {
        let Some(person) = ready.pop() else { break };
        // Who was lost meanwhile has said so.
        let _ = person.confirm.send(at);
    }
    drop(ready);
    while running.join_next().await.is_some() {}
    marks.mark("confirmed").await
}

/// Opens a page for each that is due, and scans its code; returns who has.
async fn prepare(
    ground: &Arc<Ground>,
    way: Way,
    dues: &[(usize, Duration)],
    correction: bool,
    running: &mut JoinSet<()>,
) -> anyhow::Result<Vec<Ready>> {
    let turn = Arc::new(Semaphore::new(SCANNING));
    let (told, mut tells) = mpsc::channel(dues.len().max(1));
    for (index, _) in dues {
        let place = Arc::clone(&turn).acquire_owned().await?;
        let person = Person {
            ground: Arc::clone(ground),
            way,
            index: FIRST + index,
            correction,
        };
        running.spawn(person.live(told.clone(), place));
    }
    drop(told);
    let mut ready = Vec::new();
    // It ends when everybody has scanned or failed.
    while let Some(person) = tells.recv().await {
        ready.push(person);
    }
    Ok(ready)
}

struct Person {
    ground: Arc<Ground>,
    way: Way,
    index: usize,
    correction: bool,
}

impl Person {
    async fn live(self, told: mpsc::Sender<Ready>, place: OwnedSemaphorePermit) {
        let voice = &self.ground.voice;
        let (mut page, link) = match self.open().await {
            Ok(opened) => opened,
            Err(failure) => return voice.fail(failure),
        };
        voice.came();
        let (heard, hears) = mpsc::channel(SEEN.len());
        // The page first: when both can go on, what it was told is what is being timed.
        let done = tokio::try_join!(biased;
            self.desk(&mut page, heard),
            self.phone(&link, hears, told, place)
        );
        voice.went();
        match done {
            Ok(_) => page.close().await,
            Err(failure) => voice.fail(failure),
        }
    }

    async fn open(&self) -> Result<(Page, String), Failure> {
        let ground = &self.ground;
        let challenge = ground.pkce(self.index).challenge;
        let opening = Page::open(&ground.target, self.way, self.index, &challenge);
        let opened = ground.in_time("open", opening).await?;
        Ok((opened.page, opened.pending.link()?))
    }

    /// What happens in the browser: says when it knew of each state, and how long that lasts.
    async fn desk(&self, page: &mut Page, heard: mpsc::Sender<Heard>) -> Result<(), Failure> {
        let voice = &self.ground.voice;
        for (kind, seq) in SEEN {
            let (event, at) = page.expect(kind, seq, voice).await?;
            // The phone may have failed meanwhile, and says so itself.
            let _ = heard.send((at, event.life().unwrap_or_default())).await;
        }
        Ok(())
    }

    /// What happens on the phone, and how soon the page knew.
    async fn phone(
        &self,
        link: &str,
        mut heard: mpsc::Receiver<Heard>,
        told: mpsc::Sender<Ready>,
        place: OwnedSemaphorePermit,
    ) -> Result<(), Failure> {
        let (ground, voice) = (&self.ground, &self.ground.voice);
        let mut phone = Phone::new(ground, self.index);
        let asked = ground.in_time("scan", phone.scan(link)).await?;
        let (at, life) = ground.in_time("scanned", next(&mut heard)).await?;
        voice.scanned();
        voice.record("scanned", at.saturating_duration_since(asked.told_at));
        let (confirm, due) = oneshot::channel();
        let until = at + life;
        drop(place);
        // When nobody wants to know, the next line says so.
        let _ = told.send(Ready { confirm, until }).await;
        drop(told);
        let Ok(due) = due.await else {
            return Err(Failure::new("confirm", "the run is over"));
        };
        let confirmed = ground.in_time("confirm", phone.confirm(&asked)).await?;
        let told_at = confirmed.told_at;
        let (known_at, _) = ground.in_time("authorized", next(&mut heard)).await?;
        voice.authorized();
        voice.record("late", told_at.saturating_duration_since(due));
        let since = if self.correction { due } else { told_at };
        let latency = known_at.saturating_duration_since(since);
        voice.record(self.way.latency(), latency);
        Ok(())
    }
}

async fn next(heard: &mut mpsc::Receiver<Heard>) -> Result<Heard, Failure> {
    match heard.recv().await {
        Some(heard) => Ok(heard),
        // The page says itself what happened to it.
        None => std::future::pending().await,
    }
}
