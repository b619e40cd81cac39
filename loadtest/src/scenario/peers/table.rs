//! What was found, for a terminal.

use std::fmt::Write as _;

use super::targets::Judged;

/// A column: its head, the figure, and by what it is divided.
const COLUMNS: [(&str, &str, f64); 9] = [
    ("B/page", "bytes_per_page", 1.0),
    ("µs/open", "cpu_us_per_page_opened", 1.0),
    ("idle s/min", "cpu_s_per_minute_held", 1.0),
    ("p50 µs", "latency_p50_us", 1.0),
    ("p99 µs", "latency_p99_us", 1.0),
    ("p99.9 µs", "latency_p999_us", 1.0),
    ("µs/push", "cpu_us_per_confirm_alone", 1.0),
    ("with idle", "cpu_us_per_confirm", 1.0),
    ("kept MB", "memory_kept", 1e6),
];

/// A row for each subject.
pub(super) fn figures(names: &[&str], median: &impl Fn(&str, &str) -> Option<f64>) -> String {
    let mut out = format!("{:<16}", "medians");
    for (head, ..) in COLUMNS {
        let _ = write!(out, "{head:>12}");
    }
    out.push('\n');
    for name in names {
        let _ = write!(out, "{name:<16}");
        for (_, figure, unit) in COLUMNS {
            let value = median(name, figure).map(|value| value / unit);
            let _ = write!(out, "{:>12}", number(value));
        }
        out.push('\n');
    }
    out
}

/// A row for each target.
pub(super) fn targets(judged: &[Judged]) -> String {
    let mut out = format!(
        "{:<4}{:<32}{:>12}  {:<14}{:>12}{:>12}  {:<10}met\n",
        "", "target", "figure", "peer", "its figure", "ratio", "asked"
    );
    for one in judged {
        let met = match one.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "not measured",
        };
        let _ = writeln!(
            out,
            "{:<4}{:<32}{:>12}  {:<14}{:>12}{:>12}  {:<10}{met}",
            one.id,
            one.what,
            number(one.figure),
            one.peer.unwrap_or("–"),
            number(one.peer_figure),
            ratio(one.ratio),
            one.asked,
        );
    }
    out
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// As targets are put: `1/12` for what is less than one.
fn ratio(value: Option<f64>) -> String {
    match value {
        Some(value) if value > 0.0 && value < 0.5 => format!("1/{:.1}", 1.0 / value),
        other => number(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ratios_are_put_as_fractions() {
        assert_eq!(ratio(Some(0.048)), "1/20.8");
        assert_eq!(ratio(Some(0.74)), "0.74");
        assert_eq!(ratio(Some(6288.0)), "6288");
        assert_eq!(ratio(None), "–");
    }

    #[test]
    fn every_subject_and_target_has_a_row() {
        let median = |name: &str, _: &str| (name == "bun").then_some(995.0);
        let table = figures(&["bun", "gin"], &median);
        assert!(table.contains("995") && table.contains('–'), "{table}");
        let judged = super::super::targets::judge(&median);
        let table = targets(&judged);
        assert_eq!(table.lines().count(), judged.len() + 1);
        assert!(table.contains("not measured"), "{table}");
    }
}
