//! Every shape on the wire as JSON Schema 2020-12, from the types that are read and written.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::read;
use crate::{
    api,
    code::Code,
    http,
    protocol::{Command, Control, StateEvent},
};

/// Where the documents keep them.
pub(super) const PLACE: &str = "#/components/schemas/";

/// All of them by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = of_the_types();
    let states = "The states of a scene that are told.";
    add_names(&mut all, "StateEvent", "StateName", states);
    add_names(&mut all, "Command", "CommandName", "What a page may say.");
    for union in ["StateEvent", "ControlEvent", "Command"] {
        part(&mut all, union);
    }
    let either = [refer("StateEvent"), refer("ControlEvent")];
    let any = json!({ "description": "Whatever the gateway tells a page.", "oneOf": either });
    all.insert("ServerEvent".to_owned(), any);
    add_numbers(&mut all);
    all
}

/// What is derived, of both directions.
fn of_the_types() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.trim_start_matches('#').into();
        settings.meta_schema = None;
    });
    let mut answers = settings.clone().for_serialize().into_generator();
    let mut bodies = settings.for_deserialize().into_generator();
    answers.subschema_for::<StateEvent<'_>>();
    answers.subschema_for::<Control<'_>>();
    bodies.subschema_for::<Command>();
    api::shapes(&mut answers, &mut bodies);
    http::shapes(&mut answers);
    let mut all = Map::new();
    for generator in [answers, bodies] {
        for (name, schema) in generator.definitions() {
            let schema = plain(schema.clone());
            let other = all.insert(name.clone(), schema.clone());
            assert!(
                other.is_none_or(|other| other == schema),
                "two of the name {name}"
            );
        }
    }
    all
}

/// A reference to the schema of that name.
pub(super) fn refer(name: &str) -> Value {
    json!({ "$ref": format!("{PLACE}{name}") })
}

/// The name in a reference.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(PLACE)
}

/// Without `null`: what is not there is left out. Without the widths of Rust's integers.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let mut fields: Map<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, plain(value)))
                .collect();
            if fields
                .get("format")
                .is_some_and(|format| format.to_string().starts_with("\"uint"))
            {
                fields.remove("format");
            }
            if let Some([kind, Value::String(null)]) = fields
                .get("type")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                && null == "null"
            {
                fields.insert("type".to_owned(), kind.clone());
            }
            if let Some(Value::Array(choice)) = fields.remove("anyOf") {
                assert_eq!(
                    choice[1],
                    json!({ "type": "null" }),
                    "an optional part, and nothing else"
                );
                fields.extend(choice[0].as_object().unwrap().clone());
            }
            Value::Object(fields)
        }
        other => other,
    }
}

/// Gives each branch of a union a name of its own: its title, or its type.
fn part(all: &mut Map<String, Value>, union: &str) {
    let branches = all[union]["oneOf"].take();
    let mut names = Vec::new();
    for mut branch in branches.as_array().unwrap().clone() {
        if let Some(base) = referred(&branch) {
            let base = all[base].clone();
            branch["properties"]
                .as_object_mut()
                .unwrap()
                .extend(base["properties"].as_object().unwrap().clone());
            branch["required"]
                .as_array_mut()
                .unwrap()
                .extend(base["required"].as_array().unwrap().iter().cloned());
        }
        let fields = branch.as_object_mut().unwrap();
        fields.remove("$ref");
        let name = match fields.remove("title") {
            Some(title) => title.as_str().unwrap().to_owned(),
            None => pascal(word(&branch)),
        };
        all.insert(name.clone(), branch);
        names.push(refer(&name));
    }
    all[union]["oneOf"] = names.into();
}

/// The word in the `type` of a branch.
fn word(branch: &Value) -> &str {
    branch["properties"]["type"]["const"].as_str().unwrap()
}

fn pascal(word: &str) -> String {
    word.split('_').map(sentence).collect()
}

/// The types of a union by themselves.
fn add_names(all: &mut Map<String, Value>, union: &str, name: &str, description: &str) {
    let branches = all[union]["oneOf"].as_array().unwrap().iter();
    let words = branches.map(|branch| json!({ "const": word(branch), "description": branch["description"], "type": "string" }));
    let words: Vec<_> = words.collect();
    all.insert(
        name.to_owned(),
        json!({ "description": description, "oneOf": words }),
    );
}

/// What the Rust types have as numbers and words of the tables.
fn add_numbers(all: &mut Map<String, Value>) {
    let names = all["ErrorName"]["oneOf"].as_array().unwrap();
    let numbers: Vec<_> = Code::ALL.iter().zip(names).map(|(code, name)| {
        assert_eq!(name["const"], code.name());
        json!({ "const": code.number(), "title": code.name(), "description": name["description"], "type": "integer" })
    }).collect();
    let codes = json!({ "description": "The number of an error: the HTTP status times 100, plus n.", "oneOf": numbers });
    all.insert("ErrorCode".to_owned(), codes);
    all.insert(
        "CloseCode".to_owned(),
        json!({ "description": "Why a socket is closed.", "oneOf": closes() }),
    );
    for (schema, field, name) in [
        ("WireError", "code", "ErrorCode"),
        ("Failure", "code", "ErrorCode"),
        ("Refused", "ref", "CommandName"),
    ] {
        let field = all[schema]["properties"][field].as_object_mut().unwrap();
        field.retain(|key, _| key == "description");
        field.extend(refer(name).as_object().unwrap().clone());
    }
}

fn sentence(words: &str) -> String {
    words[..1].to_uppercase() + &words[1..]
}

/// The table of the protocol, which another test holds to the code.
fn closes() -> Vec<Value> {
    let text = read("web/PROTOCOL.md");
    let section = text
        .split("\n### Close codes\n")
        .nth(1)
        .unwrap()
        .split("\n#")
        .next()
        .unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [code, reason, meaning, does] = cells[..] else { panic!("{row}") };
        let code: u16 = code.parse().unwrap();
        json!({ "const": code, "title": reason, "description": format!("{}. The page {does}.", sentence(meaning)), "type": "integer" })
    }).collect()
}
