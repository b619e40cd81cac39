//! What a run says when it is over.

mod chart;
mod comparison;
mod csv;
mod curve;
mod figure;
mod host;
mod html;
#[cfg(test)]
mod sample;
mod saved;
mod table;
mod words;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde_json::{Value, json};

pub(crate) use self::{
    comparison::{Comparison, Design, Kind},
    saved::{command, save},
};
use crate::{
    series::Row,
    stats::{Stats, Summary},
    threshold::Verdict,
};

/// Figures of one run.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    config: Value,
    host: Value,
    /// The version of the gateway, where it said so.
    pub(crate) scangate: Option<String>,
    phases: &'static [&'static str],
    values: BTreeMap<&'static str, f64>,
    pub(crate) stats: Stats,
    /// A row a second.
    pub(crate) series: Vec<Row>,
    pub(crate) comparison: Option<Comparison>,
    /// What a scenario says in tables of its own.
    pub(crate) tables: String,
    /// What each round of a comparison found.
    pub(crate) rounds: Option<Value>,
    /// Whether it was ended before its time.
    pub(crate) interrupted: bool,
}

impl Report {
    pub(crate) fn new(scenario: &'static str, config: Value) -> Self {
        Self {
            scenario,
            config,
            host: host::describe(),
            scangate: None,
            phases: &[],
            values: BTreeMap::new(),
            stats: Stats::default(),
            series: Vec::new(),
            comparison: None,
            tables: String::new(),
            rounds: None,
            interrupted: false,
        }
    }

    /// The order of the table.
    pub(crate) fn with_phases(self, phases: &'static [&'static str]) -> Self {
        Self { phases, ..self }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: f64) {
        self.values.insert(name, value);
    }

    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        match name {
            "errors" => Some(self.errors() as f64),
            _ => self.values.get(name).copied(),
        }
    }

    pub(crate) fn errors(&self) -> u64 {
        self.stats.error_count()
    }

    fn summaries(&self) -> impl Iterator<Item = (&'static str, Summary)> {
        self.phases
            .iter()
            .filter_map(|phase| Some((*phase, self.stats.summary(phase)?)))
    }

    /// All but the rows; latencies in microseconds.
    pub(crate) fn summary(&self, verdicts: &[Verdict]) -> Value {
        let phases: BTreeMap<_, _> = self.summaries().collect();
        let mut document = json!({
            "scenario": self.scenario,
            "config": self.config,
            "host": self.host,
            "phases": phases,
            "values": self.values,
            "errors": {"count": self.errors(), "by_reason": self.stats.errors()},
            "thresholds": verdicts,
            "interrupted": self.interrupted,
        });
        if let Some(version) = &self.scangate {
            document["scangate"] = version.as_str().into();
        }
        if let Some(rounds) = &self.rounds {
            document["rounds"] = rounds.clone();
        }
        document
    }

    /// For programs.
    pub(crate) fn write_json(&self, path: &Path, verdicts: &[Verdict]) -> anyhow::Result<()> {
        let mut document = self.summary(verdicts);
        document["series"] = json!(self.series);
        let text = serde_json::to_string_pretty(&document)? + "\n";
        fs::write(path, text).with_context(|| format!("--json {}", path.display()))
    }

    /// For spreadsheets.
    pub(crate) fn write_csv(&self, prefix: &Path) -> anyhow::Result<()> {
        for (name, text) in csv::files(self) {
            let mut path = prefix.as_os_str().to_owned();
            path.push(name);
            fs::write(&path, text).with_context(|| format!("--csv {}", path.display()))?;
        }
        Ok(())
    }

    /// For people, with charts.
    pub(crate) fn write_html(&self, path: &Path, verdicts: &[Verdict]) -> anyhow::Result<()> {
        let page = html::page(self, verdicts).into_string();
        fs::write(path, page).with_context(|| format!("--html {}", path.display()))
    }

    /// For people at a terminal.
    pub(crate) fn table(&self, verdicts: &[Verdict]) -> String {
        table::of(self, verdicts)
    }
}

/// Pairs of what was given, without what was not.
fn pairs(value: &Value) -> Vec<(&str, String)> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    let pairs = object.iter().filter(|(_, value)| !value.is_null());
    let texts = pairs.map(|(key, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        (key.as_str(), text)
    });
    texts.collect()
}

/// Prints the report, for whoever runs the test.
#[expect(
    clippy::print_stdout,
    reason = "the report is what this program is for; the one place that prints it"
)]
pub(crate) fn say(text: &str) {
    println!("{}", text.trim_end());
}

/// Prints what is not the report.
#[expect(
    clippy::print_stderr,
    reason = "progress and errors are for the terminal; the one place that prints them"
)]
pub(crate) fn complain(text: &str) {
    eprintln!("{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use super::sample::{broken_rule, report};

    #[test]
    fn json_holds_the_same_figures() {
        let document = report().summary(&[broken_rule()]);
        assert_eq!(document["phases"]["push_latency"]["count"], 1000);
        let p999 = document["phases"]["push_latency"]["p99.9_us"].as_u64();
        assert!((1090..=1110).contains(&p999.unwrap()), "{document:#}");
        assert_eq!(document["values"]["per_second"], 99.5);
        assert_eq!(document["thresholds"][0]["ok"], false);
        let reasons = &document["errors"]["by_reason"];
        assert_eq!(reasons["connect: connection refused"], 1);
    }
}
