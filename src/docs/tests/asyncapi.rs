//! `web/asyncapi.yaml` and `web/asyncapi.json`: what people have written, with every command and event of the code.

use serde_json::{Map, Value as Json, json};
use serde_yaml_ng::Value;

use super::{
    add_shapes, fields, golden, hold,
    schemas::{refer, referred, schemas},
    source, take_words, yaml,
};

const HEAD: &str = "# A test writes this file: UPDATE_GOLDEN=1 cargo test --lib docs
# What people write of it is src/docs/asyncapi.yaml.
";

#[test]
fn the_document_of_all_messages_is_up_to_date() {
    let mut document = source("src/docs/asyncapi.yaml");
    let shapes = schemas();
    for (_, channel) in fields(&mut document["channels"]) {
        let all = take_words(channel, "x-messages").unwrap();
        let all = all.iter().flat_map(|name| words(&shapes, name));
        let all = all.map(|word| (word.into(), yaml(&link("#/components", word))));
        channel["messages"] = Value::Mapping(all.collect());
    }
    for (_, operation) in fields(&mut document["operations"]) {
        let channel = operation["channel"]["$ref"].as_str().unwrap().to_owned();
        let all = take_words(operation, "x-messages").unwrap();
        let all = all.iter().flat_map(|name| words(&shapes, name));
        operation["messages"] = yaml(&all.map(|word| link(&channel, word)).collect());
    }
    let commands = parts(&shapes, "Command").into_iter();
    let commands = commands.map(|name| message("command", name, &shapes));
    let events = ["StateEvent", "ControlEvent"]
        .map(|name| parts(&shapes, name))
        .concat();
    let events = events
        .into_iter()
        .map(|name| message("event", name, &shapes));
    // No message has the close code: it is in the close frame.
    let schemas = json!({ "CloseCode": shapes["CloseCode"] });
    document["components"] = yaml(&json!({ "messages": {}, "schemas": schemas }));
    document["components"]["messages"] = Value::Mapping(commands.chain(events).collect());
    add_shapes(&mut document);
    let text = serde_yaml_ng::to_string(&document).unwrap();
    hold("web/asyncapi.yaml", &format!("{HEAD}{text}"));
    let text = serde_json::to_string_pretty(&document).unwrap();
    hold("web/asyncapi.json", &format!("{text}\n"));
}

fn link(place: &str, word: &str) -> Json {
    json!({ "$ref": format!("{place}/messages/{word}") })
}

/// The schemas that a union unites; one that unites none is itself.
fn parts<'a>(shapes: &'a Map<String, Json>, name: &'a str) -> Vec<&'a str> {
    match shapes[name]["oneOf"].as_array() {
        Some(choice) => choice.iter().filter_map(referred).collect(),
        None => vec![name],
    }
}

/// The `type`s of a union, or of one schema.
fn words<'a>(shapes: &'a Map<String, Json>, name: &'a str) -> Vec<&'a str> {
    let parts = parts(shapes, name).into_iter();
    parts.map(|name| word(&shapes[name])).collect()
}

fn word(shape: &Json) -> &str {
    shape["properties"]["type"]["const"].as_str().unwrap()
}

/// One message, with its golden file as examples.
fn message(kind: &str, name: &str, shapes: &Map<String, Json>) -> (Value, Value) {
    let word = word(&shapes[name]);
    let examples = golden(&format!("{kind}-{word}")).into_iter();
    let examples: Vec<Value> = examples
        .map(|payload| yaml(&json!({ "payload": payload })))
        .collect();
    let message = json!({
        "name": word,
        "title": word,
        "summary": shapes[name]["description"],
        "payload": refer(name),
        "examples": examples,
    });
    (word.into(), yaml(&message))
}
