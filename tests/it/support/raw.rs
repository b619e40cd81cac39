use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::within;

/// A peer that writes bytes, not messages: for everything a WebSocket library would not send.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// How a raw socket was ended: what it was told, and with what it was closed.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) told: Vec<Value>,
    pub(crate) close: Option<(u16, String)>,
    /// Whether the connection was reset instead of closed: what was on its way may be lost to the page.
    pub(crate) reset: bool,
}

/// A masked frame: the first byte as it is, any payload.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..126), _) => bytes.push(0x80 | short),
        (_, Ok(length)) => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    // A mask of zeros leaves the payload as it is.
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            read: Vec::new(),
        }
    }

    /// A socket that was upgraded.
    pub(crate) async fn upgraded(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(Self::request(address, &Self::page(address)).as_bytes())
            .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// The same, unless the gateway takes nobody any more.
    pub(crate) async fn admitted(address: SocketAddr) -> Option<Self> {
        let stream = within("a connection", TcpStream::connect(address)).await;
        let mut raw = Self {
            stream: stream.ok()?,
            read: Vec::new(),
        };
        let request = Self::request(address, &Self::page(address));
        raw.send(request.as_bytes()).await;
        let head = raw.head_if_any().await?;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Some(raw)
    }

    /// The headers of the gateway's own page.
    pub(crate) fn page(address: SocketAddr) -> String {
        format!("Origin: http://{address}\r\nSec-WebSocket-Protocol: scan.v1\r\n")
    }

    /// The text of an upgrade; more headers are lines that end in CRLF.
    pub(crate) fn request(address: SocketAddr, headers: &str) -> String {
        format!(
            "GET /api/v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        )
    }

    /// Writes; a gateway that has cut the line is not an error.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        within("a write", self.stream.write_all(bytes))
            .await
            .is_ok()
    }

    pub(crate) async fn say(&mut self, text: &str) -> bool {
        self.send(&frame(0x81, text.as_bytes())).await
    }

    /// The head of the answer to an HTTP request.
    pub(crate) async fn head(&mut self) -> String {
        let head = self.head_if_any().await;
        head.unwrap_or_else(|| panic!("no head, but {:?}", self.read))
    }

    /// The same, if the connection lasts as long.
    pub(crate) async fn head_if_any(&mut self) -> Option<String> {
        loop {
            let end = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            self.more().await.ok().filter(|came| *came)?;
        }
    }

    /// Everything to the end of the connection, which must not be reset.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.more().await.unwrap() {}
        self.read
    }

    /// The next frame: opcode and payload. `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> std::io::Result<Option<(u8, Vec<u8>)>> {
        loop {
            if let Some(found) = self.take_frame() {
                return Ok(Some(found));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// Reads to the end of the connection.
    pub(crate) async fn ending(&mut self) -> Ending {
        let mut ending = Ending::default();
        loop {
            match self.next().await {
                Ok(Some((1, payload))) => {
                    ending.told.push(serde_json::from_slice(&payload).unwrap())
                }
                Ok(Some((8, payload))) => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    ending.close = Some((code, String::from_utf8(payload[2..].to_vec()).unwrap()));
                }
                Ok(Some(_)) => {}
                Ok(None) => return ending,
                Err(_) => {
                    ending.reset = true;
                    return ending;
                }
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second, ..] = self.read[..] else {
            return None;
        };
        let (head, length) = match second {
            126 => (
                4,
                usize::from(u16::from_be_bytes(*self.read.get(2..4)?.first_chunk()?)),
            ),
            short => (2, usize::from(short)),
        };
        let payload = self.read.get(head..head + length)?.to_vec();
        self.read.drain(..head + length);
        Some((first & 0x0f, payload))
    }

    async fn more(&mut self) -> std::io::Result<bool> {
        let count = within("bytes", self.stream.read_buf(&mut self.read)).await?;
        Ok(count > 0)
    }
}

impl Ending {
    /// Number and wait of the `error` event, and the close code.
    pub(crate) fn refusal(&self) -> (Option<u64>, Option<u64>, Option<u16>) {
        let error = self
            .told
            .iter()
            .rev()
            .find(|event| event["type"] == "error");
        (
            error.and_then(|event| event["error"]["code"].as_u64()),
            error.and_then(|event| event["error"]["retry_after_ms"].as_u64()),
            self.close.as_ref().map(|(code, _)| *code),
        )
    }
}
