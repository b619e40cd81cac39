use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Gateway, documents, http, within};

/// A page whose network lets no socket through: the same login by HTTP.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) http: Client,
    base: String,
    origin: String,
}

/// Events of a stream, as they arrive.
pub(crate) struct Stream {
    response: Response,
    read: String,
}

/// One block of a stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
    /// Whether it was only a sign of life.
    pub(crate) comment: bool,
}

impl Caller {
    pub(crate) fn new(gateway: &Gateway) -> Self {
        Self {
            http: http().build().unwrap(),
            base: gateway.api(""),
            origin: gateway.origin(),
        }
    }

    /// A call with the page's origin; `secret` is that of the scene it is about.
    pub(crate) fn post(&self, path: &str, secret: Option<&Value>, body: &Value) -> RequestBuilder {
        let call = self.http.post(format!("{}{path}", self.base));
        owned(call, secret)
            .header("origin", &self.origin)
            .json(body)
    }

    pub(crate) fn get(&self, path: &str, secret: Option<&Value>) -> RequestBuilder {
        owned(self.http.get(format!("{}{path}", self.base)), secret)
    }

    /// `POST /scenes`, and its `pending`.
    pub(crate) async fn open(&self, challenge: &str) -> Value {
        let body = json!({ "challenge": challenge });
        let (status, answer) = read(self.post("/scenes", None, &body)).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"].clone()
    }

    /// `GET /scenes/{scene}?{query}`.
    pub(crate) async fn poll(&self, pending: &Value, query: &str) -> (u16, Value) {
        let path = format!("{}?{query}", path(pending, ""));
        read(self.get(&path, Some(&pending["secret"]))).await
    }

    /// `POST /scenes/{scene}/{command}`.
    pub(crate) async fn command(&self, pending: &Value, command: &str) -> (u16, Value) {
        let path = path(pending, command);
        read(self.post(&path, Some(&pending["secret"]), &json!({}))).await
    }

    /// `GET /scenes/{scene}/events`.
    pub(crate) async fn stream(&self, pending: &Value, seen: Option<&str>) -> Stream {
        let mut call = self.get(&path(pending, "events"), Some(&pending["secret"]));
        if let Some(seen) = seen {
            call = call.header("last-event-id", seen);
        }
        let response = within("a stream", call.send()).await.unwrap();
        assert_eq!(response.status(), 200);
        Stream {
            response,
            read: String::new(),
        }
    }
}

fn owned(call: RequestBuilder, secret: Option<&Value>) -> RequestBuilder {
    match secret {
        Some(secret) => call.header(
            "authorization",
            format!("Scene {}", secret.as_str().unwrap()),
        ),
        None => call,
    }
}

/// Where a scene is.
pub(crate) fn path(pending: &Value, tail: &str) -> String {
    let scene = pending["scene"].as_str().unwrap();
    if tail.is_empty() {
        format!("/scenes/{scene}")
    } else {
        format!("/scenes/{scene}/{tail}")
    }
}

/// Status and body of a call.
pub(crate) async fn read(call: RequestBuilder) -> (u16, Value) {
    let answer = super::call(call).await;
    (answer.status, answer.json)
}

impl Stream {
    /// The next block, comments too; `None` at the end.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((text, rest)) = self.read.split_once("\n\n") {
                let block = Block::of(text);
                if !block.comment {
                    documents::told(&block.data);
                }
                self.read = rest.to_owned();
                return Some(block);
            }
            let chunk = within("a line", self.response.chunk()).await.unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; it must be of this type.
    pub(crate) async fn event(&mut self, name: &str) -> Block {
        loop {
            let block = self
                .block()
                .await
                .unwrap_or_else(|| panic!("the stream ended before {name}"));
            if !block.comment {
                assert_eq!(block.event, name, "{block:?}");
                assert_eq!(block.data["type"], name, "{block:?}");
                return block;
            }
        }
    }

    /// Whether nothing but signs of life comes to the end.
    pub(crate) async fn has_ended(&mut self) -> bool {
        while let Some(block) = self.block().await {
            if !block.comment {
                return false;
            }
        }
        true
    }
}

impl Block {
    fn of(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut block.event),
                Some(("id", id)) => block.id = Some(id.to_owned()),
                Some(("data", data)) => block.data = serde_json::from_str(data).unwrap(),
                _ if line.starts_with(':') => block.comment = true,
                _ => panic!("what is {line:?}"),
            }
        }
        block
    }
}
