//! What a run says when it is over.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    host,
    stats::{Stats, Summary},
    threshold::Verdict,
};

/// Figures of one run.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    config: Value,
    host: Value,
    pub(crate) stats: Stats,
    values: BTreeMap<&'static str, f64>,
    phases: &'static [&'static str],
}

impl Report {
    pub(crate) fn new(scenario: &'static str, config: Value) -> Self {
        Self {
            scenario,
            config,
            host: host::describe(),
            stats: Stats::default(),
            values: BTreeMap::new(),
            phases: &[],
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

    /// For people.
    pub(crate) fn table(&self, verdicts: &[Verdict]) -> String {
        let mut out = format!(
            "{}  {}\nhost  {}\n\n",
            self.scenario,
            plain(&self.config),
            plain(&self.host)
        );
        let columns = [
            "count", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max",
        ];
        let _ = write!(out, "{:<18}", "ms");
        for column in columns {
            let _ = write!(out, "{column:>10}");
        }
        out.push('\n');
        for (phase, s) in self.summaries() {
            let _ = write!(out, "{phase:<18}{:>10}", s.count);
            let cells = [
                s.min_us as f64,
                s.mean_us,
                s.p50_us as f64,
                s.p90_us as f64,
                s.p95_us as f64,
                s.p99_us as f64,
                s.p999_us as f64,
                s.max_us as f64,
            ];
            for us in cells {
                let _ = write!(out, "{:>10.3}", us / 1000.0);
            }
            out.push('\n');
        }
        if !self.values.is_empty() {
            out.push('\n');
        }
        for (name, value) in &self.values {
            let _ = writeln!(out, "{name:<32}{value:>14.3}");
        }
        let _ = writeln!(out, "\nerrors  {}", self.errors());
        for (reason, count) in self.stats.errors() {
            let _ = writeln!(out, "  {count:>7}  {reason}");
        }
        for verdict in verdicts {
            let mark = if verdict.ok { "kept   " } else { "CROSSED" };
            let found = verdict
                .found
                .map_or_else(|| "not measured".to_owned(), |found| format!("{found:.3}"));
            let _ = writeln!(
                out,
                "threshold {mark}  {}  (found {found}; latencies in µs)",
                verdict.rule
            );
        }
        out
    }

    /// For programs; latencies in microseconds.
    pub(crate) fn write_json(&self, path: &Path, verdicts: &[Verdict]) -> anyhow::Result<()> {
        let phases: BTreeMap<_, _> = self.summaries().collect();
        let document = json!({
            "scenario": self.scenario,
            "config": self.config,
            "host": self.host,
            "phases": phases,
            "values": self.values,
            "errors": {"count": self.errors(), "by_reason": self.stats.errors()},
            "thresholds": verdicts,
        });
        let text = serde_json::to_string_pretty(&document)? + "\n";
        std::fs::write(path, text).with_context(|| format!("--json {}", path.display()))
    }
}

fn plain(value: &Value) -> String {
    let Some(object) = value.as_object() else {
        return String::new();
    };
    let pairs = object
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key}={text}"),
            None => format!("{key}={value}"),
        });
    pairs.collect::<Vec<_>>().join("  ")
}

/// Prints to whoever runs the test.
#[expect(
    clippy::print_stdout,
    reason = "the report is what this program is for; the one place that prints"
)]
pub(crate) fn say(text: &str) {
    println!("{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let mut report = Report::new("login", json!({"rate": 200, "seed": null}))
            .with_phases(&["connect", "whole"]);
        report
            .stats
            .record("whole", Duration::from_millis(12))
            .unwrap();
        report.stats.fail("connect: connection refused".to_owned());
        report.set("per_second", 99.5);
        report
    }

    #[test]
    fn table_shows_what_was_measured() {
        let table = report().table(&[Verdict {
            rule: "errors<1".to_owned(),
            found: Some(1.0),
            ok: false,
        }]);
        for part in [
            "rate=200",
            "p99.9",
            "whole",
            "12.0",
            "per_second",
            "99.500",
            "connection refused",
            "CROSSED",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert!(
            !table.contains("seed="),
            "what was not set is not shown\n{table}"
        );
    }

    #[test]
    fn json_holds_the_same_figures() {
        let path =
            std::env::temp_dir().join(format!("loadtest-report-{}.json", std::process::id()));
        report().write_json(&path, &[]).unwrap();
        let document: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(document["phases"]["whole"]["count"], 1);
        assert!(document["phases"]["whole"]["p99.9_us"].as_u64().unwrap() >= 11_900);
        assert_eq!(document["values"]["per_second"], 99.5);
        assert_eq!(
            document["errors"]["by_reason"]["connect: connection refused"],
            1
        );
    }
}
