//! Upgrades: a handler that answers 101 takes the bare connection over.
//!
//! actix's dispatcher keeps two buffers and itself for as long as a handler streams. So requests that ask for an upgrade
//! leave it: the `App` answers them like all others, through the same middlewares and routes, and what is left then is
//! the connection alone.

use std::{cell::Cell, io, net::Shutdown, rc::Rc, time::Duration};

use actix_codec::{Framed, FramedParts};
use actix_http::{
    ConnectionType, HttpMessage, Request, Response,
    body::MessageBody,
    h1::{Codec, Message},
};
use actix_service::{Service, ServiceFactory, apply_fn_factory};
use actix_web::{
    Error, HttpRequest, dev::ServiceResponse, http::StatusCode, rt::net::TcpStream, web::Bytes,
};
use futures_util::SinkExt;
use tokio::{io::AsyncReadExt, time::timeout};

use super::connections::Place;

/// How long a caller that was refused may take to read why, and to go.
const LINGER: Duration = Duration::from_secs(3);
/// What it may still send meanwhile: resetting the connection would lose our answer.
const LINGER_BYTES: u64 = 64 * 1024;

/// A connection that speaks HTTP no more.
#[derive(Debug)]
pub struct Bare {
    /// Of no runtime yet.
    pub io: std::net::TcpStream,
    /// What the peer has sent behind its request.
    pub read: Bytes,
    /// Its place among all connections.
    pub place: Option<Place>,
}

type Taker = Box<dyn FnOnce(Bare)>;

/// What a handler finds at a request that may be upgraded.
#[derive(Clone, Default)]
pub struct Upgrade(Rc<Cell<Option<Taker>>>);

impl Upgrade {
    /// This request's, if the connection below it can be had.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Who takes the connection once the answer, 101, is written.
    pub fn then(&self, take: impl FnOnce(Bare) + 'static) {
        self.0.set(Some(Box::new(take)));
    }
}

/// What a server does with requests that ask for an upgrade: `app` answers them.
pub fn through<A, B>(
    app: A,
) -> impl ServiceFactory<
    (Request, Framed<TcpStream, Codec>),
    Config = (),
    Response = (),
    Error = Error,
    InitError = A::InitError,
>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    apply_fn_factory(
        app,
        |(request, connection): (Request, _), app: &A::Service| {
            let upgrade = Upgrade::default();
            request.extensions_mut().insert(upgrade.clone());
            let waiting = Waiting {
                place: request.conn_data::<Place>().cloned(),
                upgrade,
                connection,
            };
            let answer = app.call(request);
            async {
                let settled = match answer.await {
                    Ok(answer) => waiting.settle(answer.into()).await,
                    Err(error) => waiting.settle(error.error_response().into()).await,
                };
                // Callers come and go; actix would write an error of ours into the log.
                if let Err(error) = settled {
                    tracing::debug!(%error, "a connection ended before its answer");
                }
                Ok(())
            }
        },
    )
}

/// A connection that waits for the answer to its request.
struct Waiting {
    connection: Framed<TcpStream, Codec>,
    upgrade: Upgrade,
    place: Option<Place>,
}

impl Waiting {
    /// Writes the answer, and hands the connection over or ends it.
    async fn settle<B: MessageBody>(mut self, mut answer: Response<B>) -> io::Result<()> {
        let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !is_upgraded {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        send(&mut self.connection, answer).await?;
        let FramedParts { io, read_buf, .. } = self.connection.into_parts();
        match self.upgrade.0.take() {
            Some(take) if is_upgraded => take(Bare {
                io: io.into_std()?,
                read: read_buf.freeze(),
                place: self.place,
            }),
            _ => linger(io).await,
        }
        Ok(())
    }
}

/// Each piece when it is there: it may be an event, and the next one long to come.
async fn send<B: MessageBody>(
    connection: &mut Framed<TcpStream, Codec>,
    answer: Response<B>,
) -> io::Result<()> {
    let (head, body) = answer.into_parts();
    let mut body = std::pin::pin!(body);
    connection.send(Message::Item((head, body.size()))).await?;
    while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|error| broken_off(&*error.into()))?;
        connection.send(Message::Chunk(Some(chunk))).await?;
    }
    connection.send(Message::Chunk(None)).await
}

fn broken_off(error: &dyn std::error::Error) -> io::Error {
    tracing::error!(%error, "an answer broke off");
    io::Error::other("the answer broke off")
}

/// Ends a connection so that the answer arrives.
async fn linger(io: TcpStream) {
    // A connection that is gone has nothing to end.
    let _ = socket2::SockRef::from(&io).shutdown(Shutdown::Write);
    let (mut rest, mut nowhere) = (io.take(LINGER_BYTES), tokio::io::sink());
    let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut nowhere)).await;
}
