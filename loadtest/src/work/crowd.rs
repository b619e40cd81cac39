//! Pages that wait: opened as planned, kept, and closed.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{Voice, confirms, ground::Ground, voice::Marks};
use crate::{
    job::{Crowd, Job},
    page::{Page, Way},
    socket::{Failure, Heard},
    stages::Change,
};

/// Pages that come and go before anything is measured, by numbers that no other page has.
const FIRST: Range<usize> = 1_000_000_000..1_000_000_020;

pub(super) async fn work(
    job: Job,
    crowd: Crowd,
    voice: Voice,
    marks: &mut Marks,
) -> anyhow::Result<()> {
    let mut ground = Ground::new(job, voice);
    let people = crowd.confirms.as_ref();
    if let Some(people) = people.and_then(|confirms| confirms.tap.people()) {
        ground = ground.with_people(people).await?;
    }
    let ground = Arc::new(ground);
    warm_up(&ground, crowd.way).await;
    marks.mark("ready").await?;
    let mut waiting = Waiting::new(Arc::clone(&ground), crowd.way);
    waiting.open(&crowd).await?;
    marks.mark("open").await?;
    sleep(crowd.idle).await;
    marks.mark("held").await?;
    if let Some(confirms) = &crowd.confirms {
        confirms::work(&ground, &crowd, confirms, marks).await?;
    }
    waiting.close().await;
    marks.mark("closed").await
}

/// What a gateway makes once, and the code it has not run yet, is no page's memory.
async fn warm_up(ground: &Ground, way: Way) {
    for index in FIRST {
        // Whoever cannot come is counted when it matters.
        let shown = ground.in_time("open", show(ground, way, index)).await;
        let Ok((page, ..)) = shown else { return };
        page.close().await;
    }
}

/// The pages that nobody scans.
struct Waiting {
    ground: Arc<Ground>,
    way: Way,
    running: JoinSet<()>,
    /// Ends all of them.
    stop: watch::Sender<bool>,
    /// Ends one: the one opened last comes last.
    ends: Vec<oneshot::Sender<()>>,
}

impl Waiting {
    fn new(ground: Arc<Ground>, way: Way) -> Self {
        Self {
            ground,
            way,
            running: JoinSet::new(),
            stop: watch::Sender::new(false),
            ends: Vec::new(),
        }
    }

    /// Opens this process' pages, and closes them again, as planned; at most so many are being opened at once.
    async fn open(&mut self, crowd: &Crowd) -> anyhow::Result<()> {
        let began = Instant::now();
        let turn = Arc::new(Semaphore::new(crowd.connections));
        let share = self.ground.share;
        let mut level = 0_usize;
        for (after, change) in crowd.pages.changes() {
            // The page that comes or goes is number `page` of all.
            let page = match change {
                Change::Open => level,
                Change::Close => level - 1,
            };
            level = match change {
                Change::Open => level + 1,
                Change::Close => level - 1,
            };
            if !share.has(page) {
                continue;
            }
            sleep_until(began + after).await;
            match change {
                Change::Open => {
                    let permit = Arc::clone(&turn).acquire_owned().await?;
                    self.begin(page, permit);
                }
                Change::Close => drop(self.ends.pop()),
            }
        }
        // Who still opens has to be done.
        let all = u32::try_from(crowd.connections)?;
        drop(turn.acquire_many(all).await?);
        while self.running.try_join_next().is_some() {}
        Ok(())
    }

    fn begin(&mut self, index: usize, permit: OwnedSemaphorePermit) {
        let (end, ended) = oneshot::channel();
        self.ends.push(end);
        let (ground, way) = (Arc::clone(&self.ground), self.way);
        let stop = self.stop.subscribe();
        self.running
            .spawn(live(ground, way, index, permit, stop, ended));
    }

    async fn close(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// One page, from its opening until it shall end or is lost.
async fn live(
    ground: Arc<Ground>,
    way: Way,
    index: usize,
    permit: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
    ended: oneshot::Receiver<()>,
) {
    let opened = ground.in_time("open", open(&ground, way, index)).await;
    drop(permit);
    let mut page = match opened {
        Ok(page) => page,
        Err(failure) => return ground.voice.fail(failure),
    };
    ground.voice.came();
    let lost = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => None,
        _ = ended => None,
        lost = wait(&mut page, &ground.voice) => Some(lost),
    };
    ground.voice.went();
    match lost {
        None => page.close().await,
        Some(failure) => ground.voice.fail(failure),
    }
}

/// A page that shows its code, or a peer's, which has none; what that took is counted.
pub(super) async fn open(ground: &Ground, way: Way, index: usize) -> Result<Page, Failure> {
    let (page, connect, shown) = show(ground, way, index).await?;
    ground.voice.record("connect", connect);
    if let Some(shown) = shown {
        ground.voice.record("pending", shown);
    }
    Ok(page)
}

/// The page, and what connecting and showing took.
async fn show(
    ground: &Ground,
    way: Way,
    index: usize,
) -> Result<(Page, Duration, Option<Duration>), Failure> {
    if ground.target.is_bare {
        let (page, connect) = Page::open_bare(&ground.target, way, index).await?;
        return Ok((page, connect, None));
    }
    let challenge = ground.pkce(index).challenge;
    let opened = Page::open(&ground.target, way, index, &challenge).await?;
    Ok((opened.page, opened.connect, Some(opened.shown)))
}

/// Answers pings and renews the code when it expires, as the page does; returns how the page was lost.
pub(super) async fn wait(page: &mut Page, voice: &Voice) -> Failure {
    let mut asked: Option<Instant> = None;
    loop {
        let (heard, at) = match page.hear("held", voice).await {
            Ok(heard) => heard,
            Err(failure) => return failure,
        };
        match heard {
            Heard::Event(event) if event.kind == "expired" => {
                asked = Some(Instant::now());
                if let Err(failure) = page.refresh().await {
                    return failure;
                }
            }
            Heard::Event(event) if event.kind == "pending" => {
                let took = asked
                    .take()
                    .map(|asked| at.saturating_duration_since(asked));
                voice.record("renewed", took.unwrap_or(Duration::ZERO));
            }
            Heard::Event(event) => {
                return Failure::new("held", format_args!("got {}", event.describe()));
            }
            Heard::Closed(code, why) => {
                return Failure::new("held", format_args!("closed {code} {why}"));
            }
        }
    }
}
