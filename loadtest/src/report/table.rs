//! The report as a table for a terminal.

use std::fmt::Write as _;

use super::{Report, pairs};
use crate::threshold::Verdict;

pub(super) fn of(report: &Report, verdicts: &[Verdict]) -> String {
    let mut out = format!(
        "{}  {}\nhost  {}\n",
        report.scenario,
        line(&pairs(&report.config)),
        line(&pairs(&report.host))
    );
    if report.interrupted {
        out.push_str("\nINTERRUPTED: what was found until then\n");
    }
    phases(report, &mut out);
    if let Some(comparison) = &report.comparison {
        let _ = write!(out, "\n{}", comparison.table());
    }
    if !report.tables.is_empty() {
        let _ = write!(out, "\n{}", report.tables);
    }
    if !report.values.is_empty() {
        out.push('\n');
    }
    for (name, value) in &report.values {
        let _ = writeln!(out, "{name:<32}{value:>16.3}");
    }
    let _ = writeln!(out, "\nerrors  {}", report.errors());
    for (reason, count) in report.stats.errors() {
        let _ = writeln!(out, "  {count:>7}  {reason}");
    }
    for verdict in verdicts {
        let mark = if verdict.ok { "kept   " } else { "CROSSED" };
        let _ = writeln!(
            out,
            "threshold {mark}  {}  ({})",
            verdict.rule,
            verdict.found()
        );
    }
    out
}

fn phases(report: &Report, out: &mut String) {
    let columns = [
        "count", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max",
    ];
    let _ = write!(out, "\n{:<18}", "ms");
    for column in columns {
        let _ = write!(out, "{column:>10}");
    }
    out.push('\n');
    for (phase, summary) in report.summaries() {
        let _ = write!(out, "{phase:<18}{:>10}", summary.count);
        for us in summary.cells() {
            let _ = write!(out, "{:>10.3}", us / 1000.0);
        }
        out.push('\n');
    }
}

fn line(pairs: &[(&str, String)]) -> String {
    let pairs = pairs.iter().map(|(key, text)| format!("{key}={text}"));
    pairs.collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use crate::report::sample::{broken_rule, report};

    #[test]
    fn table_shows_what_was_measured() {
        let table = report().table(&[broken_rule()]);
        for part in [
            "rate=200",
            "p99.9",
            "push_latency",
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
}
