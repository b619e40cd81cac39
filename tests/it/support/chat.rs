use serde_json::{Value, json};

use super::{Answer, Browser, Gateway, call, within};

impl Browser {
    /// Opens a scene by a `start` with these fields too, and gives its `pending`.
    pub(crate) async fn start_with(&mut self, fields: Value) -> Value {
        let mut command = json!({ "type": "start", "challenge": self.challenge() });
        let wishes = fields.as_object().unwrap().clone();
        command.as_object_mut().unwrap().extend(wishes);
        self.say(command).await;
        self.event("pending").await
    }

    /// Opens a scene with a code of the official account.
    pub(crate) async fn start_official(&mut self) -> Value {
        self.start_with(json!({ "flow": "official_account" })).await
    }

    /// All state events up to one of this type; none is missing, and none comes after it.
    pub(crate) async fn story(&mut self, end: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        while events.last().is_none_or(|event| event["type"] != end) {
            let event = self.next(end).await;
            if event.get("seq").is_some() {
                events.push(event);
            }
        }
        let mut rest = self.told_meanwhile().await;
        rest.retain(|event| event.get("seq").is_some());
        assert!(rest.is_empty(), "{rest:?} after {events:?}");
        for (event, seq) in events.iter().zip(2..) {
            assert_eq!(event["seq"], seq, "a gap: {events:?}");
        }
        events
    }
}

/// The types of these events.
pub(crate) fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str());
    types.map(Option::unwrap).collect()
}

impl Gateway {
    /// A call of the sandbox's own API: what a person does with the account, and what tests switch.
    pub(crate) async fn sandbox_call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}/sandbox/api/{path}", self.sandbox);
        let answer = call(self.method(method, &url).json(body)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    }

    /// This person scans a parametric code with WeChat: what WeChat tells them.
    pub(crate) async fn scan_code(&self, user: &str, pending: &Value) -> Value {
        let text = &pending["qr"]["text"];
        let body = json!({ "user": user, "text": text });
        self.sandbox_call("POST", "scan", &body).await.json
    }

    /// This person follows the account: what the chat says.
    pub(crate) async fn follow(&self, user: &str) -> Value {
        let body = json!({ "user": user });
        self.sandbox_call("POST", "follow", &body).await.json
    }

    /// Sets what goes wrong with the sandbox's pushes.
    pub(crate) async fn switches(&self, switches: Value) {
        self.sandbox_call("PUT", "push", &switches).await;
    }

    /// The sandbox's attempts to push, as soon as there are that many.
    pub(crate) async fn attempts(&self, wanted: usize) -> Vec<Value> {
        let made = async {
            loop {
                let answer = self.sandbox_call("GET", "push", &json!({})).await;
                let attempts = answer.json["attempts"].as_array().unwrap();
                if attempts.len() >= wanted {
                    break attempts.clone();
                }
            }
        };
        let attempts = within("the pushes", made).await;
        assert_eq!(attempts.len(), wanted, "{attempts:?}");
        attempts
    }
}

/// The link in the one reply of a chat.
pub(crate) fn link(said: &Value) -> String {
    let replies = said["replies"].as_array().unwrap();
    assert_eq!(replies.len(), 1, "{said}");
    let text = replies[0]["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.starts_with("http"));
    link.unwrap_or_else(|| panic!("no link in {text}"))
        .to_owned()
}
