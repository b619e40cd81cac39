//! `GET /scenes/{scene}/events`: the scene's events as Server-Sent Events (WHATWG HTML section 9.2).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::header::HeaderName,
    web::{self, Bytes},
};
use futures_util::stream;
use tokio::sync::mpsc;

use super::{Door, scenes::own};
use crate::{
    code::{Code, Locale},
    http::{ApiError, Limits, RequestContext, SocketPermit},
    protocol::{Control, Encoded, ErrorBody},
    push::{Dismissal, Slow, Watcher},
    scene::{SceneId, Secret},
};

/// Events that may wait for a reader; a scene has no more.
const QUEUE: usize = 8;
/// How often a comment keeps proxies from closing a quiet stream.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Opens with the latest event unless `Last-Event-ID` is its seq; ends after an end or redemption. Counts as the
/// scene's socket: the last one wins.
pub(super) async fn stream(
    request: HttpRequest,
    path: web::Path<String>,
    door: web::Data<Door>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, ApiError> {
    let context = RequestContext::of(&request);
    let permit = limits.socket(context.limit_key())?;
    let owner = own(&request, &path, &door, &limits).await?;
    let seen = request.headers().get(LAST_EVENT_ID);
    // A number that this scene has not reached is another scene's, and must hide nothing.
    let seen = seen
        .and_then(|id| id.to_str().ok()?.parse().ok())
        .filter(|seen| *seen <= owner.scene.seq)
        .unwrap_or(0);
    let (feed, lines) = Feed::new(owner.scene.opening.locale, seen);
    let feed = Arc::new(feed);
    let reader = Reader {
        door: door.clone(),
        scene: owner.scene.id,
        feed: feed.clone(),
        lines,
        _permit: permit,
    };
    door.login.hold(&reader.scene).await?;
    door.push.take_over(reader.scene, feed.clone());
    open_with(&door, &path, &owner.secret, &feed).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(stream::unfold(reader, |mut reader| async {
            let line = reader.next().await?;
            Some((Ok::<_, Error>(line), reader))
        })))
}

/// The state is read after the feed hangs in its place, so that nothing falls in between.
async fn open_with(door: &Door, path: &str, secret: &Secret, feed: &Feed) -> Result<(), ApiError> {
    let scene = door.login.find(path, secret).await?;
    door.login.still_holds(&scene.id).await?;
    let event = door.login.event(&scene, secret, true);
    // A stream just opened has room.
    let _ = feed.deliver(scene.id, &event);
    if !scene.state.is_live() {
        feed.end();
    }
    Ok(())
}

/// The sending side: what the push hands over, each event once and in order.
struct Feed {
    state: Mutex<FeedState>,
    locale: Locale,
}

struct FeedState {
    /// `None` once nothing more may come.
    lines: Option<mpsc::Sender<Bytes>>,
    /// The last event sent.
    seq: u64,
}

impl Feed {
    fn new(locale: Locale, seen: u64) -> (Self, mpsc::Receiver<Bytes>) {
        let (sender, lines) = mpsc::channel(QUEUE);
        let state = Mutex::new(FeedState {
            lines: Some(sender),
            seq: seen,
        });
        (Self { state, locale }, lines)
    }

    fn end(&self) {
        self.lock().lines = None;
    }

    fn lock(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeedState {
    fn send(&mut self, line: String) -> Result<(), Slow> {
        let sent = self
            .lines
            .as_ref()
            .map_or(Ok(()), |lines| lines.try_send(line.into()));
        // A full queue, or a reader that is gone: either way it hears nothing more.
        sent.map_err(|_refused| {
            self.lines = None;
            Slow
        })
    }

    /// What is about the stream and no state has no number; nothing comes after it.
    fn end_with(&mut self, event: &Encoded) {
        let Encoded { name, json, .. } = event;
        let _ = self.send(format!("event: {name}\ndata: {json}\n\n"));
        self.lines = None;
    }
}

impl Watcher for Feed {
    fn deliver(&self, _: SceneId, event: &Encoded) -> Result<(), Slow> {
        let mut state = self.lock();
        if event.seq <= state.seq {
            return Ok(());
        }
        let Encoded {
            seq, name, json, ..
        } = event;
        state.seq = *seq;
        state.send(format!("event: {name}\nid: {seq}\ndata: {json}\n\n"))?;
        if event.is_last {
            state.lines = None;
        }
        Ok(())
    }

    fn dismiss(&self, _: SceneId, why: Dismissal) {
        let mut state = self.lock();
        let code = match why {
            Dismissal::Finished | Dismissal::Recalled => None,
            Dismissal::TakenOver => Some(Code::TakenOver),
            Dismissal::Lost => Some(Code::SceneNotFound),
        };
        if let Some(code) = code {
            let error = ErrorBody::new(code, self.locale);
            let told = Control::Error {
                error,
                command: None,
            };
            state.end_with(&told.encode());
        }
        state.lines = None;
    }
}

/// The reading side: it gives its place up however the request ends.
struct Reader {
    door: web::Data<Door>,
    scene: SceneId,
    feed: Arc<Feed>,
    lines: mpsc::Receiver<Bytes>,
    _permit: SocketPermit,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            // What is in the queue goes out before anything else.
            biased;
            line = self.lines.recv() => line,
            farewell = self.door.drain.turn() => {
                self.feed.lock().end_with(&farewell);
                self.lines.recv().await
            }
            () = self.door.login.clock().sleep(COMMENT_EVERY) => Some(Bytes::from_static(b":\n\n")),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let watcher: Arc<dyn Watcher> = self.feed.clone();
        self.door.push.leave(self.scene, &watcher);
    }
}
