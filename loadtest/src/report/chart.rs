//! Charts as SVG, drawn without help from anywhere: a report has to open offline.

use maud::{Markup, html};

/// The drawing, in its own units; the page scales it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 30.0;
/// Lines on an axis, about.
const TICKS: f64 = 5.0;
/// Points that can still be told apart, and hovered over.
const HOVERED: usize = 150;
/// Marks that can still be read.
pub(super) const MARKS: usize = 8;
/// Colours that the style sheet has.
const COLOURS: usize = 6;

/// From where to where an axis goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

/// How a value is written.
pub(super) type Words = fn(f64) -> String;

pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Ticks of the horizontal axis with what they are called.
    pub(super) x_ticks: Vec<(f64, String)>,
    pub(super) words: Words,
    pub(super) lines: Vec<Line>,
    /// Moments at which something else began.
    pub(super) marks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to something round above the highest value.
    pub(super) fn linear(highest: f64) -> Self {
        let step = step(highest);
        Self {
            low: 0.0,
            high: (highest / step).ceil().max(1.0) * step,
            log: false,
        }
    }

    /// Over whole decades.
    pub(super) fn log(lowest: f64, highest: f64) -> Self {
        let low = lowest.max(1e-9).log10().floor();
        let high = highest.max(1e-9).log10().ceil().max(low + 1.0);
        Self {
            low: 10f64.powf(low),
            high: 10f64.powf(high),
            log: true,
        }
    }

    /// Just so far: for an axis whose ticks are not numbers.
    pub(super) const fn exact(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            log: false,
        }
    }

    pub(super) const fn is_log(self) -> bool {
        self.log
    }

    /// Between 0 and 1.
    pub(super) fn place(self, value: f64) -> f64 {
        let place = if self.log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    pub(super) fn ticks(self) -> Vec<f64> {
        let step = step(self.high - self.low);
        let next = move |tick: &f64| Some(if self.log { tick * 10.0 } else { tick + step });
        // What is off by rounding alone is still a tick.
        let last = self.high * (1.0 + 1e-6);
        let ticks = std::iter::successors(Some(self.low), next);
        ticks.take_while(|tick| *tick <= last).collect()
    }
}

/// 1, 2 or 5 times a power of ten, so that a handful of them is this span.
fn step(span: f64) -> f64 {
    let rough = (span / TICKS).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|digit| digit * power >= rough - 1e-12);
    digit.unwrap_or(10.0) * power
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let label = format!("{}: {}", self.title, self.said());
        html! {
            figure class="chart" {
                figcaption {
                    span class="title" { (self.title) }
                    @if self.lines.len() > 1 {
                        ul class="legend" {
                            @for (index, line) in self.lines.iter().enumerate() {
                                li class=(colour(index)) { (line.name) }
                            }
                        }
                    }
                }
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                    (self.grid())
                    @for (index, line) in self.lines.iter().enumerate() { (self.line(index, line)) }
                }
            }
        }
    }

    /// The highest of each line, for who cannot see them.
    fn said(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let highest = line.points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
            format!("{} up to {}", line.name, (self.words)(highest))
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    fn grid(&self) -> Markup {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let few = self.marks.len() <= MARKS;
        html! {
            @for tick in self.y.ticks() {
                @let y = self.y_of(tick);
                line class="grid" x1=(LEFT) x2=(right) y1=(y) y2=(y) {}
                text class="tick end" x=(LEFT - 8.0) y=(y + 4.0) { ((self.words)(tick)) }
            }
            @for (at, name) in &self.x_ticks {
                @let x = self.x_of(*at);
                line class="grid faint" x1=(x) x2=(x) y1=(TOP) y2=(bottom) {}
                text class="tick middle" x=(x) y=(bottom + 20.0) { (name) }
            }
            @for (at, name) in &self.marks {
                @let x = self.x_of(*at);
                line class="mark" x1=(x) x2=(x) y1=(TOP - 8.0) y2=(bottom) { title { (name) } }
                @if few { text class="step" x=(x + 3.0) y=(TOP - 8.0) { (name) } }
            }
        }
    }

    fn line(&self, index: usize, line: &Line) -> Markup {
        let places: Vec<_> = line
            .points
            .iter()
            .map(|(x, y)| (self.x_of(*x), self.y_of(*y)))
            .collect();
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let hovered = line.points.len() <= HOVERED;
        html! {
            g class=(colour(index)) {
                polyline class="line" points=(path.join(" ")) {}
                @if hovered {
                    @for ((x, y), (_, value)) in places.iter().zip(&line.points) {
                        circle class="dot" cx=(x) cy=(y) r="6" {
                            title { (line.name) " " ((self.words)(*value)) }
                        }
                    }
                }
            }
        }
    }

    fn x_of(&self, value: f64) -> f64 {
        tenth(LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT))
    }

    fn y_of(&self, value: f64) -> f64 {
        tenth(HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM))
    }
}

/// As fine as anybody sees.
pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn colour(index: usize) -> String {
    format!("c{}", index % COLOURS)
}

/// `150 µs`, `2.5 ms`, `1.2 s`, from milliseconds.
pub(super) fn time(ms: f64) -> String {
    match ms {
        ms if ms <= 0.0 => "0".to_owned(),
        ms if ms < 0.9995 => format!("{} µs", short(ms * 1e3)),
        ms if ms < 999.5 => format!("{} ms", short(ms)),
        ms => format!("{} s", short(ms / 1e3)),
    }
}

/// `1.3 KB`, `20 MB`, from bytes.
pub(super) fn bytes(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{} B", short(value)),
        value if value < 999.5e3 => format!("{} KB", short(value / 1e3)),
        value if value < 999.5e6 => format!("{} MB", short(value / 1e6)),
        value => format!("{} GB", short(value / 1e9)),
    }
}

/// Three digits, without zeros that say nothing.
pub(super) fn short(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 99.95 => return grouped(value.round()),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `15 000`.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("−{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_over_the_highest() {
        for (highest, ticks) in [
            (0.0, vec![0.0]),
            (7.0, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            (100.0, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (0.3, vec![0.0, 0.1, 0.2, 0.3]),
        ] {
            let axis = Axis::linear(highest);
            let found: Vec<_> = axis
                .ticks()
                .iter()
                .map(|tick| (tick * 1e6).round() / 1e6)
                .collect();
            assert_eq!(found[..ticks.len()], ticks, "{highest}");
            assert!(axis.high >= highest);
        }
    }

    #[test]
    fn decades_are_whole() {
        let axis = Axis::log(0.15, 230.0);
        assert_eq!(axis.ticks().len(), 5);
        assert!((axis.place(0.1)).abs() < 1e-9);
        assert!((axis.place(10.0) - 0.5).abs() < 1e-9);
        assert_eq!(
            axis.place(0.0),
            0.0,
            "what is off the axis lies on its edge"
        );
        assert_eq!(Axis::log(1.0, 1.0).ticks().len(), 2);
    }

    #[test]
    fn a_drawing_stays_within_its_frame() {
        let chart = Chart {
            title: "t",
            x: Axis::exact(0.0, 10.0),
            y: Axis::linear(5.0),
            x_ticks: vec![(0.0, "0".to_owned())],
            words: short,
            lines: vec![Line {
                name: "a & b".to_owned(),
                points: vec![(-1.0, 9.0), (11.0, -9.0)],
            }],
            marks: Vec::new(),
        };
        let svg = chart.draw().into_string();
        assert!(svg.contains(r#"points="64,22 734,210""#), "{svg}");
        assert!(svg.contains("a &amp; b"), "{svg}");
    }

    #[test]
    fn values_read_well() {
        assert_eq!(time(0.1523), "152 µs");
        assert_eq!(time(2.5), "2.5 ms");
        assert_eq!(time(1006.0), "1.01 s");
        assert_eq!(bytes(719.0), "719 B");
        assert_eq!(bytes(19_900.0), "19.9 KB");
        assert_eq!(bytes(2e7), "20 MB");
        assert_eq!(short(15_000.0), "15\u{202f}000");
        assert_eq!(short(0.0), "0");
        assert_eq!(short(-1234.0), "−1\u{202f}234");
    }
}
