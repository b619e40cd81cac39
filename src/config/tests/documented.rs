//! `config/default.toml` against the code.

use std::{collections::BTreeSet, fs};

use super::file;
use crate::config::{Overrides, load::load_with};

const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// `default.toml` with every commented key and section made a real one.
fn uncommented() -> String {
    let is_key = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "))
            .is_some_and(|(key, _)| {
                key.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
    };
    let lines = DEFAULTS.lines().map(|line| match line.strip_prefix("# ") {
        Some(key) if is_key(line) || key.starts_with('[') => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_of_the_documented_file_can_be_set() {
    let text = uncommented();
    assert!(text.contains("\napp_secret = ") && text.contains("\nadmin_token = "));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("all.toml");
    fs::write(&path, text).unwrap();
    let overrides = Overrides {
        file: Some(path),
        set: [
            ("wechat.mode", "live"),
            ("store.url", "postgres://gateway@localhost/logins"),
            // The file's is no key, so that nobody uses it as one.
            (
                "token.master_key",
                "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            ),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec(),
    };
    load_with(&overrides, std::iter::empty()).unwrap();
}

#[test]
fn every_key_is_in_the_documented_file() {
    let documented: toml::Table = uncommented().parse().unwrap();
    let mut seen = 0;
    check_section(&documented, "", &mut seen);
    assert!(seen > 50, "{seen}");
}

/// Asks for a key that does not exist; the error lists those that do.
fn check_section(section: &toml::Table, path: &str, seen: &mut usize) {
    let nonsense = format!("{path}nonsense");
    let overrides = Overrides {
        file: None,
        set: vec![(nonsense, String::new())],
    };
    let error = load_with(&overrides, std::iter::empty())
        .unwrap_err()
        .to_string();
    let Some((_, known)) = error.split_once("allowed: ") else {
        // These take any name.
        assert!(
            ["apps.", "sandbox.accounts.", "webhooks."].contains(&path),
            "{error}"
        );
        let (name, one) = section.iter().next().unwrap();
        return check_section(one.as_table().unwrap(), &format!("{path}{name}."), seen);
    };
    let known: BTreeSet<&str> = known.split(", ").collect();
    let documented: BTreeSet<&str> = section.keys().map(String::as_str).collect();
    assert_eq!(known, documented, "in [{path}]");
    *seen += known.len();
    for (key, value) in section {
        if let toml::Value::Table(inner) = value {
            check_section(inner, &format!("{path}{key}."), seen);
        }
    }
}

#[test]
fn the_configuration_for_load_tests_works() {
    let config = file(include_str!("../../../config/loadtest.toml")).unwrap();
    assert!(config.limits.scenes_per_address_per_min > 1_000_000);
}
