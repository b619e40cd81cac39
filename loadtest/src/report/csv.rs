//! The report as tables for a spreadsheet.

use std::{collections::BTreeSet, fmt::Write as _};

use super::Report;
use crate::series::Row;

/// What each file's name ends with, and what it holds.
pub(super) fn files(report: &Report) -> [(&'static str, String); 3] {
    [
        ("_phases.csv", phases(report)),
        ("_series.csv", series(report)),
        ("_errors.csv", errors(report)),
    ]
}

fn phases(report: &Report) -> String {
    let mut out =
        "phase,count,min_us,mean_us,p50_us,p90_us,p95_us,p99_us,p99.9_us,max_us\n".to_owned();
    for (phase, summary) in report.summaries() {
        let cells = summary.cells().map(|us| format!("{us:.0}"));
        let _ = writeln!(out, "{phase},{},{}", summary.count, cells.join(","));
    }
    out
}

/// A row a second; all rows have all columns.
fn series(report: &Report) -> String {
    let rows = &report.series;
    let phases: BTreeSet<_> = rows.iter().flat_map(|row| row.phases.keys()).collect();
    let gateways = rows.iter().map(|row| row.gateways.len()).max().unwrap_or(0);
    let mut out = "at_s,took_s,step,connected,scanned,authorized,errors,generator_cpu".to_owned();
    for gateway in 1..=gateways {
        let _ = write!(out, ",gateway{gateway}_cpu,gateway{gateway}_memory");
    }
    for phase in &phases {
        let _ = write!(out, ",{phase}_count,{phase}_p50_us,{phase}_p99_us");
    }
    for row in rows {
        out.push('\n');
        write_row(&mut out, row, gateways, &phases);
    }
    out + "\n"
}

fn write_row(out: &mut String, row: &Row, gateways: usize, phases: &BTreeSet<&String>) {
    let (at, took, step) = (row.at_s, row.took_s, quoted(&row.step));
    let _ = write!(out, "{at:.3},{took:.3},{step},{}", row.connected);
    for count in [row.scanned, row.authorized, row.errors] {
        let _ = write!(out, ",{count}");
    }
    let _ = write!(out, ",{:.3}", row.generator.cpu);
    for gateway in 0..gateways {
        let _ = match row.gateways.get(gateway) {
            Some(load) => write!(out, ",{:.3},{}", load.cpu, load.memory),
            None => write!(out, ",,"),
        };
    }
    for phase in phases {
        let _ = match row.phases.get(*phase) {
            Some(moment) => {
                let (p50, p99) = (moment.p50_us, moment.p99_us);
                write!(out, ",{},{p50},{p99}", moment.count)
            }
            None => write!(out, ",0,,"),
        };
    }
}

fn errors(report: &Report) -> String {
    let mut out = "reason,count\n".to_owned();
    for (reason, count) in report.stats.errors() {
        let _ = writeln!(out, "{},{count}", quoted(reason));
    }
    out
}

/// As RFC 4180 has it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::report;

    fn columns(line: &str) -> usize {
        line.split(',').count()
    }

    #[test]
    fn every_row_has_every_column() {
        let report = report();
        for (name, text) in files(&report) {
            let mut lines = text.lines();
            let head = lines.next().unwrap();
            assert!(text.ends_with('\n'), "{name}");
            assert!(lines.clone().count() > 0, "{name} says something");
            for line in lines {
                assert_eq!(columns(line), columns(head), "{name}: {line}");
            }
        }
    }

    #[test]
    fn figures_stand_below_their_names() {
        let [(_, phases), (_, series), _] = files(&report());
        assert!(phases.contains("\npush_latency,"));
        let head: Vec<_> = series.lines().next().unwrap().split(',').collect();
        let row: Vec<_> = series.lines().nth(1).unwrap().split(',').collect();
        let at = |name: &str| row[head.iter().position(|column| *column == name).unwrap()];
        assert_eq!(at("connected"), "10");
        assert_eq!(at("step"), "open");
        assert_eq!(at("gateway1_memory"), "20000000");
    }

    #[test]
    fn a_comma_does_not_make_a_column() {
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("a b"), "a b");
    }
}
