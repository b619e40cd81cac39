//! The WebSocket door: `GET /api/v1/ws`.
//!
//! What a frame means is the plain function [`step`](step::step); what it asks for is done here, one frame after the
//! other; what the browser is told goes out through [`Connection`], from whichever thread has the news.

mod commands;
mod connection;
mod guard;
mod sockets;
mod step;

use std::{cell::Cell, io::ErrorKind, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError};

pub(crate) use self::sockets::Sockets;
use self::{
    connection::Connection,
    guard::{FrameBudget, FrameGuard, Violation},
    step::{Act, Frame, Phase, step},
};
use crate::{
    code::{Close, Code},
    config::Origin,
    http::{
        ApiError, Cookies, LimitKey, Limited, Limits, Origins, RequestContext, SocketPermit,
        originate,
    },
    login::{Login, LoginError, Origination},
    protocol::{Control, MAX_INCOMING, PING_INTERVAL_MS, SUBPROTOCOL, VERSION},
    push::{Channels, Drain, Registry, Tab, Watcher},
    tasks::Tasks,
    telemetry::{CloseLabel, Metrics},
    token::{EndReason, TokenError, Tokens},
};

/// What a limit asks a caller to wait who sent too many frames.
const TOO_MANY_FRAMES: Duration = Duration::from_secs(1);

/// What every socket of this node works with.
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) push: Arc<Registry>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: Tasks,
    /// `limits.frames_per_s` and `limits.frame_burst`.
    pub(crate) frames: (u32, u32),
    /// This node's name, as `hello` tells it.
    pub(crate) node: String,
}

/// Upgrades to `scan.v1`, or says why not. Limits are answered after the upgrade, where the page can read them; only a
/// flood of handshakes is refused before.
pub(crate) async fn upgrade(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, actix_web::Error> {
    let context = RequestContext::of(&request);
    if request.headers().contains_key(header::CONTENT_LENGTH)
        || request.headers().contains_key(header::TRANSFER_ENCODING)
    {
        return Err(ApiError::new(Code::BadRequest).into());
    }
    limits
        .handshake(context.limit_key())
        .map_err(ApiError::from)?;
    let origin = origins.any_app(request.headers()).map_err(ApiError::from)?;

    let verdict = Rc::new(Cell::new(None));
    let guarded = door.guard(&request, payload, verdict.clone()).await?;
    let agreed = agreed(request.headers());
    let (mut response, session, stream) =
        actix_ws::handle_with_protocols(&request, guarded, agreed.as_slice())?;
    let stream = stream
        .max_frame_size(MAX_INCOMING)
        .aggregate_continuations()
        .max_continuation_size(MAX_INCOMING);

    let (browser, cookie) = cookies.browser_or_new(request.headers());
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    let connection = Arc::new(Connection::new(
        session,
        context.locale,
        door.login.clock().now(),
    ));
    let socket = Socket {
        phase: Phase::Waiting,
        limit_key: context.limit_key(),
        origination: originate(&request, &context, Some(browser.hash())),
        permit: limits.socket(context.limit_key()),
        connection,
        origin,
        origins,
        limits,
        verdict,
        door: door.clone(),
    };
    door.tasks
        .spawn_local(socket.serve(agreed == Some(SUBPROTOCOL), stream));
    Ok(response)
}

impl Door {
    /// The socket's bytes behind the guard, which leaves in `verdict` why it cut them off.
    async fn guard(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        verdict: Rc<Cell<Option<Violation>>>,
    ) -> Result<web::Payload, actix_web::Error> {
        let (per_s, burst) = self.frames;
        let budget = FrameBudget::new(per_s, burst);
        let clock = self.login.clock().clone();
        let guard = FrameGuard::new(payload.into_inner(), budget, clock, verdict);
        let mut guarded: Payload = Payload::Stream {
            payload: Box::pin(guard),
        };
        web::Payload::from_request(request, &mut guarded).await
    }
}

/// The subprotocol to agree to: ours, else the first one offered, because a browser that is refused its protocol never
/// reads why.
fn agreed(headers: &HeaderMap) -> Option<&str> {
    let values = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok());
    let offers = values.flat_map(|value| value.split(',')).map(str::trim);
    let mut offers = offers.filter(|offer| !offer.is_empty());
    let first = offers.next()?;
    let ours = first == SUBPROTOCOL || offers.any(|offer| offer == SUBPROTOCOL);
    Some(if ours { SUBPROTOCOL } else { first })
}

/// One socket's own side: what it may do and how far it has come.
struct Socket {
    phase: Phase,
    connection: Arc<Connection>,
    origin: Option<Origin>,
    origination: Origination,
    limit_key: LimitKey,
    permit: Result<SocketPermit, Limited>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    verdict: Rc<Cell<Option<Violation>>>,
    door: web::Data<Door>,
}

/// Why a command was not carried out.
struct Refusal {
    code: Code,
    retry_after: Option<Duration>,
    reason: Option<EndReason>,
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        Self {
            retry_after: error.retry_after,
            ..error.code.into()
        }
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        Self {
            retry_after: Some(limited.retry_after),
            ..limited.code.into()
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self {
            reason: error.end_reason(),
            ..LoginError::from(error).into()
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            retry_after: None,
            reason: None,
        }
    }
}

impl Socket {
    async fn serve(mut self, is_spoken: bool, mut stream: AggregatedMessageStream) {
        let metrics = self.door.metrics.clone();
        metrics.sockets.inc();
        metrics.sockets_opened.inc();
        if self.welcome(is_spoken) {
            self.door.sockets.join(&self.connection);
            // Whoever comes in while all sockets are told to come back elsewhere is told now.
            if self.door.drain.has_begun() {
                self.connection.send_away(&self.door.drain);
            }
            self.listen(&mut stream).await;
        }
        self.leave();
        metrics.sockets.dec();
        let code = self.connection.closed().map_or(1006, Close::number);
        metrics
            .sockets_closed
            .get_or_create(&CloseLabel { code })
            .inc();
    }

    /// Says hello, or why there is nothing to say.
    fn welcome(&self, is_spoken: bool) -> bool {
        if !is_spoken {
            self.refuse(Code::VersionUnsupported.into(), None);
            return false;
        }
        if let Err(limited) = &self.permit {
            self.refuse((*limited).into(), None);
            return false;
        }
        let now = self.door.login.clock().now();
        let hello = Control::Hello {
            v: VERSION,
            now,
            ping_interval_ms: PING_INTERVAL_MS,
            node: &self.door.node,
        };
        self.connection.send(&hello.encode()).is_ok()
    }

    async fn listen(&mut self, stream: &mut AggregatedMessageStream) {
        while let Some(message) = stream.recv().await {
            self.connection.heard(self.door.login.clock().now());
            match message {
                // Boxed while it runs, so that a socket that waits keeps no room for what a command needs.
                Ok(message) => Box::pin(self.take(&message)).await,
                Err(error) => self.broken(&error),
            }
            if self.connection.closed().is_some() {
                break;
            }
            // The answers of many frames that came in one read must find room in the session's queue: whoever empties
            // it is a task of this thread.
            tokio::task::yield_now().await;
        }
    }

    async fn take(&mut self, message: &AggregatedMessage) {
        let frame = match message {
            AggregatedMessage::Text(text) => Frame::Text(text),
            AggregatedMessage::Binary(_) => Frame::Binary,
            AggregatedMessage::Ping(payload) => Frame::Ping(payload),
            AggregatedMessage::Pong(_) => Frame::Pong,
            AggregatedMessage::Close(_) => Frame::Close,
        };
        let (command, done) = match step(&self.phase, &frame) {
            Act::Nothing => return,
            Act::Pong(payload) => return self.connection.pong(payload),
            Act::Close(why) => return self.connection.close(why),
            Act::Refuse(code, command) => return self.refuse(code.into(), command),
            Act::Start(start) => ("start", self.start(&start).await),
            Act::Resume(resume) => ("resume", self.resume(resume).await),
            Act::Attach(attach) => ("attach", self.attach(&attach).await),
            Act::Refresh(scene) => ("refresh", self.refresh(&scene).await),
            Act::Verify(scene, verify) => ("verify", self.verify(&scene, verify).await),
            Act::Cancel(scene) => ("cancel", self.cancel(&scene).await),
        };
        if let Err(refusal) = done {
            self.refuse(refusal, Some(command));
        }
    }

    /// Hears nothing more of its scene or session.
    fn leave(&self) {
        match &self.phase {
            Phase::Waiting => {}
            Phase::Bound(scene) => {
                let watcher: Arc<dyn Watcher> = self.connection.clone();
                self.door.push.leave(*scene, &watcher);
            }
            Phase::Attached(session) => {
                let tab: Arc<dyn Tab> = self.connection.clone();
                self.door.channels.leave(session, &tab);
            }
        }
    }

    fn refuse(&self, refusal: Refusal, command: Option<&'static str>) {
        self.door.metrics.refuse(refusal.code.name());
        self.connection.refuse(refusal, command);
    }

    /// The stream of frames broke: by the guard's verdict, by the codec's, or the connection is lost.
    fn broken(&self, error: &ProtocolError) {
        let why = match (self.verdict.get(), error) {
            (Some(Violation::TooMany), _) => {
                return self.refuse(
                    Refusal {
                        retry_after: Some(TOO_MANY_FRAMES),
                        ..Code::RateLimited.into()
                    },
                    None,
                );
            }
            (Some(violation), _) => violation.into(),
            (None, ProtocolError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Close::NotUtf8
            }
            (None, ProtocolError::Io(_)) => Close::Gone,
            (None, ProtocolError::Overflow) => Close::TooBig,
            (None, _) => Close::Protocol,
        };
        self.connection.close(why);
    }
}
