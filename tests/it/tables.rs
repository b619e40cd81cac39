//! The tables of errors and close codes: in the golden files, and in the document that ships.

use std::{collections::BTreeMap, fs, path::PathBuf};

use scangate::code::{Close, Code, Locale};
use serde_json::json;

use crate::golden::golden;

#[test]
fn every_code() {
    let rows = Code::ALL.iter().map(|code| {
        json!({
            "code": code.number(), "name": code.name(), "status": code.status(), "close": code.close(),
            "retryable": code.retryable(), "zh-CN": code.message(Locale::ZhCn), "en": code.message(Locale::En),
        })
    });
    golden("codes", &rows.collect());
}

/// Every close code with the reasons it may have.
fn closes() -> BTreeMap<u16, Vec<&'static str>> {
    let own = [
        Close::Finished,
        Close::Gone,
        Close::Protocol,
        Close::Binary,
        Close::NotUtf8,
        Close::TooBig,
        Close::Restart,
    ];
    // A new variant stops the compiler here: it belongs into the list above.
    own.iter().for_each(|close| match close {
        Close::Finished
        | Close::Gone
        | Close::Protocol
        | Close::Binary
        | Close::NotUtf8
        | Close::TooBig
        | Close::Restart
        | Close::Error(_) => {}
    });
    let of_errors = Code::ALL
        .iter()
        .filter(|code| code.close().is_some())
        .map(|code| Close::Error(*code));
    let mut closes = BTreeMap::<_, Vec<_>>::new();
    for close in own.into_iter().chain(of_errors) {
        closes
            .entry(close.number())
            .or_default()
            .push(close.reason());
    }
    closes
}

#[test]
fn every_close_code() {
    let rows = closes()
        .into_iter()
        .map(|(code, reasons)| json!({ "code": code, "reasons": reasons }));
    golden("closes", &rows.collect());
}

/// The rows of the table below a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web/PROTOCOL.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text
        .split(&format!("\n{heading}\n"))
        .nth(1)
        .unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n#").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let cells = |row: &str| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_document_lists_exactly_these_errors() {
    let written: Vec<Vec<_>> = table("### Error codes")
        .into_iter()
        .map(|row| row[..4].to_vec())
        .collect();
    let coded: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            let close = code
                .close()
                .map_or_else(|| "–".to_owned(), |close| close.to_string());
            let retry = if code.retryable() { "yes" } else { "no" };
            vec![
                code.number().to_string(),
                code.name().to_owned(),
                close,
                retry.to_owned(),
            ]
        })
        .collect();
    assert_eq!(written, coded);
}

#[test]
fn the_document_lists_exactly_these_close_codes() {
    let written: Vec<_> = table("### Close codes")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let coded: Vec<_> = closes()
        .into_iter()
        .map(|(code, reasons)| (code.to_string(), reasons.join(", ")))
        .collect();
    assert_eq!(written, coded);
}
