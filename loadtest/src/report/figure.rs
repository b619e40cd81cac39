//! The comparison as a drawing that stands alone: light and dark, without script, font or anything else from elsewhere.

use maud::{Markup, PreEscaped, html};

use super::{
    Kind,
    chart::{Axis, tenth},
    comparison::{Comparison, Row},
    words::Language,
};

/// The drawing, in its own units; letters stay readable at half of it, on a phone.
const WIDTH: f64 = 720.0;
const EDGE: f64 = 24.0;
const HEAD: f64 = 66.0;
/// A panel: its title, its rows, and what is between it and the next.
const TITLE: f64 = 30.0;
const ROW: f64 = 30.0;
const GAP: f64 = 30.0;
/// Numbers below the axis that is not even.
const TICKS: f64 = 18.0;
/// Names are before the bars, figures behind them.
const BARS: f64 = 176.0;
const LONGEST: f64 = 322.0;
const BAR: f64 = 18.0;
/// A bar that would be too short to see.
const LEAST: f64 = 3.0;
const STYLE: &str = "\
.comparison text{font:16px system-ui,-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',\
sans-serif;fill:#1f2328}.comparison .head{font-size:20px;font-weight:600}.comparison .title,.comparison .value\
{font-weight:600}.comparison .note,.comparison .ratio{fill:#59636e;font-weight:400}.comparison .tick\
{font-size:12px;fill:#59636e;text-anchor:middle}.comparison .card{fill:#f6f8fa;stroke:#d1d9e0}\
.comparison .grid{stroke:#d1d9e0}.comparison .told{paint-order:stroke;stroke:#f6f8fa;stroke-width:6px;\
stroke-linejoin:round}.comparison .bar{fill:#9aa5b1}.comparison .push{fill:#07a35a}\
@media(prefers-color-scheme:dark){.comparison text{fill:#f0f6fc}.comparison .note,.comparison .ratio,\
.comparison .tick{fill:#9198a1}.comparison .card{fill:#151b23;stroke:#3d444d}.comparison .grid{stroke:#3d444d}\
.comparison .told{stroke:#151b23}.comparison .bar{fill:#656f7b}.comparison .push{fill:#2dba75}}";

/// A panel has its place, and a measure for its bars.
struct Panel {
    kind: Kind,
    rows: Vec<Row>,
    top: f64,
    axis: Axis,
}

impl Comparison {
    /// As a file.
    pub(super) fn svg(&self, language: Language) -> String {
        self.draw(language).into_string() + "\n"
    }

    pub(super) fn draw(&self, words: Language) -> Markup {
        let mut top = HEAD;
        let panels = self.panels().into_iter().map(|(kind, rows)| {
            let panel = Panel::new(kind, rows, top);
            top += panel.height() + GAP;
            panel
        });
        let panels: Vec<_> = panels.collect();
        let height = top - GAP + EDGE;
        html! {
            svg class="comparison" xmlns="http://www.w3.org/2000/svg" lang=(words.code()) width=(WIDTH) height=(height)
                viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
                aria-labelledby="comparison-title" aria-describedby="comparison-figures" {
                title id="comparison-title" { (words.heading(self.pages)) }
                desc id="comparison-figures" { (self.said(words)) }
                style { (PreEscaped(STYLE)) }
                rect class="card" x="0.5" y="0.5" width=(WIDTH - 1.0) height=(height - 1.0) rx="12" {}
                text class="head" x=(EDGE) y="40" { (words.heading(self.pages)) }
                @for panel in &panels { (panel.draw(words, self.every_s)) }
            }
        }
    }

    /// All figures, for who cannot see them.
    fn said(&self, words: Language) -> String {
        let (comma, colon, stop) = words.marks();
        let panels = self.panels().into_iter().map(|(kind, rows)| {
            let rows = rows.iter().map(|row| {
                let name = words.design(row.design, self.every_s);
                let figure = format!("{name} {}", kind.with_unit(row.value));
                let ratio = row.ratio.map(|ratio| words.ratio(kind, ratio));
                let all = [Some(figure), ratio.map(|ratio| format!("({ratio})"))];
                all.into_iter().flatten().collect::<Vec<_>>().join(" ")
            });
            let rows = rows.collect::<Vec<_>>().join(comma);
            format!("{}{colon}{rows}", words.title(kind))
        });
        panels.collect::<Vec<_>>().join(stop)
    }
}

impl Panel {
    fn new(kind: Kind, rows: Vec<Row>, top: f64) -> Self {
        let values = rows.iter().map(|row| row.value);
        let highest = values.clone().fold(0.0, f64::max);
        let axis = match kind {
            // Thousands of times: on an even axis all but one would be nothing.
            Kind::Latency => Axis::log(values.fold(highest, f64::min), highest),
            Kind::Cpu | Kind::Memory => Axis::exact(0.0, highest.max(f64::MIN_POSITIVE)),
        };
        Self {
            kind,
            rows,
            top,
            axis,
        }
    }

    fn height(&self) -> f64 {
        let ticks = if self.axis.is_log() { TICKS } else { 0.0 };
        TITLE - (ROW - BAR) + self.rows.len() as f64 * ROW + ticks
    }

    fn draw(&self, words: Language, every_s: f64) -> Markup {
        let title = self.top + 14.0;
        html! {
            text class="title" x=(EDGE) y=(title) {
                (words.title(self.kind)) tspan class="note" dx="10" { (words.note(self.kind)) }
            }
            @if self.axis.is_log() { (self.ticks()) }
            @for (index, row) in self.rows.iter().enumerate() {
                @let y = self.top + TITLE + index as f64 * ROW;
                @let length = tenth((self.axis.place(row.value) * LONGEST).max(LEAST));
                text x=(EDGE) y=(y + 14.5) { (words.design(row.design, every_s)) }
                rect class=(if row.ratio.is_none() { "push" } else { "bar" })
                    x=(BARS) y=(y) width=(length) height=(BAR) rx="3" {}
                text class="value told" x=(tenth(BARS + length + 9.0)) y=(y + 14.5) {
                    (self.kind.with_unit(row.value))
                    @if let Some(ratio) = row.ratio {
                        tspan class="ratio" dx="9" { (words.ratio(self.kind, ratio)) }
                    }
                }
            }
        }
    }

    fn ticks(&self) -> Markup {
        let from = self.top + TITLE - 5.0;
        let to = self.top + self.height() - TICKS + 5.0;
        html! {
            @for tick in self.axis.ticks() {
                @let x = tenth(BARS + self.axis.place(tick) * LONGEST);
                line class="grid" x1=(x) x2=(x) y1=(from) y2=(to) {}
                text class="tick" x=(x) y=(to + 14.0) { (self.kind.with_unit(tick)) }
            }
        }
    }
}
