//! Push, long poll and polling side by side.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::chart::{bytes, short, time};

/// The drawing: a panel for each figure.
const PANEL: f64 = 280.0;
const GAP: f64 = 20.0;
const HEAD: f64 = 46.0;
const BAR: f64 = 14.0;
const ROW: f64 = 44.0;
/// A bar that would be too short to see.
const LEAST: f64 = 2.0;
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1c2430}.head{font-weight:600;font-size:14px}.sub,.ratio{fill:#5c6675}\
.end{text-anchor:end}.track{fill:#e9edf2}.bar{fill:#d9480f}.push{fill:#2563eb}\
@media(prefers-color-scheme:dark){text{fill:#e6e9ef}.sub,.ratio{fill:#9aa4b2}.track{fill:#2b3340}.bar{fill:#ff922b}\
.push{fill:#6ea8fe}}";

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Seconds of processor in a minute.
    Cpu,
    /// Microseconds.
    Latency,
    /// Bytes.
    Memory,
}

/// The figures of each way; the first is the one that the others are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) pages: f64,
    pub(crate) ways: Vec<Column>,
}

/// One way's figures; those that were not measured are absent.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) figures: Vec<(Kind, f64)>,
}

/// A way's name and figure, and how often that is the first way's.
type Way<'a> = (&'a str, f64, Option<f64>);

impl Kind {
    const ALL: [Self; 3] = [Self::Latency, Self::Cpu, Self::Memory];

    const fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU while pages wait",
            Self::Latency => "Confirmed → the page knows",
            Self::Memory => "Memory per waiting page",
        }
    }

    fn subtitle(self, pages: f64) -> String {
        match self {
            Self::Cpu => format!("gateway, {} pages, seconds in a minute", short(pages)),
            Self::Latency => format!("median, {} more pages waiting", short(pages)),
            Self::Memory => "gateway, user space".to_owned(),
        }
    }

    fn words(self, value: f64) -> String {
        match self {
            Self::Cpu => format!("{} s", short(value)),
            Self::Latency => time(value / 1e3),
            Self::Memory => bytes(value),
        }
    }
}

impl Comparison {
    /// Each way's figure of that kind, and how often it is the first way's.
    fn of(&self, kind: Kind) -> Vec<Way<'_>> {
        let found = self.ways.iter().filter_map(|way| {
            let figure = way.figures.iter().find(|(known, _)| *known == kind)?;
            Some((way.name.as_str(), figure.1))
        });
        let found: Vec<_> = found.collect();
        let first = self.ways.first().map(|way| way.name.as_str());
        let base = found.iter().find(|(name, _)| Some(*name) == first);
        let base = base.map(|(_, value)| *value).filter(|value| *value > 0.0);
        let ratio = |name, value: f64| {
            base.filter(|_| Some(name) != first)
                .map(|base| value / base)
        };
        found
            .into_iter()
            .map(|(name, value)| (name, value, ratio(name, value)))
            .collect()
    }

    /// For a terminal.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        for kind in Kind::ALL {
            let ways = self.of(kind);
            if ways.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{} ({})", kind.title(), kind.subtitle(self.pages));
            for (name, value, ratio) in ways {
                let ratio = ratio.map_or_else(String::new, |ratio| format!("{} ×", short(ratio)));
                let _ = writeln!(out, "  {name:<22}{:>12}{ratio:>12}", kind.words(value));
            }
        }
        out
    }

    /// For a file of its own.
    pub(crate) fn svg(&self) -> String {
        let svg = self.draw().into_string();
        let (width, height) = self.size();
        // Within a page language and size are known; a file has to say them.
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" "
        );
        svg.replacen("<svg ", &head, 1) + "\n"
    }

    fn panels(&self) -> Vec<(Kind, Vec<Way<'_>>)> {
        let panels = Kind::ALL.iter().map(|kind| (*kind, self.of(*kind)));
        panels.filter(|(_, ways)| !ways.is_empty()).collect()
    }

    fn size(&self) -> (f64, f64) {
        let panels = self.panels();
        let width = panels.len() as f64 * (PANEL + GAP) - GAP;
        let rows = panels.iter().map(|(_, ways)| ways.len()).max().unwrap_or(0);
        (width.max(PANEL), HEAD + rows as f64 * ROW)
    }

    pub(super) fn draw(&self) -> Markup {
        let (width, height) = self.size();
        let label = self.table().replace('\n', "; ");
        html! {
            svg class="comparison" viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) {
                style { (PreEscaped(STYLE)) }
                @for (index, (kind, ways)) in self.panels().iter().enumerate() {
                    (self.panel(index as f64 * (PANEL + GAP), *kind, ways))
                }
            }
        }
    }

    fn panel(&self, left: f64, kind: Kind, ways: &[Way<'_>]) -> Markup {
        let longest = ways.iter().map(|(_, value, _)| *value).fold(1e-9, f64::max);
        let right = left + PANEL;
        html! {
            text class="head" x=(left) y="16" { (kind.title()) }
            text class="sub" x=(left) y="34" { (kind.subtitle(self.pages)) }
            @for (row, (name, value, ratio)) in ways.iter().enumerate() {
                @let top = HEAD + row as f64 * ROW;
                @let length = (value / longest * PANEL).max(LEAST);
                text x=(left) y=(top + 15.0) { (name) }
                text class="end" x=(right) y=(top + 15.0) {
                    (kind.words(*value))
                    @if let Some(ratio) = ratio { tspan class="ratio" dx="8" { (short(*ratio)) " ×" } }
                }
                rect class="track" x=(left) y=(top + 22.0) width=(PANEL) height=(BAR) rx="3" {}
                rect class=(if row == 0 { "push" } else { "bar" })
                    x=(left) y=(top + 22.0) width=(format!("{length:.1}")) height=(BAR) rx="3" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::sample::comparison;

    #[test]
    fn ratios_are_to_the_first() {
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
    fn what_was_not_measured_is_not_drawn() {
        let mut comparison = comparison();
        for way in &mut comparison.ways {
            way.figures.truncate(1);
        }
        assert!(!comparison.table().contains("Memory"));
        assert!(!comparison.svg().contains("Memory"));
    }

    #[test]
    fn the_file_stands_alone() {
        let svg = comparison().svg();
        assert!(svg.starts_with("<svg xmlns="), "{svg}");
        assert_eq!(svg.matches("class=\"track\"").count(), 8);
        assert_eq!(svg.matches("http").count(), 1, "nothing is fetched");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}
