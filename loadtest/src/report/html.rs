//! The report as a page: one file, which fetches nothing and runs nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Report,
    chart::{bytes, short, time},
    curve, pairs,
    words::Language,
};
use crate::threshold::Verdict;

const STYLE: &str = include_str!("style.css");
/// Nothing from anywhere, should it ever be opened from a web server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn page(report: &Report, verdicts: &[Verdict]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "loadtest " (report.scenario) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "loadtest " (report.scenario) }
                    p class="muted" { (line(report)) }
                    @if report.interrupted {
                        p class="warning" { "Interrupted: what was found until then." }
                    }
                }
                main {
                    @if !verdicts.is_empty() { (rules(verdicts)) }
                    @if let Some(comparison) = &report.comparison {
                        section id="comparison" { h2 { "Side by side" } (comparison.draw(Language::English)) }
                    }
                    @if !report.values.is_empty() { (figures(report)) }
                    (latency(report))
                    @let charts = curve::over_time(report);
                    @if !charts.is_empty() {
                        section id="time" {
                            h2 { "Over time" }
                            @for chart in charts { (chart.draw()) }
                        }
                    }
                    (errors(report))
                    (setup(report))
                }
            }
        }
    }
}

/// When and where, in one line.
fn line(report: &Report) -> String {
    let wanted = ["date", "commit", "dirty", "cpu", "cores"];
    let host = pairs(&report.host);
    let parts = wanted.iter().filter_map(|key| {
        let (_, text) = host.iter().find(|(known, _)| known == key)?;
        Some(match *key {
            "commit" => format!("commit {text}"),
            "dirty" if text == "true" => "with changes".to_owned(),
            "dirty" => return None,
            "cores" => format!("{text} cores"),
            _ => text.clone(),
        })
    });
    parts.collect::<Vec<_>>().join(" · ")
}

fn rules(verdicts: &[Verdict]) -> Markup {
    html! {
        section id="thresholds" {
            h2 { "Thresholds" }
            div class="wide" {
                table {
                    thead { tr { th { "rule" } th { "found" } th {} } }
                    tbody {
                        @for verdict in verdicts {
                            tr {
                                td { code { (verdict.rule) } }
                                td { (verdict.found()) }
                                @if verdict.ok { td class="good" { "kept" } }
                                @else { td class="bad" { "crossed" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figures(report: &Report) -> Markup {
    html! {
        section id="figures" {
            h2 { "Figures" }
            dl class="tiles" {
                @for (name, value) in &report.values {
                    div { dt { (name) } dd { (value_in_words(name, *value)) } }
                }
            }
        }
    }
}

/// The unit is in the name.
fn value_in_words(name: &str, value: f64) -> String {
    match name {
        name if name.starts_with("memory_") || name.ends_with("bytes_per_page") => bytes(value),
        name if name.ends_with("_us") || name.starts_with("cpu_us_") => time(value / 1e3),
        name if name.contains("_to_push_") => format!("{} ×", short(value)),
        _ => short(value),
    }
}

fn latency(report: &Report) -> Markup {
    let columns = ["min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"];
    html! {
        section id="latency" {
            h2 { "Latency" }
            @if let Some(chart) = curve::distribution(report) { (chart.draw()) }
            div class="wide" {
                table {
                    thead {
                        tr {
                            th { "phase, ms" } th { "count" }
                            @for column in columns { th { (column) } }
                        }
                    }
                    tbody {
                        @for (phase, summary) in report.summaries() {
                            tr {
                                td { (phase) }
                                td { (summary.count) }
                                @for us in summary.cells() { td { (format!("{:.3}", us / 1e3)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn errors(report: &Report) -> Markup {
    html! {
        section id="errors" {
            h2 { "Errors" }
            @if report.errors() == 0 { p { "None." } }
            @else {
                table class="reasons" {
                    thead { tr { th { "reason" } th { "count" } } }
                    tbody {
                        @for (reason, count) in report.stats.errors() {
                            tr { td { (reason) } td { (count) } }
                        }
                    }
                }
            }
        }
    }
}

fn setup(report: &Report) -> Markup {
    html! {
        section id="setup" {
            h2 { "Setup" }
            table class="setup" {
                tbody {
                    @for (key, text) in pairs(&report.config).into_iter().chain(pairs(&report.host)) {
                        tr { th { (key) } td { (text) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        form::outline,
        report::sample::{broken_rule, comparison, report},
    };

    fn whole() -> String {
        let mut report = report();
        report.comparison = Some(comparison());
        page(&report, &[broken_rule()]).into_string()
    }

    /// `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_page_is_built_as_written_down() {
        let path = PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/report/golden.txt"
        ));
        let built = outline(&whole());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &built).unwrap();
        }
        assert_eq!(built, fs::read_to_string(&path).unwrap());
    }

    #[test]
    fn the_page_fetches_and_runs_nothing() {
        let page = whole();
        for part in ["<script", "src=", "href=", "url(", "@import", "javascript:"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn what_strangers_said_is_only_text() {
        let page = whole();
        assert!(page.contains("&lt;b&gt;&amp;"));
        assert!(!page.contains("<b>"));
    }

    #[test]
    fn a_run_without_anything_is_a_page_too() {
        let empty = Report::new("hold", serde_json::Value::Null);
        let page = page(&empty, &[]).into_string();
        assert!(page.contains("None."));
        assert!(page.ends_with("</html>"));
    }

    #[test]
    fn values_have_their_units() {
        assert_eq!(value_in_words("memory_open", 2e7), "20 MB");
        assert_eq!(value_in_words("push_bytes_per_page", 719.0), "719 B");
        assert_eq!(value_in_words("cpu_us_per_login", 2_500.0), "2.5 ms");
        assert_eq!(value_in_words("poll_to_push_cpu", 15.6), "15.6 ×");
        assert_eq!(value_in_words("lost", 0.0), "0");
    }
}
