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
    document["command"] = command().into();
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

/// The command line of this run.
pub(crate) fn command() -> String {
    typed(std::env::args())
}

/// As it can be typed into a shell again.
fn typed(words: impl Iterator<Item = String>) -> String {
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

/// The repository's own results, and what is written about them.
#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;
    use crate::report::{
        Design, Kind,
        comparison::times,
        sample::{broken_rule, comparison, report},
    };

    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    fn text(name: &str) -> String {
        let path = path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn kept() -> Value {
        serde_json::from_str(&text("results/compare.json")).unwrap()
    }

    fn compared(kept: &Value) -> Comparison {
        let config = |name: &str| kept["config"][name].as_f64().unwrap();
        Comparison::new(config("pages"), config("every_s"), |name| {
            kept["values"][name].as_f64()
        })
    }

    /// `UPDATE_GOLDEN=1` draws them anew, from the figures that are there.
    #[test]
    fn the_drawings_are_those_of_the_figures_beside_them() {
        for (name, drawn) in drawings(&compared(&kept())) {
            let name = format!("results/{name}");
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(path(&name), &drawn).unwrap();
            }
            assert_eq!(drawn, text(&name), "{name}");
        }
    }

    /// When they were measured anew: the message says what to write.
    #[test]
    fn the_readmes_lead_with_the_figures_that_are_kept() {
        let comparison = compared(&kept());
        let of = |kind: Kind, design: Design| {
            let row = comparison.rows(kind).into_iter();
            row.into_iter().find(|row| row.design == design).unwrap()
        };
        let poll = |kind| times(of(kind, Design::Poll).ratio.unwrap());
        let time = |design| Kind::Latency.with_unit(of(Kind::Latency, design).value);
        let (pushed, polled) = (time(Design::Push), time(Design::Poll));
        let (sooner, cpu, memory) = (poll(Kind::Latency), poll(Kind::Cpu), poll(Kind::Memory));
        let pages = super::super::chart::short(comparison.pages);
        let every = comparison.every_s;
        let english = [
            format!("{sooner} times sooner than by polling every {every} s"),
            format!("{pushed} instead of {polled}"),
            format!("{cpu} times the CPU"),
            format!("{memory} times the memory"),
            format!("{pages} pages wait"),
        ];
        let chinese = [
            format!("比每 {every} 秒轮询快 {sooner} 倍"),
            format!("{pushed} 对 {polled}"),
            format!("CPU 是推送的 {cpu} 倍"),
            format!("内存是 {memory} 倍"),
            format!("{pages} 个页面"),
        ];
        let mut missing = Vec::new();
        for (name, drawing, parts) in [
            ("../README.md", "\"loadtest/results/compare.svg\"", english),
            (
                "../README.zh-CN.md",
                "\"loadtest/results/compare.zh-CN.svg\"",
                chinese,
            ),
        ] {
            let readme = spaced(&text(name));
            let head = readme.split("\n## ").next().unwrap();
            let absent = parts.iter().filter(|part| !head.contains(&spaced(part)));
            missing.extend(absent.map(|part| format!("{name}: {part}")));
            assert!(head.contains(drawing), "{name} does not show {drawing}");
        }
        assert!(
            missing.is_empty(),
            "results/compare.json was measured anew, so the head has to say: {missing:#?}"
        );
    }

    /// One kind of space.
    fn spaced(text: &str) -> String {
        text.replace(['\u{202f}', '\u{a0}'], " ")
    }

    #[test]
    fn what_is_kept_says_how_it_was_got() {
        for entry in fs::read_dir(path("results")).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if !file.ends_with(".json") {
                continue;
            }
            let kept: Value = serde_json::from_str(&text(&format!("results/{file}"))).unwrap();
            assert_eq!(kept["errors"]["count"], 0, "{file}");
            assert_eq!(kept["interrupted"], false, "{file}");
            assert!(kept["command"].is_string(), "{file}");
            let host = &kept["host"];
            assert!(host["commit"].is_string(), "{file}");
            assert!(host["date"].is_string(), "{file}");
            assert!(host["cores"].as_u64() > Some(0), "{file}");
            assert_ne!(
                host["dirty"], true,
                "{file}: measured on what no commit has"
            );
        }
    }

    #[test]
    fn a_run_is_saved_by_its_name() {
        let folder = std::env::temp_dir().join(format!("loadtest-saved-{}", std::process::id()));
        let mut report = report();
        report.config = json!({"pages": 50});
        save(&folder, &report, &[broken_rule()]).unwrap();
        report.scenario = "compare";
        report.comparison = Some(comparison());
        save(&folder, &report, &[]).unwrap();
        let names = fs::read_dir(&folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        let push = fs::read_to_string(folder.join("push-50.json")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            names,
            [
                "compare.json",
                "compare.svg",
                "compare.zh-CN.svg",
                "push-50.json"
            ]
        );
        let push: Value = serde_json::from_str(&push).unwrap();
        assert_eq!(push["values"]["bytes_per_page"], 719.0);
        assert_eq!(push["thresholds"][0]["ok"], false);
        assert!(push["command"].is_string() && push["series"].is_null());
    }

    #[test]
    fn a_command_can_be_typed_again() {
        let words = ["loadtest", "--gateway", "a b", "it's", "", "-n", "5"];
        let words = words.into_iter().map(ToOwned::to_owned);
        assert_eq!(typed(words), r"loadtest --gateway 'a b' 'it'\''s' '' -n 5");
    }
}
