//! `web/openapi.json`: what people have written, with the shapes and the errors from the code.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Map, Value as Json, json};
use serde_yaml_ng::Value;

use super::{
    add_shapes, fields, golden, hold,
    schemas::{refer, schemas},
    source, take_words, yaml,
};
use crate::code::{Code, Locale};

/// As it is in examples.
const REQUEST_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn the_document_of_all_calls_is_up_to_date() {
    let mut document = source("src/docs/openapi.yaml");
    let everywhere = take_words(&mut document, "x-errors").unwrap();
    let mut refusals = BTreeMap::new();
    for (_, path) in fields(&mut document["paths"]) {
        for (_, operation) in fields(path).iter_mut().filter(|(key, _)| *key != "servers") {
            complete(operation, &everywhere, &mut refusals);
        }
    }
    document["components"]["responses"] = serde_yaml_ng::to_value(refusals).unwrap();
    document["components"]["examples"] = examples();
    add_shapes(&mut document);
    hold(
        "web/openapi.json",
        &format!("{}\n", serde_json::to_string_pretty(&document).unwrap()),
    );
}

/// What may be wrong with one status is a response of its own, which calls share: its name is the errors'.
fn complete(operation: &mut Value, everywhere: &[String], refusals: &mut BTreeMap<String, Value>) {
    let errors = take_words(operation, "x-errors");
    if let Some(body) = operation.get_mut("requestBody") {
        fill(body, false);
    }
    let responses = fields(&mut operation["responses"]);
    for (_, response) in responses.iter_mut() {
        fill(response, true);
    }
    let Some(errors) = errors else { return };
    for (status, codes) in by_status(everywhere.iter().chain(&errors)) {
        let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
        let name = names.join(".");
        let response = yaml(&component("responses", &name));
        responses.insert(status.to_string().into(), response);
        refusals.entry(name).or_insert_with(|| refusal(&codes));
    }
}

/// Writes `x-data` and what goes with it as a media type; an answer has it in the envelope.
fn fill(place: &mut Value, is_answer: bool) {
    let fields = fields(place);
    let data = match (fields.shift_remove("x-data"), fields.shift_remove("x-list")) {
        (Some(Value::String(name)), None) => refer(&name),
        (Some(names), None) => {
            let names: Vec<String> = serde_yaml_ng::from_value(names).unwrap();
            json!({ "anyOf": names.iter().map(|name| refer(name)).collect::<Vec<_>>() })
        }
        (None, Some(name)) => json!({ "type": "array", "items": refer(name.as_str().unwrap()) }),
        _ => return,
    };
    let example = match fields.shift_remove("x-golden") {
        Some(file) => golden(file.as_str().unwrap()).remove(0),
        None => fields.shift_remove("x-example").expect("an example"),
    };
    let (schema, example) = if is_answer {
        let headers = fields
            .entry("headers".into())
            .or_insert_with(|| yaml(&json!({})));
        headers["X-Request-Id"] = yaml(&component("headers", "RequestId"));
        let whole = json!({ "allOf": [refer("Answer"), { "properties": { "data": data }, "required": ["data"] }] });
        (
            whole,
            json!({ "code": 0, "message": "ok", "data": example, "request_id": REQUEST_ID }),
        )
    } else {
        (data, json!(example))
    };
    let content = json!({ "application/json": { "schema": schema, "example": example } });
    fields.insert("content".into(), yaml(&content));
}

fn by_status<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<u16, Vec<Code>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for name in names {
        let code = Code::ALL
            .iter()
            .find(|code| code.name() == name)
            .unwrap_or_else(|| panic!("no error {name}"));
        all.entry(code.status()).or_default().push(*code);
    }
    all.values_mut()
        .for_each(|codes| codes.sort_by_key(|code| code.number()));
    all
}

/// What may be wrong with one status.
fn refusal(codes: &[Code]) -> Value {
    let numbers: Vec<_> = codes.iter().map(|code| code.number()).collect();
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let examples = names
        .iter()
        .map(|name| (*name, component("examples", name)));
    let mut headers = BTreeMap::from([("X-Request-Id", component("headers", "RequestId"))]);
    if codes[0].status() == 401 {
        headers.insert("WWW-Authenticate", component("headers", "Challenge"));
    }
    if codes.iter().any(|code| code.retryable()) {
        headers.insert("Retry-After", component("headers", "RetryAfter"));
    }
    let these = json!({ "code": { "enum": numbers }, "name": { "enum": names } });
    yaml(&json!({
        "description": meanings(codes),
        "headers": headers,
        "content": { "application/json": {
            "schema": { "allOf": [refer("Failure"), { "properties": these }] },
            "examples": examples.collect::<BTreeMap<_, _>>(),
        } },
    }))
}

fn component(kind: &str, name: &str) -> Json {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A list of errors with what they mean.
fn meanings(codes: &[Code]) -> String {
    let all = schemas();
    let rows = all["ErrorName"]["oneOf"].as_array().unwrap();
    let mut list = String::new();
    for code in codes {
        let row = rows.iter().find(|row| row["const"] == code.name()).unwrap();
        let (number, name, meaning) = (code.number(), code.name(), &row["description"]);
        writeln!(list, "- `{number}` {name}: {}", meaning.as_str().unwrap()).unwrap();
    }
    list
}

/// Every error as it is answered.
fn examples() -> Value {
    let all = Code::ALL.iter().map(|code| {
        let mut value = json!({ "code": code.number(), "name": code.name(), "message": code.message(Locale::En), "request_id": REQUEST_ID });
        match code {
            Code::RateLimited | Code::Overloaded | Code::Draining => value["retry_after_ms"] = json!(3_000),
            Code::SessionRevoked => value["reason"] = json!("signed_out_elsewhere"),
            _ => {}
        }
        (code.name().to_owned(), json!({ "value": value }))
    });
    yaml(&all.collect::<Map<_, _>>().into())
}
