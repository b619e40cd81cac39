//! Reports that are kept: `--save FOLDER`.

use std::{fs, path::Path};

use anyhow::Context;

use super::{Comparison, Report, words::Language};
use crate::threshold::Verdict;

/// Writes the figures, and how they were got, to a file named after the run; for a comparison its drawings as well.
pub(crate) fn save(folder: &Path, report: &Report, verdicts: &[Verdict]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("--save {}", folder.display()))?;
    // Without a row for each second: it is kept beside the source.
    let mut document = report.summary(verdicts);
    document["command"] = command(std::env::args()).into();
    let text = serde_json::to_string_pretty(&document)? + "\n";
    write(folder, &format!("{}.json", name(report)), text)?;
    let drawings = report.comparison.iter().flat_map(drawings);
    for (name, text) in drawings {
        write(folder, name, text)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: String) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("--save {}", path.display()))
}

/// Runs with other numbers of pages lie side by side; of comparisons there is one.
fn name(report: &Report) -> String {
    match (&report.comparison, report.config["pages"].as_u64()) {
        (None, Some(pages)) => format!("{}-{pages}", report.scenario),
        _ => report.scenario.to_owned(),
    }
}

fn drawings(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let drawing = |language: Language| {
        let name = match language {
            Language::English => "compare.svg",
            Language::Chinese => "compare.zh-CN.svg",
        };
        (name, comparison.svg(language))
    };
    Language::ALL.map(drawing).to_vec()
}

/// As it can be typed into a shell again.
fn command(words: impl Iterator<Item = String>) -> String {
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: String) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
