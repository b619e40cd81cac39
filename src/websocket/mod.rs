//! The WebSocket door: `GET /api/v1/ws`.
//!
//! What a frame means is the plain function [`step`](step::step); what it asks for is done here, one frame after the
//! other; what the browser is told goes out through [`Connection`], from whichever thread has the news.

mod commands;
mod connection;
mod sockets;
mod step;

use std::{
    mem,
    sync::Arc,
    task::{Context, Wake, Waker},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use actix_ws::AggregatedMessage;

pub(crate) use self::sockets::Sockets;
use self::{
    connection::Connection,
    step::{Act, Frame, Phase, step},
};
use crate::{
    code::{Close, Code},
    config::Origin,
    http::{
        ApiError, Bare, Cookies, LimitKey, Limited, Limits, Origins, Place, RequestContext,
        SocketPermit, Upgrade, originate,
    },
    login::{Login, LoginError, Origination},
    protocol::{Control, MAX_OUTGOING, PING_INTERVAL_MS, SUBPROTOCOL, VERSION},
    push::{Channels, Drain, Registry, Tab, Watcher},
    rfc6455::{Broken, Heard, Incoming, Line, Rules},
    tasks::Tasks,
    telemetry::{CloseLabel, Metrics},
    token::{EndReason, TokenError, Tokens},
};

/// What a limit asks a caller to wait who sent too many frames.
const TOO_MANY_FRAMES: Duration = Duration::from_secs(1);
/// What a browser may leave unread beyond what the kernel takes: the two largest events.
const MAX_UNREAD: u32 = 2 * MAX_OUTGOING;

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
    pub(crate) origins: web::Data<Origins>,
    pub(crate) limits: web::Data<Limits>,
    /// What a browser may send.
    pub(crate) rules: Rules,
    /// This node's name, as `hello` tells it.
    pub(crate) node: String,
}

/// Upgrades to `scan.v1`, or says why not. Limits are answered after the upgrade, where the page can read them; only a
/// flood of handshakes is refused before.
pub(crate) async fn upgrade(
    request: HttpRequest,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, actix_web::Error> {
    let context = RequestContext::of(&request);
    let headers = request.headers();
    if headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING)
    {
        return Err(ApiError::new(Code::BadRequest).into());
    }
    let key = context.limit_key();
    door.limits.handshake(key).map_err(ApiError::from)?;
    let origin = door.origins.any_app(headers).map_err(ApiError::from)?;
    let mut handshake = actix_http::ws::handshake(request.head())?;
    let upgrade = Upgrade::of(&request).ok_or(ApiError::new(Code::BadRequest))?;
    let agreed = agreed(headers);
    if let Some(protocol) = agreed {
        handshake.insert_header((header::SEC_WEBSOCKET_PROTOCOL, protocol));
    }
    let mut response = HttpResponse::from(handshake.finish().map_into_boxed_body());
    let (browser, cookie) = cookies.browser_or_new(headers);
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    let caller = Caller {
        is_spoken: agreed == Some(SUBPROTOCOL),
        limit_key: key,
        permit: door.limits.socket(key),
        greeting: Greeting {
            origination: originate(&request, &context, origin.as_ref(), Some(browser.hash())),
            origin,
        },
    };
    upgrade.then(move |bare| {
        let tasks = door.tasks.clone();
        tasks.spawn_connection(open(door.into_inner(), caller, bare));
    });
    Ok(response)
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

/// Who asked for a socket.
struct Caller {
    is_spoken: bool,
    limit_key: LimitKey,
    permit: Result<SocketPermit, Limited>,
    greeting: Greeting,
}

impl Caller {
    /// Why there is nothing to say to it.
    fn refused(&self) -> Option<Refusal> {
        match self.permit {
            _ if !self.is_spoken => Some(Code::VersionUnsupported.into()),
            Err(limited) => Some(limited.into()),
            Ok(_) => None,
        }
    }
}

/// What a socket's first command is judged by.
struct Greeting {
    origination: Origination,
    origin: Option<Origin>,
}

/// One socket's own side: what it may do and how far it has come.
struct Socket {
    phase: Phase,
    connection: Arc<Connection>,
    incoming: Incoming,
    /// Until the first command was carried out.
    greeting: Option<Box<Greeting>>,
    limit_key: LimitKey,
    permit: Option<SocketPermit>,
    door: Arc<Door>,
    place: Option<Place>,
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

/// Opens a socket on the connection, says hello or why not, and serves what has come already.
async fn open(door: Arc<Door>, caller: Caller, bare: Bare) {
    let line = match Line::open(bare.io, MAX_UNREAD).await {
        Ok(line) => line,
        Err(error) => return tracing::error!(%error, "a connection could not be taken over"),
    };
    let now = door.login.clock().now();
    let mut incoming = Incoming::default();
    incoming.put(&bare.read);
    let locale = caller.greeting.origination.locale;
    let refused = caller.refused();
    let socket = Box::new(Socket {
        phase: Phase::Waiting,
        connection: Arc::new(Connection::new(line, locale, now)),
        incoming,
        greeting: Some(Box::new(caller.greeting)),
        limit_key: caller.limit_key,
        permit: caller.permit.ok(),
        place: bare.place,
        door,
    });
    socket.door.metrics.sockets.inc();
    socket.door.metrics.sockets_opened.inc();
    match refused {
        Some(refusal) => socket.refuse(refusal, None),
        None => socket.welcome(),
    }
    socket.serve().await;
}

/// However it ended.
impl Drop for Socket {
    fn drop(&mut self) {
        self.leave();
        self.permit = None;
        self.count_closed();
    }
}

impl Wake for Connection {
    /// Something has come, or the line was closed.
    fn wake(self: Arc<Self>) {
        if let Some(socket) = self.unpark() {
            let tasks = socket.door.tasks.clone();
            tasks.spawn_connection(socket.serve());
        }
    }
}

impl Socket {
    fn welcome(&self) {
        let hello = Control::Hello {
            v: VERSION,
            now: self.door.login.clock().now(),
            ping_interval_ms: PING_INTERVAL_MS,
            node: &self.door.node,
        };
        // A browser that does not read is closed by the attempt.
        let _ = self.connection.send(&hello.encode());
        self.door.sockets.join(&self.connection);
        // Whoever comes in while all sockets are told to come back elsewhere is told now.
        if self.door.drain.has_begun() {
            self.connection.send_away(&self.door.drain);
        }
    }

    /// Serves one message after the other, while there are some. A socket that waits is no task: it is parked in its
    /// connection, and what comes next makes one of it again.
    async fn serve(mut self: Box<Self>) {
        loop {
            let (rules, clock) = (&self.door.rules, self.door.login.clock());
            match self.incoming.hear(self.connection.line(), rules, clock) {
                Heard::Message(heard) => self.take(heard).await,
                Heard::Nothing => match self.park() {
                    Some(woken) => self = woken,
                    None => return,
                },
                Heard::End => break,
            }
        }
        self.part().await;
    }

    /// What the socket had is given back before the browser has done its part: that may take seconds.
    async fn part(mut self: Box<Self>) {
        let (connection, door) = (self.connection.clone(), self.door.clone());
        let (mut incoming, _place) = (mem::take(&mut self.incoming), self.place.take());
        drop(self);
        let (rules, clock) = (&door.rules, door.login.clock());
        let (line, stopping) = (connection.line(), door.tasks.stopping());
        line.part(&mut incoming, rules, clock, stopping).await;
    }

    /// Waits for what comes next, and gives itself back if that is there already.
    fn park(self: Box<Self>) -> Option<Box<Self>> {
        let connection = self.connection.clone();
        connection.park(self);
        let waker = Waker::from(connection.clone());
        let ready = connection
            .line()
            .poll_ready(&mut Context::from_waker(&waker));
        ready.is_ready().then(|| connection.unpark()).flatten()
    }

    async fn take(&mut self, heard: Result<AggregatedMessage, Broken>) {
        self.connection.heard(self.door.login.clock().now());
        let frame = match &heard {
            Ok(AggregatedMessage::Text(text)) => Frame::Text(text),
            Ok(AggregatedMessage::Binary(_)) => Frame::Binary,
            Ok(AggregatedMessage::Ping(payload)) => Frame::Ping(payload),
            Ok(AggregatedMessage::Pong(_)) => Frame::Pong,
            Ok(AggregatedMessage::Close(reason)) => {
                return self.connection.answer_close(reason.clone());
            }
            Err(broken) => return self.broken(*broken),
        };
        // A command is boxed, because most of what comes is a pong, and thousands may come at once.
        let (command, done) = match step(&self.phase, &frame) {
            Act::Nothing => return,
            Act::Pong(payload) => return self.connection.pong(payload),
            Act::Close(why) => return self.connection.close(why),
            Act::Refuse(code, command) => return self.refuse(code.into(), command),
            Act::Start(start) => ("start", Box::pin(self.start(&start)).await),
            Act::Resume(resume) => ("resume", Box::pin(self.resume(resume)).await),
            Act::Attach(attach) => ("attach", Box::pin(self.attach(&attach)).await),
            Act::Refresh(scene) => ("refresh", Box::pin(self.refresh(&scene)).await),
            Act::Verify(scene, verify) => ("verify", Box::pin(self.verify(&scene, verify)).await),
            Act::Cancel(scene) => ("cancel", Box::pin(self.cancel(&scene)).await),
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

    fn count_closed(&self) {
        let code = self.connection.closed().map_or(1006, Close::number);
        let metrics = &self.door.metrics;
        metrics
            .sockets_closed
            .get_or_create(&CloseLabel { code })
            .inc();
        metrics.sockets.dec();
    }

    fn refuse(&self, refusal: Refusal, command: Option<&'static str>) {
        self.door.metrics.refuse(refusal.code.name());
        self.connection.refuse(refusal, command);
    }

    /// The browser broke a rule.
    fn broken(&self, broken: Broken) {
        let why = match broken {
            Broken::Protocol => Close::Protocol,
            Broken::NotUtf8 => Close::NotUtf8,
            Broken::TooBig => Close::TooBig,
            Broken::TooMany => {
                let refusal = Refusal {
                    retry_after: Some(TOO_MANY_FRAMES),
                    ..Code::RateLimited.into()
                };
                return self.refuse(refusal, None);
            }
        };
        self.connection.close(why);
    }
}
