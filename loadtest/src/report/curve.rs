//! What a report's charts show.

use super::{
    Report,
    chart::{Axis, Chart, Line, MARKS, Words, bytes, short, time},
};
use crate::series::{Moment, Row};

/// Points of a line; more rows are drawn together.
const POINTS: usize = 400;
/// Percentiles of a curve: each halves what is left, 40 times down to one in a million.
const HALVINGS: u32 = 40;
const STEPS_PER_HALVING: f64 = 2.0;
const PERCENTILES: [(f64, &str); 6] = [
    (0.0, "0 %"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
];

/// What a line shows of a row, if there is something.
type Value<'a> = &'a dyn Fn(&Row) -> Option<f64>;

/// How many of all took no longer than what.
pub(super) fn distribution(report: &Report) -> Option<Chart<'static>> {
    let summaries: Vec<_> = report.summaries().collect();
    let longest = summaries.iter().map(|(_, summary)| summary.max_us);
    let longest = longest.max()? as f64 / 1e3;
    let shortest = summaries.iter().map(|(_, summary)| summary.min_us.max(1));
    let shortest = shortest.min()? as f64 / 1e3;
    let counted = summaries.iter().map(|(_, summary)| summary.count).max()?;
    let lines = summaries.iter().filter_map(|(phase, summary)| {
        let histogram = report.stats.phase(phase)?;
        let quantiles = (0..=HALVINGS)
            .map(|step| 1.0 - 0.5f64.powf(f64::from(step) / STEPS_PER_HALVING))
            .take_while(|quantile| tail(*quantile) <= tail_of(summary.count));
        let points = quantiles.map(|quantile| {
            let us = histogram.value_at_quantile(quantile);
            (tail(quantile), us as f64 / 1e3)
        });
        Some(Line {
            name: (*phase).to_owned(),
            points: points.collect(),
        })
    });
    let end = tail_of(counted).max(1.0);
    let ticks = PERCENTILES
        .iter()
        .map(|(quantile, name)| (tail(*quantile), (*name).to_owned()));
    Some(Chart {
        title: "Latency by percentile",
        x: Axis::exact(0.0, end),
        y: Axis::log(shortest, longest),
        x_ticks: ticks.filter(|(at, _)| *at <= end).collect(),
        words: time,
        lines: lines.collect(),
        marks: Vec::new(),
    })
}

/// Where a quantile lies: each nine is as wide as the last.
fn tail(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// The last quantile that so many values can tell.
fn tail_of(count: u64) -> f64 {
    (count as f64).max(2.0).log10()
}

/// All that changes over time, chart by chart.
pub(super) fn over_time(report: &Report) -> Vec<Chart<'static>> {
    let rows = &report.series;
    if rows.len() < 2 {
        return Vec::new();
    }
    let pages = lines([("pages", &|row: &Row| Some(row.connected as f64))], rows);
    let events = lines(
        [
            ("scanned", &per_second(|row| row.scanned) as Value<'_>),
            ("authorized", &per_second(|row| row.authorized)),
            ("errors", &per_second(|row| row.errors)),
        ],
        rows,
    );
    let charts = [
        chart("Pages connected", short as Words, pages, rows),
        chart("Events per second", short, events, rows),
        latency(report),
        chart("Processors busy", short, processors(rows), rows),
        chart(
            "Memory of the gateway (resident)",
            bytes,
            memory(rows),
            rows,
        ),
    ];
    charts.into_iter().flatten().collect()
}

fn per_second(count: impl Fn(&Row) -> u64) -> impl Fn(&Row) -> Option<f64> {
    move |row| Some(count(row) as f64 / row.took_s.max(1e-3))
}

/// The latency that the scenario is about, second by second.
fn latency(report: &Report) -> Option<Chart<'static>> {
    let rows = &report.series;
    let phases = report.phases.iter().rev();
    let lead = phases.copied().find(|phase| {
        let seconds = rows.iter().filter(|row| row.phases.contains_key(*phase));
        seconds.count() > 1
    })?;
    let of =
        |pick: fn(&Moment) -> u64| move |row: &Row| Some(pick(row.phases.get(lead)?) as f64 / 1e3);
    let (p50, p99) = (of(|moment| moment.p50_us), of(|moment| moment.p99_us));
    let (named_p50, named_p99) = (format!("{lead} p50"), format!("{lead} p99"));
    let lines = lines(
        [(named_p50.as_str(), &p50 as Value<'_>), (&named_p99, &p99)],
        rows,
    );
    let values = || lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
    let (low, high) = (
        values().fold(f64::MAX, f64::min),
        values().fold(0.0, f64::max),
    );
    let y = Axis::log(low, high);
    let chart = chart("Latency in each second", time, lines, rows)?;
    Some(Chart { y, ..chart })
}

fn processors(rows: &[Row]) -> Vec<Line> {
    let mut lines = of_gateways(rows, |load| load.cpu);
    let generator = |row: &Row| Some(row.generator.cpu);
    lines.extend(self::lines([("generator", &generator)], rows));
    lines
}

fn memory(rows: &[Row]) -> Vec<Line> {
    of_gateways(rows, |load| load.memory as f64)
}

fn of_gateways(rows: &[Row], pick: fn(&crate::series::Load) -> f64) -> Vec<Line> {
    let count = rows.iter().map(|row| row.gateways.len()).max().unwrap_or(0);
    let one = |index: usize| {
        let name = if count == 1 {
            "gateway".to_owned()
        } else {
            format!("gateway {}", index + 1)
        };
        let value = move |row: &Row| row.gateways.get(index).map(pick);
        lines([(name.as_str(), &value)], rows)
    };
    (0..count).flat_map(one).collect()
}

/// A line for each name; where there are too many rows, the highest of some counts for all of them.
fn lines<const N: usize>(values: [(&str, Value<'_>); N], rows: &[Row]) -> Vec<Line> {
    let together = rows.len().div_ceil(POINTS).max(1);
    let lines = values.into_iter().map(|(name, value)| {
        let points = rows.chunks(together).filter_map(|chunk| {
            let at = chunk.last()?.at_s;
            let highest = chunk.iter().filter_map(value).reduce(f64::max)?;
            Some((at, highest))
        });
        Line {
            name: name.to_owned(),
            points: points.collect(),
        }
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// Nothing where there is nothing to see.
fn chart(
    title: &'static str,
    words: Words,
    lines: Vec<Line>,
    rows: &[Row],
) -> Option<Chart<'static>> {
    let (first, last) = (rows.first()?.at_s, rows.last()?.at_s);
    let highest = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
    let highest = highest.reduce(f64::max)?;
    let x = Axis::exact(first.min(last - 1e-3), last);
    let ticks = Axis::linear(last - first).ticks();
    let ticks = ticks
        .into_iter()
        .map(|after| (first + after, format!("{} s", short(after))));
    Some(Chart {
        title,
        x,
        y: Axis::linear(highest),
        x_ticks: ticks.filter(|(at, _)| *at <= last).collect(),
        words,
        lines,
        marks: marks(rows),
    })
}

/// When each step began; where there are too many to read, when each round did.
fn marks(rows: &[Row]) -> Vec<(f64, String)> {
    let steps = starts(rows, |row| &row.step);
    if steps.len() <= MARKS {
        return steps;
    }
    starts(rows, |row| {
        row.step.split_once(": ").map_or("", |(round, _)| round)
    })
}

fn starts(rows: &[Row], name: impl Fn(&Row) -> &str) -> Vec<(f64, String)> {
    let parts = rows.chunk_by(|one, next| name(one) == name(next));
    let firsts = parts.filter_map(|rows| rows.first());
    firsts.map(|row| (row.at_s, name(row).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::report;

    #[test]
    fn a_curve_ends_where_nothing_more_is_known() {
        let chart = distribution(&report()).unwrap();
        let push = chart.lines.iter().find(|line| line.name == "push_latency");
        let push = &push.unwrap().points;
        assert!(
            push.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
            "{push:?}"
        );
        assert!(
            push.last().unwrap().0 <= 3.0,
            "a thousand values know no 99.99 %"
        );
        assert!(chart.x_ticks.iter().any(|(_, name)| name == "99 %"));
        assert!(chart.x_ticks.iter().all(|(_, name)| name != "99.99 %"));
    }

    #[test]
    fn what_changes_is_drawn() {
        let titles: Vec<_> = over_time(&report())
            .iter()
            .map(|chart| chart.title)
            .collect();
        assert_eq!(titles.len(), 5, "{titles:?}");
        let empty = Report::new("hold", serde_json::Value::Null);
        assert!(over_time(&empty).is_empty());
        assert!(distribution(&empty).is_none());
    }

    #[test]
    fn many_rows_are_drawn_together_by_their_highest() {
        let row = |second: u32| Row {
            at_s: f64::from(second),
            connected: i64::from(second % 100),
            ..Row::default()
        };
        let rows: Vec<_> = (0..10_000).map(row).collect();
        let value = |row: &Row| Some(row.connected as f64);
        let lines = lines([("pages", &value)], &rows);
        assert!(lines[0].points.len() <= POINTS);
        let highest = lines[0].points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
        assert_eq!(highest, 99.0);
    }
}
