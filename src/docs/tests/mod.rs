//! Writes what is derived from the code, and holds the files to it. `UPDATE_GOLDEN=1 cargo test --lib docs` writes
//! them anew.

mod asyncapi;
mod openapi;
mod schemas;
mod typescript;

use std::{fs, path::Path};

use serde_json::json;
use serde_yaml_ng::{Mapping, Value};

/// Holds `text` to the file of that name in this repository.
fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let mut lines = written.lines().zip(text.lines());
    let first = lines.find(|(old, new)| old != new);
    assert!(
        written == text,
        "{name} differs, first here: {first:?}; UPDATE_GOLDEN=1 cargo test --lib docs writes it anew"
    );
}

/// A file of this repository.
fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What people have written of a document.
fn source(name: &str) -> Value {
    let mut source: Value = serde_yaml_ng::from_str(&read(name)).unwrap();
    source.apply_merge().unwrap();
    source
}

/// What is written down under that name in `tests/golden`; a file has one thing or a list.
fn golden(name: &str) -> Vec<Value> {
    let text = read(&format!("tests/golden/{name}.json"));
    match serde_yaml_ng::from_str(&text).unwrap() {
        Value::Sequence(all) => all,
        one => vec![one],
    }
}

/// JSON in a document whose keys keep their order.
fn yaml(json: &serde_json::Value) -> Value {
    serde_yaml_ng::to_value(json).unwrap()
}

fn fields(value: &mut Value) -> &mut Mapping {
    value.as_mapping_mut().expect("an object")
}

/// The words of a list that is not to stay.
fn take_words(value: &mut Value, key: &str) -> Option<Vec<String>> {
    let words = fields(value).shift_remove(key)?;
    Some(serde_yaml_ng::from_value(words).unwrap())
}

/// Adds the shapes that a document names, and those that they name, to the ones it has by itself.
fn add_shapes(document: &mut Value) {
    let shapes = schemas::schemas();
    loop {
        let text = serde_json::to_string(document).unwrap();
        let own = fields(&mut document["components"]).entry("schemas".into());
        let own = fields(own.or_insert_with(|| yaml(&json!({}))));
        let missing = shapes.iter().filter(|(name, _)| {
            text.contains(&format!("\"{}{name}\"", schemas::PLACE)) && !own.contains_key(*name)
        });
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return;
        }
        own.extend(
            missing
                .into_iter()
                .map(|(name, shape)| (Value::from(name.as_str()), yaml(shape))),
        );
    }
}
