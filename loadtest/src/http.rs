//! HTTP as lean as it goes, so that one core can play many pages: a page keeps a connection of its own, phones share
//! some.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{net::TcpStream, time::Instant};
use url::Url;

use crate::target::connect;

/// The longest answer that is read.
const MAX_BODY: usize = 1024 * 1024;
/// A connection that rested for longer is not used again: the gateway may be closing it.
const REST: Duration = Duration::from_secs(20);
/// The most that a connection buffers; hyper takes no less.
const BUFFER: usize = 8 * 1024;

pub(crate) type Call = Request<Full<Bytes>>;

/// Why there is no answer, in words that many calls share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trouble {
    Connect(io::ErrorKind),
    /// The connection ended before the request was sent: it may be sent again.
    Unsent,
    Broken,
    TooLong,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(kind) => write!(f, "no connection ({kind})"),
            Self::Unsent => f.write_str("connection closed"),
            Self::Broken => f.write_str("broken answer"),
            Self::TooLong => write!(f, "answer over {MAX_BODY} bytes"),
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Every JSON answer of the gateway.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) code: u32,
    pub(crate) name: Option<String>,
    pub(crate) data: Option<T>,
}

impl Answer {
    /// What the contract's envelope holds.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, String> {
        let status = self.status.as_u16();
        let Ok(envelope) = serde_json::from_slice::<Envelope<T>>(&self.body) else {
            return Err(format!("HTTP {status}, not the JSON of the contract"));
        };
        match envelope.data {
            Some(data) if envelope.code == 0 => Ok(data),
            _ => {
                let name = envelope.name.unwrap_or_default();
                Err(format!("HTTP {status} {} {name}", envelope.code))
            }
        }
    }
}

/// One kept connection.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    rested_at: Instant,
}

impl Connection {
    pub(crate) async fn over(stream: TcpStream) -> Result<Self, Trouble> {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_broken| Trouble::Broken)?;
        drive(driver);
        Ok(Self {
            sender,
            rested_at: Instant::now(),
        })
    }

    /// Sends the request; returns once the whole answer is there.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Answer, Trouble> {
        if self.sender.ready().await.is_err() {
            return Err(Trouble::Unsent);
        }
        let answer = self.sender.send_request(call).await.map_err(|error| {
            if error.is_canceled() {
                Trouble::Unsent
            } else {
                Trouble::Broken
            }
        })?;
        let answer = read(answer).await?;
        self.rested_at = Instant::now();
        Ok(answer)
    }

    fn is_fresh(&self) -> bool {
        !self.sender.is_closed() && self.rested_at.elapsed() < REST
    }
}

async fn read(answer: Response<Incoming>) -> Result<Answer, Trouble> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| match error.downcast_ref::<hyper::Error>() {
        Some(_) => Trouble::Broken,
        None => Trouble::TooLong,
    })?;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    })
}

/// Reads and writes for the connection until it ends, which it does when nobody holds its [`Connection`] any more.
#[expect(
    clippy::disallowed_methods,
    reason = "this program has no Tasks; it ends with its connection"
)]
fn drive(driver: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>) {
    tokio::spawn(async move {
        // The caller hears of every trouble in its own call.
        let _ = driver.await;
    });
}

/// Connections that phones leave for each other: no more than were in use at once.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<HashMap<SocketAddr, Vec<Connection>>>);

impl Pool {
    /// Sends the request over a connection that rests, or over a new one.
    pub(crate) async fn send(&self, to: SocketAddr, call: Call) -> Result<Answer, Trouble> {
        while let Some(mut connection) = self.take(to) {
            match connection.send(call.clone()).await {
                Err(Trouble::Unsent) => {}
                answer => return self.keep(to, connection, answer),
            }
        }
        let stream = connect(to, None)
            .await
            .map_err(|error| Trouble::Connect(error.kind()))?;
        let mut connection = Connection::over(stream).await?;
        let answer = connection.send(call).await;
        self.keep(to, connection, answer)
    }

    fn take(&self, to: SocketAddr) -> Option<Connection> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(&to)?;
        // The last one in is the one most likely alive.
        while let Some(connection) = connections.pop() {
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(
        &self,
        to: SocketAddr,
        connection: Connection,
        answer: Result<Answer, Trouble>,
    ) -> Result<Answer, Trouble> {
        if answer.is_ok() {
            let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            idle.entry(to).or_default().push(connection);
        }
        answer
    }
}

/// A request for `url`, without a body.
pub(crate) fn call(method: Method, url: &Url) -> Call {
    let mut call = Request::new(Full::default());
    *call.method_mut() = method;
    // A parsed address has a path that is one: neither can fail.
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    *call.uri_mut() = path.parse().unwrap_or_default();
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    set(&mut call, HOST, host);
    call
}

/// The same with a body.
pub(crate) fn call_with(method: Method, url: &Url, kind: &'static str, body: Vec<u8>) -> Call {
    let mut call = call(method, url);
    *call.body_mut() = Full::from(body);
    set(&mut call, CONTENT_TYPE, kind);
    call
}

/// Sets a header, unless the value cannot be one.
pub(crate) fn set(call: &mut Call, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        call.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Answers so many requests on each connection and then closes it.
    async fn server(each: usize) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move {
            loop {
                let (mut stream, peer) = listener.accept().await.unwrap();
                for _ in 0..each {
                    let _ = stream.read(&mut [0; 1024]).await.unwrap();
                    let body = peer.port().to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).await.unwrap();
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a test has no Tasks")]
        tokio::spawn(serve);
        address
    }

    async fn ask(pool: &Pool, address: SocketAddr) -> Bytes {
        let url = Url::parse(&format!("http://{address}/x?y=1#z")).unwrap();
        let answer = pool.send(address, call(Method::GET, &url)).await.unwrap();
        assert_eq!(answer.status, 200);
        answer.body
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        let (address, pool) = (server(10).await, Pool::default());
        assert_eq!(ask(&pool, address).await, ask(&pool, address).await);
    }

    #[tokio::test]
    async fn a_closed_connection_is_replaced() {
        let (address, pool) = (server(1).await, Pool::default());
        assert_ne!(ask(&pool, address).await, ask(&pool, address).await);
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = Url::parse(&format!("http://{address}/")).unwrap();
        let trouble = Pool::default().send(address, call(Method::GET, &url)).await;
        assert_eq!(
            trouble.unwrap_err().to_string(),
            "no connection (connection refused)"
        );
    }

    #[test]
    fn a_call_names_host_and_path() {
        let url = Url::parse("http://localhost:8080/s/x?y=%20#z").unwrap();
        let call = call_with(Method::POST, &url, "application/json", b"{}".to_vec());
        assert_eq!(call.uri(), "/s/x?y=%20");
        assert_eq!(call.headers()[HOST], "localhost:8080");
        assert_eq!(call.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn the_envelope_is_opened() {
        let answer = |body: &'static str| Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let good = answer(r#"{"code":0,"message":"ok","data":7,"request_id":"x"}"#);
        assert_eq!(good.data::<u8>(), Ok(7));
        let refused = answer(r#"{"code":42900,"name":"rate_limited","message":"x"}"#);
        assert_eq!(
            refused.data::<u8>(),
            Err("HTTP 200 42900 rate_limited".to_owned())
        );
        assert!(answer("<html>").data::<u8>().is_err());
    }
}
