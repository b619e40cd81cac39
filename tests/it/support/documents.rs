//! The documents that the gateway serves, as the measure of what it says: every answer and every event that a test meets
//! is held to them.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

static CALLS: LazyLock<Document> = LazyLock::new(|| Document::read("openapi.json"));
static MESSAGES: LazyLock<Document> = LazyLock::new(|| Document::read("asyncapi.json"));

/// A document and the schemas of it that were needed so far.
struct Document {
    whole: Value,
    schemas: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What a call answered.
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    /// The media type, without parameters.
    pub(crate) media: &'a str,
    pub(crate) text: &'a str,
}

impl Answered<'_> {
    /// Holds an answer to the document, if the call is in it. Gives the call as it stands there.
    pub(crate) fn check(&self) -> Option<(String, u16)> {
        let (template, operation) = CALLS.operation(self.method, self.path)?;
        if self.status == 404 && CALLS.whole["paths"][template]["servers"].is_array() {
            // It was asked for where it is not.
            return None;
        }
        let call = format!("{} {template}", self.method);
        let status = self.status;
        let response = &operation["responses"][status.to_string()];
        assert!(
            response.is_object(),
            "{call}: {status} is not described: {}",
            self.text
        );
        let content = &CALLS.follow(response)["content"];
        if content.is_null() || self.method == Method::HEAD {
            assert_eq!(self.text, "", "{call}: {status} has a body");
            return Some((call, status));
        }
        let described = &content[self.media];
        assert!(
            described.is_object(),
            "{call}: {status} is {:?}",
            self.media
        );
        if self.media.ends_with("json") {
            let body = serde_json::from_str(self.text).unwrap();
            CALLS.hold(&format!("{call}: {status}"), &described["schema"], &body);
        }
        Some((call, status))
    }
}

/// Every call that is described, by its success.
pub(crate) fn described_calls() -> Vec<(String, u16)> {
    let paths = CALLS.whole["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, item)| {
        let operations = item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "servers");
        operations.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    let calls = calls.flat_map(|(call, operation)| {
        let statuses = operation["responses"].as_object().unwrap().keys();
        statuses.map(move |status| (call.clone(), status.parse::<u16>().unwrap()))
    });
    calls.filter(|(_, status)| *status < 300).collect()
}

/// Holds what a page was told to its message.
pub(crate) fn told(event: &Value) {
    MESSAGES.message(event);
}

/// Holds what a page says to its message.
pub(crate) fn said(command: &Value) {
    MESSAGES.message(command);
}

/// Every message that is described.
pub(crate) fn described_messages() -> Vec<String> {
    let all = MESSAGES.whole["components"]["messages"]
        .as_object()
        .unwrap();
    all.keys().cloned().collect()
}

impl Document {
    fn read(name: &str) -> Self {
        let path = super::source::root().join("web").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        Self {
            whole: serde_json::from_str(&text).unwrap(),
            schemas: Mutex::default(),
        }
    }

    /// What a reference leads to, or what is there itself.
    fn follow<'a>(&'a self, place: &'a Value) -> &'a Value {
        match place["$ref"].as_str() {
            Some(pointer) => self.whole.pointer(&pointer[1..]).unwrap(),
            None => place,
        }
    }

    fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        // Whoever may GET may HEAD.
        let method = if method == Method::HEAD {
            "get".to_owned()
        } else {
            method.as_str().to_lowercase()
        };
        let mut paths = self.whole["paths"].as_object().unwrap().iter();
        let (template, item) = paths.find(|(template, _)| fits(template, path))?;
        Some((template, item.get(method)?))
    }

    fn message(&self, message: &Value) {
        let word = message["type"]
            .as_str()
            .unwrap_or_else(|| panic!("no type: {message}"));
        let described = &self.whole["components"]["messages"][word];
        assert!(described.is_object(), "{word} is not described");
        self.hold(word, &described["payload"], message);
    }

    fn hold(&self, what: &str, schema: &Value, value: &Value) {
        let validator = self
            .schemas
            .lock()
            .unwrap()
            .entry(schema.to_string())
            .or_insert_with(|| {
                let schema = json!({ "allOf": [schema], "components": self.whole["components"] });
                Arc::new(jsonschema::draft202012::new(&schema).unwrap())
            })
            .clone();
        let wrong: Vec<_> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            wrong.is_empty(),
            "{what} is not as described: {wrong:?} in {value}"
        );
    }
}

/// Whether a path is one of a template's; `{path}` takes all that is left.
fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for expected in template.split('/') {
        let Some(part) = parts.next() else {
            return false;
        };
        match expected {
            "{path}" => return true,
            _ if expected.starts_with('{') => {}
            _ if expected == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}
