//! The layers merged into one tree whose leaves remember where they came from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::load::{ConfigError, Problem};

/// Keys that are secret: never shown, and may be given as `KEY_file`.
pub(super) const SECRETS: &[&str] = &[
    "server.admin_token",
    "cluster.url",
    "store.url",
    "token.master_key",
    "wechat.official_account.app_secret",
    "wechat.official_account.encoding_aes_key",
    "wechat.official_account.previous_encoding_aes_key",
    "wechat.official_account.token",
    "wechat.website.app_secret",
];

/// The same of each webhook.
pub(super) const WEBHOOK_SECRETS: &[&str] = &["secret", "previous_secret"];

/// Whether the value of `key` must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    let of_webhook = || {
        let (_, last) = key.strip_prefix("webhooks.")?.rsplit_once('.')?;
        WEBHOOK_SECRETS.contains(&last).then_some(())
    };
    SECRETS.contains(&key) || of_webhook().is_some()
}

/// A section with its keys, or a value.
#[derive(Debug)]
pub(super) enum Node {
    Section(BTreeMap<String, Self>),
    Leaf { value: Value, from: String },
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// In a file: it has a type.
    Toml(toml::Value),
    /// In a variable or a flag: its type is what the key wants.
    Text(String),
}

/// One key of one layer; without a value it only opens a section.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<String>,
    pub(super) value: Option<Value>,
    /// The file, variable or flag.
    pub(super) from: String,
}

impl Node {
    /// A tree without keys.
    pub(super) const fn root() -> Self {
        Self::Section(BTreeMap::new())
    }

    /// Lays one more layer on top.
    ///
    /// # Errors
    /// [`ConfigError`] when a key is given twice in this layer, its secret cannot be read, or it is a section
    /// here and a value below.
    pub(super) fn lay(&mut self, layer: Vec<Entry>) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for entry in layer {
            let entry = plain(entry)?;
            if entry.value.is_some() && !seen.insert(entry.path.clone()) {
                return Err(Problem::new(
                    &entry.path.join("."),
                    "the key is given twice, in two forms; one is allowed",
                )
                .from(&entry.from)
                .into());
            }
            self.insert(entry)?;
        }
        Ok(())
    }

    fn insert(&mut self, entry: Entry) -> Result<(), ConfigError> {
        let clash = |allowed: &str| {
            let problem = Problem::new(&entry.path.join("."), allowed);
            Err(problem.from(&entry.from).into())
        };
        let mut node = self;
        for key in &entry.path {
            match node {
                Self::Section(keys) => {
                    node = keys.entry(key.clone()).or_insert_with(Self::root);
                }
                Self::Leaf { .. } => return clash("a key below a value; no such section exists"),
            }
        }
        let Some(value) = entry.value else {
            return Ok(());
        };
        match node {
            Self::Section(keys) if !keys.is_empty() => {
                clash("a section with keys is expected, not a value")
            }
            _ => {
                *node = Self::Leaf {
                    value,
                    from: entry.from,
                };
                Ok(())
            }
        }
    }

    /// Where the value of `key` came from.
    pub(super) fn origin(&self, key: &str) -> Option<&str> {
        let mut node = self;
        for part in key.split('.') {
            match node {
                Self::Section(keys) => node = keys.get(part)?,
                Self::Leaf { .. } => return None,
            }
        }
        node.from()
    }

    /// The place of the value, or of the first value in the section.
    pub(super) fn from(&self) -> Option<&str> {
        match self {
            Self::Leaf { from, .. } => Some(from),
            Self::Section(keys) => keys.values().find_map(Self::from),
        }
    }
}

/// The keys of a table in a file.
pub(super) fn entries(table: toml::Table, from: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    flatten(table, &mut Vec::new(), from, &mut found);
    found
}

fn flatten(table: toml::Table, path: &mut Vec<String>, from: &str, found: &mut Vec<Entry>) {
    for (key, value) in table {
        path.push(key);
        let (value, inner) = match value {
            toml::Value::Table(table) => (None, table),
            value => (Some(Value::Toml(value)), toml::Table::new()),
        };
        found.push(Entry {
            path: path.clone(),
            value,
            from: from.to_owned(),
        });
        flatten(inner, path, from, found);
        path.pop();
    }
}

/// The entry with the key's one plain name: milliseconds as seconds, a secret in place of its file.
fn plain(entry: Entry) -> Result<Entry, ConfigError> {
    let (Some(value), Some((last, section))) = (&entry.value, entry.path.split_last()) else {
        return Ok(entry);
    };
    let full = entry.path.join(".");
    // `handshakes_per_address_per_s` and its like are rates, not spans.
    let span = last
        .strip_suffix("_ms")
        .filter(|name| !name.ends_with("_per"));
    let (name, value) = if let Some(name) = span {
        let milliseconds = number(value).ok_or_else(|| {
            Problem::new(&full, "a number of milliseconds is expected")
                .found(value)
                .from(&entry.from)
        })?;
        let seconds = toml::Value::Float(milliseconds / 1000.0);
        (format!("{name}_s"), Value::Toml(seconds))
    } else if let Some(name) = full.strip_suffix("_file").filter(|key| is_secret(key)) {
        let name = name.rsplit('.').next().unwrap_or(name);
        let secret = secret(&full, value, &entry.from)?;
        (name.to_owned(), Value::Text(secret))
    } else {
        return Ok(entry);
    };
    Ok(Entry {
        path: section.iter().cloned().chain([name]).collect(),
        value: Some(value),
        from: format!("{}, {last}", entry.from),
    })
}

#[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Toml(toml::Value::Integer(number)) => Some(*number as f64),
        Value::Toml(toml::Value::Float(number)) => Some(*number),
        Value::Toml(_) => None,
        Value::Text(text) => text.trim().parse().ok(),
    }
}

/// The content of a secret's file without the newline at its end.
fn secret(key: &str, value: &Value, from: &str) -> Result<String, Problem> {
    let path = match value {
        Value::Text(path) | Value::Toml(toml::Value::String(path)) => path,
        Value::Toml(_) => {
            return Err(Problem::new(key, "the path of a file is expected").from(from));
        }
    };
    let wrong = |allowed: String| Problem::new(key, &allowed).found(value).from(from);
    let content = fs::read_to_string(path).map_err(|error| {
        wrong(format!(
            "a readable file with the secret is expected: {error}"
        ))
    })?;
    let secret = content.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(wrong(
            "a file with the secret is expected, this one is empty".to_owned(),
        ));
    }
    Ok(secret.to_owned())
}
