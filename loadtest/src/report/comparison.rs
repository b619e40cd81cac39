//! Push, long poll and polling side by side.

use std::fmt::Write as _;

use super::{
    chart::{bytes, short, time},
    words::Language,
};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Microseconds.
    Latency,
    /// Seconds of processor in a minute.
    Cpu,
    /// Bytes.
    Memory,
}

/// How a page hears of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Design {
    /// What the others are compared with.
    Push,
    LongPoll,
    Poll,
}

/// The figures of each design; those that were not measured are absent.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(super) pages: f64,
    /// Polling pages ask so often.
    pub(super) every_s: f64,
    figures: Vec<(Kind, Row)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) design: Design,
    pub(super) value: f64,
    /// How often that is push's figure; nothing for push itself.
    pub(super) ratio: Option<f64>,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Latency, Self::Cpu, Self::Memory];

    /// What a design's figure is called after its name, as in `push_bytes_per_page`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency_p50_us",
            Self::Cpu => "cpu_s_per_minute",
            Self::Memory => "bytes_per_page",
        }
    }

    pub(super) fn with_unit(self, value: f64) -> String {
        match self {
            Self::Latency => time(value / 1e3),
            Self::Cpu => format!("{} s", short(value)),
            Self::Memory => bytes(value),
        }
    }
}

impl Design {
    const ALL: [Self; 3] = [Self::Push, Self::LongPoll, Self::Poll];

    /// What its figures begin with.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::LongPoll => "long_poll",
            Self::Poll => "poll",
        }
    }
}

impl Comparison {
    /// Of a report's values, by their names.
    pub(crate) fn new(pages: f64, every_s: f64, value: impl Fn(&str) -> Option<f64>) -> Self {
        let mut figures = Vec::new();
        for kind in Kind::ALL {
            let value = |design: Design| value(&format!("{}_{}", design.name(), kind.name()));
            let push = value(Design::Push).filter(|push| *push > 0.0);
            for design in Design::ALL {
                let Some(value) = value(design) else {
                    continue;
                };
                let ratio = push.filter(|_| design != Design::Push);
                let ratio = ratio.map(|push| value / push);
                let row = Row {
                    design,
                    value,
                    ratio,
                };
                figures.push((kind, row));
            }
        }
        Self {
            pages,
            every_s,
            figures,
        }
    }

    pub(super) fn rows(&self, kind: Kind) -> Vec<Row> {
        let rows = self.figures.iter().filter(|(known, _)| *known == kind);
        rows.map(|(_, row)| *row).collect()
    }

    /// The kinds that were measured, with their rows.
    pub(super) fn panels(&self) -> Vec<(Kind, Vec<Row>)> {
        let panels = Kind::ALL.map(|kind| (kind, self.rows(kind)));
        panels
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .collect()
    }

    /// For a terminal.
    pub(super) fn table(&self) -> String {
        let words = Language::English;
        let mut out = words.heading(self.pages) + "\n";
        for (kind, rows) in self.panels() {
            let _ = writeln!(out, "{} ({})", words.title(kind), words.note(kind));
            for row in rows {
                let name = words.design(row.design, self.every_s);
                let ratio = row.ratio.map(|ratio| format!("{} ×", short(ratio)));
                let (value, ratio) = (kind.with_unit(row.value), ratio.unwrap_or_default());
                let _ = writeln!(out, "  {name:<22}{value:>12}{ratio:>12}");
            }
        }
        out
    }
}

/// How often, as one would say it: two digits.
pub(super) fn times(ratio: f64) -> String {
    if !ratio.is_finite() || ratio <= 0.0 {
        return short(0.0);
    }
    let power = 10f64.powf(ratio.log10().floor() - 1.0);
    short((ratio / power).round() * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::comparison;

    #[test]
    fn ratios_are_to_push() {
        let table = comparison().table();
        for part in [
            "push",
            "0.46 s",
            "7.15 s",
            "15.5 ×",
            "6\u{202f}288 ×",
            "719 B",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert_eq!(table.matches('×').count(), 5, "{table}");
    }

    #[test]
    fn without_push_there_is_nothing_to_compare_with() {
        let alone = Comparison::new(10.0, 2.0, |name| {
            (name == "poll_cpu_s_per_minute").then_some(7.0)
        });
        assert_eq!(alone.panels().len(), 1);
        assert_eq!(alone.rows(Kind::Cpu)[0].ratio, None);
    }

    #[test]
    fn a_ratio_is_said_with_two_digits() {
        for (ratio, said) in [
            (6287.5, "6\u{202f}300"),
            (996.0, "1\u{202f}000"),
            (15.54, "16"),
            (7.25, "7.3"),
            (2.02, "2"),
            (0.864, "0.86"),
            (0.0, "0"),
        ] {
            assert_eq!(times(ratio), said);
        }
    }
}
