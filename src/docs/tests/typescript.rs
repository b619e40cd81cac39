//! The schemas as TypeScript, for those who write pages.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Map, Value};

use super::{
    hold,
    schemas::{referred, schemas},
};

const HEAD: &str = "// The wire of scan.v1 as the gateway's own types have it. A test writes this file (src/docs/tests/typescript.rs):
// UPDATE_GOLDEN=1 cargo test --lib docs
";

/// What a reader looks for first; all others come where they are first named, or after these.
const FIRST: [&str; 9] = [
    "ServerEvent",
    "StateName",
    "Command",
    "CommandName",
    "ErrorName",
    "ErrorCode",
    "CloseCode",
    "Answer",
    "Failure",
];

#[test]
fn the_types_for_pages_are_those_of_the_gateway() {
    let all = schemas();
    let mut text = HEAD.to_owned();
    let mut told = BTreeSet::new();
    for name in FIRST.into_iter().chain(all.keys().map(String::as_str)) {
        tell(&mut text, &all, name, &mut told);
    }
    hold("web/src/sdk/wire.d.ts", &text);
}

/// A type, and after it those that it names.
fn tell<'a>(
    text: &mut String,
    all: &'a Map<String, Value>,
    name: &'a str,
    told: &mut BTreeSet<&'a str>,
) {
    if told.insert(name) {
        let schema = &all[name];
        declare(text, name, schema);
        for next in named(schema) {
            tell(text, all, next, told);
        }
    }
}

/// The names in a schema, in the order of its fields.
fn named(schema: &Value) -> Vec<&str> {
    let choice = schema["oneOf"].as_array().into_iter().flatten();
    let parts = fields(schema)
        .into_iter()
        .map(|(_, field, _)| field)
        .chain(choice)
        .chain(schema.get("items"));
    referred(schema)
        .into_iter()
        .chain(parts.flat_map(named))
        .collect()
}

fn declare(text: &mut String, name: &str, schema: &Value) {
    text.push('\n');
    comment(text, "", schema);
    if schema["type"] == "object" {
        writeln!(text, "export interface {name} {{").unwrap();
        for (field, schema, required) in fields(schema) {
            comment(text, "  ", schema);
            let mark = if required { "" } else { "?" };
            writeln!(text, "  {field}{mark}: {};", kind(schema)).unwrap();
        }
        text.push_str("}\n");
        return;
    }
    write!(text, "export type {name} =").unwrap();
    for choice in schema["oneOf"].as_array().unwrap() {
        text.push('\n');
        comment(text, "  ", choice);
        write!(text, "  | {}", kind(choice)).unwrap();
    }
    text.push_str(";\n");
}

/// The fields in the order of the Rust type, those that may be missing last, and whether each is always there.
fn fields(schema: &Value) -> Vec<(&str, &Value, bool)> {
    let Some(all) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let required = schema["required"].as_array().into_iter().flatten();
    let required: Vec<_> = required.map(|name| name.as_str().unwrap()).collect();
    let always = required.iter().map(|name| (*name, &all[*name], true));
    let others = all
        .iter()
        .filter(|(name, _)| !required.contains(&name.as_str()));
    always
        .chain(others.map(|(name, field)| (name.as_str(), field, false)))
        .collect()
}

fn comment(text: &mut String, indent: &str, schema: &Value) {
    let title = schema["title"].as_str().map(|title| format!("`{title}`: "));
    let Some(description) = schema["description"].as_str() else {
        return;
    };
    assert!(!description.contains("*/"), "{description}");
    let lines = format!("{}{description}", title.unwrap_or_default());
    if lines.contains('\n') {
        let lines = lines.replace('\n', &format!("\n{indent} * "));
        writeln!(text, "{indent}/**\n{indent} * {lines}\n{indent} */").unwrap();
    } else {
        writeln!(text, "{indent}/** {lines} */").unwrap();
    }
}

fn kind(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return name.to_owned();
    }
    match (&schema["const"], schema["type"].as_str()) {
        (Value::String(word), _) => format!("'{word}'"),
        (Value::Null, Some("integer")) => "number".to_owned(),
        (Value::Null, Some("array")) => format!("{}[]", kind(&schema["items"])),
        (Value::Null, Some(simple @ ("string" | "boolean"))) => simple.to_owned(),
        (Value::Null, None) => "unknown".to_owned(),
        (Value::Null, Some(other)) => panic!("{other}: say what that is in TypeScript"),
        (constant, _) => constant.to_string(),
    }
}
