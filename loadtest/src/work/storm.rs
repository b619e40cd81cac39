//! Everybody at once: pages that all come, all lose their connection, and all are sent away.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    Voice,
    crowd::{open, wait},
    ground::Ground,
    voice::Marks,
};
use crate::{
    job::{Job, Storm},
    page::{Page, Way},
    socket::{Event, Failure, Heard, Socket, Ticket},
};

/// The wait after the first failure, doubled with each, and the longest (`web/PROTOCOL.md`, reconnecting).
const FIRST_CEILING: Duration = Duration::from_millis(500);
const LAST_CEILING: Duration = Duration::from_secs(20);
/// Draws that one page may need.
const DRAWS: usize = 1_000;
/// No such scene: it went with the gateway that knew it.
const SCENE_NOT_FOUND: u32 = 40401;

/// What all pages are to do.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Step {
    Open,
    Reconnect,
    Leave,
}

pub(super) async fn work(
    job: Job,
    storm: Storm,
    voice: Voice,
    marks: &mut Marks,
) -> anyhow::Result<()> {
    let ground = Arc::new(Ground::new(job, voice));
    marks.mark("ready").await?;
    let share = ground.share;
    let pages = share.part(storm.pages);
    let (order, step) = watch::channel(Step::Open);
    let (done, mut dones) = mpsc::channel(pages.max(1));
    let mut running = JoinSet::new();
    for index in (0..storm.pages).filter(|index| share.has(*index)) {
        let visitor = Visitor {
            ground: Arc::clone(&ground),
            index,
            patience: storm.patience,
            step: step.clone(),
            draws: index * DRAWS,
        };
        running.spawn(visitor.live(done.clone()));
    }
    all(pages, &mut dones).await;
    marks.mark("opened").await?;
    order.send_replace(Step::Reconnect);
    all(pages, &mut dones).await;
    // The gateway may go and come while this waits; what pages do about it is their own affair.
    marks.mark("reconnected").await?;
    order.send_replace(Step::Leave);
    while running.join_next().await.is_some() {}
    marks.mark("closed").await
}

/// Until every page has done a step.
async fn all(pages: usize, dones: &mut mpsc::Receiver<()>) {
    for _ in 0..pages {
        dones.recv().await;
    }
}

/// Somebody whose page comes back whatever happens to its connection.
struct Visitor {
    ground: Arc<Ground>,
    index: usize,
    patience: Duration,
    step: watch::Receiver<Step>,
    /// The number of the next random draw.
    draws: usize,
}

/// Why a try to come back failed.
enum Refused {
    /// Try again, after this wait if the gateway named one.
    Later(Option<Duration>),
    /// The scene is not known any more.
    Forgotten,
}

impl Visitor {
    /// Says so after each step, whatever came of it.
    async fn live(mut self, done: mpsc::Sender<()>) {
        let mut page = self.come().await;
        // When nobody counts any more, the process is about to end: so in both.
        let _ = done.send(()).await;
        page = self.until(Step::Reconnect, page).await;
        if let Some(there) = page {
            page = self.reconnect(there).await;
        }
        let _ = done.send(()).await;
        if let Some(there) = page {
            self.stay(there).await;
        }
    }

    async fn come(&self) -> Option<Page> {
        let ground = &self.ground;
        match timeout(self.patience, open(ground, Way::Push, self.index)).await {
            Ok(Ok(page)) => {
                ground.voice.came();
                return Some(page);
            }
            Ok(Err(failure)) => ground.voice.fail(failure),
            Err(_) => ground.voice.fail(Failure::new("open", "time-out")),
        }
        None
    }

    /// Waits for the step, as pages wait.
    async fn until(&mut self, step: Step, page: Option<Page>) -> Option<Page> {
        let voice = self.ground.voice.clone();
        let Some(mut page) = page else {
            let _ = self.step.wait_for(|now| *now >= step).await;
            return None;
        };
        let lost = tokio::select! {
            _ = self.step.wait_for(|now| *now >= step) => return Some(page),
            lost = wait(&mut page, &voice) => lost,
        };
        voice.went();
        voice.fail(lost);
        let _ = self.step.wait_for(|now| *now >= step).await;
        None
    }

    /// The connection is gone; the page is back at once.
    async fn reconnect(&mut self, page: Page) -> Option<Page> {
        self.ground.voice.went();
        let ticket = page.vanish();
        let lost_at = Instant::now();
        let page = self.back(ticket, Some(Duration::ZERO)).await?;
        self.ground.voice.record("reconnected", lost_at.elapsed());
        Some(page)
    }

    /// Stays until it may leave, and comes back as often as the gateway goes away.
    async fn stay(mut self, mut page: Page) {
        let voice = self.ground.voice.clone();
        loop {
            let mut told = None;
            loop {
                let heard = tokio::select! {
                    _ = self.step.wait_for(|now| *now >= Step::Leave) => None,
                    heard = page.hear("stay", &voice) => Some(heard),
                };
                let Some(heard) = heard else {
                    voice.went();
                    return page.close().await;
                };
                if react(&mut page, heard, &mut told).await.is_break() {
                    break;
                }
            }
            voice.went();
            let lost_at = Instant::now();
            let Some(back) = self.back(page.vanish(), told).await else {
                return;
            };
            voice.record("back", lost_at.elapsed());
            page = back;
        }
    }

    /// Comes back, after the wait that was told or one that grows with each failure.
    async fn back(&mut self, mut ticket: Ticket, mut told: Option<Duration>) -> Option<Page> {
        let ground = Arc::clone(&self.ground);
        let gives_up_at = Instant::now() + self.patience;
        let mut ceiling = FIRST_CEILING;
        for try_no in 0..DRAWS {
            let draw = ceiling.mul_f64(ground.chance(self.draws + try_no));
            sleep(told.take().unwrap_or(draw)).await;
            if Instant::now() >= gives_up_at {
                break;
            }
            let tried = timeout(self.patience, self.resume(&ticket, try_no)).await;
            match tried.unwrap_or(Err(Refused::Later(None))) {
                Ok(page) => {
                    ground.voice.came();
                    return Some(page);
                }
                Err(Refused::Forgotten) => {
                    ground.voice.record("forgotten", Duration::ZERO);
                    ticket = Ticket::default();
                    told = Some(Duration::ZERO);
                }
                Err(Refused::Later(wait)) => {
                    told = wait;
                    ceiling = (ceiling * 2).min(LAST_CEILING);
                    ground.voice.record("retry", Duration::ZERO);
                }
            }
        }
        ground.voice.fail(Failure::new("back", "gave up"));
        None
    }

    /// One try: to its scene, or with an empty ticket to a new one.
    async fn resume(&self, ticket: &Ticket, try_no: usize) -> Result<Page, Refused> {
        let target = &self.ground.target;
        let lost = |_: Failure| Refused::Later(None);
        let mut socket = Socket::open(target, self.index, try_no)
            .await
            .map_err(lost)?;
        let asked = if ticket.scene.is_empty() {
            let challenge = self.ground.pkce(self.index).challenge;
            socket.start(&challenge, target.svg).await
        } else {
            socket.resume(ticket).await
        };
        asked.map_err(lost)?;
        let (heard, _) = socket.hear("resume").await.map_err(lost)?;
        let Heard::Event(event) = heard else {
            return Err(Refused::Later(None));
        };
        refusal(&event)?;
        let mut page = Page::resumed(ticket.clone(), socket);
        page.ticket.note(&event);
        if event.kind == "expired" {
            page.refresh().await.map_err(lost)?;
            let pending = page.expect("pending", 1, &self.ground.voice).await;
            pending.map_err(lost)?;
        }
        Ok(page)
    }
}

/// Whether the answer to `resume` or `start` is none that shows a scene.
fn refusal(event: &Event) -> Result<(), Refused> {
    let wait = match (&event.error, event.kind.as_str()) {
        (Some(error), _) if error.code == SCENE_NOT_FOUND => return Err(Refused::Forgotten),
        (Some(error), _) => error.retry_after_ms,
        (None, "drain") => event.reconnect_in_ms,
        (None, _) => return Ok(()),
    };
    Err(Refused::Later(wait.map(Duration::from_millis)))
}

/// What a page does about what it heard; breaks when the connection is over.
async fn react(
    page: &mut Page,
    heard: Result<(Heard, Instant), Failure>,
    told: &mut Option<Duration>,
) -> ControlFlow<()> {
    match heard {
        Ok((Heard::Event(event), _)) => {
            if event.kind == "drain" {
                *told = event.reconnect_in_ms.map(Duration::from_millis);
            }
            if event.kind == "expired" && page.refresh().await.is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }
        Ok((Heard::Closed(..), _)) | Err(_) => ControlFlow::Break(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(event: &str) -> Result<(), Refused> {
        refusal(&serde_json::from_str(event).unwrap())
    }

    #[test]
    fn a_scene_that_is_shown_is_no_refusal() {
        for kind in ["pending", "scanned", "authorized", "expired"] {
            let event = format!(r#"{{"type":"{kind}","seq":1,"replay":true}}"#);
            assert!(answered(&event).is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_scene_that_is_gone_is_not_asked_for_again() {
        let error = r#"{"type":"error","error":{"code":40401,"name":"scene_not_found"}}"#;
        assert!(matches!(answered(error), Err(Refused::Forgotten)));
    }

    #[test]
    fn a_wait_that_was_named_is_kept() {
        let full =
            r#"{"type":"error","error":{"code":50300,"name":"overloaded","retry_after_ms":5000}}"#;
        let drain = r#"{"type":"drain","reconnect_in_ms":5000}"#;
        let named = Some(Duration::from_secs(5));
        for event in [full, drain] {
            assert!(matches!(answered(event), Err(Refused::Later(wait)) if wait == named));
        }
        let broken = r#"{"type":"error","error":{"code":50000,"name":"internal"}}"#;
        assert!(matches!(answered(broken), Err(Refused::Later(None))));
    }
}
