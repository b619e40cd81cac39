//! People who have scanned and confirm, or reject, when it is due: how soon does the page know? At a peer only its
//! callback is called.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};

use super::{
    crowd::{open, wait},
    ground::Ground,
    logins::make_known,
    phone::{Phone, Screen},
    voice::Marks,
};
use crate::{
    bare,
    job::{Confirms, Crowd, Tap},
    pace::{Due, pace},
    page::{Page, Way},
    socket::{Failure, Heard as Told},
};

/// The number of the first of these people: far behind all pages that only wait, whatever their number.
const FIRST: usize = 100_000_000;
/// At most so many scan at the same time.
const SCANNING: usize = 16;

/// How long a peer has to close the socket once it has pushed; nchan's subscriber waits to be closed.
const CLOSES_WITHIN: Duration = Duration::from_millis(100);
/// The close code of what ended as it should.
const NORMAL: u16 = 1000;
/// What a page of a peer waits for does not run out.
const ENDLESS: Duration = Duration::from_secs(24 * 60 * 60);

/// When the page knew of a state, and how long that lasts.
type Heard = (Instant, Duration);

impl Tap {
    /// What the page is told after `pending`, and the numbers of these events.
    const fn seen(&self) -> [(&'static str, u64); 2] {
        let last = match self {
            Self::Reject(_) => "rejected",
            Self::Confirm(_) | Self::Callback => "authorized",
        };
        [("scanned", 2), (last, 3)]
    }
}

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
    if confirms.tap.people().is_some() {
        make_known(ground).await?;
    }
    let share = ground.share;
    let dues = confirms.rate.arrivals().enumerate();
    let dues: Vec<_> = dues.filter(|(index, _)| share.has(*index)).collect();
    let mut running = JoinSet::new();
    let mut ready = prepare(ground, crowd.way, &dues, confirms, &mut running).await?;
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
    confirms: &Confirms,
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
            tap: confirms.tap.clone(),
            correction: confirms.correction,
        };
        let told = told.clone();
        match confirms.tap {
            Tap::Callback => running.spawn(person.wait_for_callback(told, place)),
            Tap::Confirm(_) | Tap::Reject(_) => running.spawn(person.live(told, place)),
        };
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
    tap: Tap,
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
        let (heard, hears) = mpsc::channel(self.tap.seen().len());
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
        for (kind, seq) in self.tap.seen() {
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
        let told_at = ground
            .in_time("confirm", self.tap(&mut phone, &asked))
            .await?;
        let (known_at, _) = ground.in_time("authorized", next(&mut heard)).await?;
        self.told(due, told_at, known_at);
        Ok(())
    }

    /// Taps one of the buttons; returns when.
    async fn tap(&self, phone: &mut Phone<'_>, asked: &Screen) -> Result<Instant, Failure> {
        match self.tap {
            Tap::Reject(_) => phone.reject(asked).await,
            Tap::Confirm(_) | Tap::Callback => Ok(phone.confirm(asked).await?.told_at),
        }
    }

    /// The page knows.
    fn told(&self, due: Instant, told_at: Instant, known_at: Instant) {
        let voice = &self.ground.voice;
        voice.authorized();
        voice.record("late", told_at.saturating_duration_since(due));
        let since = if self.correction { due } else { told_at };
        let latency = known_at.saturating_duration_since(since);
        voice.record(self.way.latency(), latency);
    }

    /// A peer's page, from its opening until it has been told.
    async fn wait_for_callback(self, told: mpsc::Sender<Ready>, place: OwnedSemaphorePermit) {
        let (ground, voice) = (&self.ground, &self.ground.voice);
        let opened = ground.in_time("open", open(ground, self.way, self.index));
        let mut page = match opened.await {
            Ok(page) => page,
            Err(failure) => return voice.fail(failure),
        };
        drop(place);
        voice.came();
        let done = self.called_back(&mut page, told).await;
        voice.went();
        match done {
            Ok(()) => page.close().await,
            Err(failure) => voice.fail(failure),
        }
    }

    /// Calls the callback when it is due, and hears what it pushed.
    async fn called_back(&self, page: &mut Page, told: mpsc::Sender<Ready>) -> Result<(), Failure> {
        let (ground, voice) = (&self.ground, &self.ground.voice);
        let (confirm, due) = oneshot::channel();
        let until = Instant::now() + ENDLESS;
        let _ = told.send(Ready { confirm, until }).await;
        drop(told);
        let due = tokio::select! {
            due = due => due.map_err(|_closed| Failure::new("callback", "the run is over"))?,
            lost = wait(page, voice) => return Err(lost),
        };
        let told_at = Instant::now();
        let (kind, seq) = bare::KIND;
        // The page first, as above.
        let both =
            async { tokio::try_join!(biased; page.expect(kind, seq, voice), self.call_back()) };
        let ((_, known_at), ()) = ground.in_time("callback", both).await?;
        self.told(due, told_at, known_at);
        match tokio::time::timeout(CLOSES_WITHIN, page.hear("close", voice)).await {
            Ok(Ok((Told::Closed(NORMAL, _), _))) | Err(_) => Ok(()),
            Ok(Ok((Told::Closed(code, _), _))) => Err(Failure::new("close", code)),
            Ok(Ok((Told::Event(event), _))) => Err(Failure::new("close", event.describe())),
            Ok(Err(failure)) => Err(failure),
        }
    }

    async fn call_back(&self) -> Result<(), Failure> {
        let (ground, step) = (&self.ground, "callback");
        let url = bare::at(&ground.target, "/callback", self.index);
        let url = url.map_err(|error| Failure::new(step, error))?;
        let call = bare::callback(&url, self.index);
        let answer = ground.fetch(step, &url, self.index, call).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(Failure::new(step, format_args!("HTTP {}", answer.status)))
        }
    }
}

async fn next(heard: &mut mpsc::Receiver<Heard>) -> Result<Heard, Failure> {
    match heard.recv().await {
        Some(heard) => Ok(heard),
        // The page says itself what happened to it.
        None => std::future::pending().await,
    }
}
