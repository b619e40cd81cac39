//! The comparison as a drawing that stands alone: light and dark, without script, font or anything else from elsewhere.

use maud::{Markup, PreEscaped, html};

use super::{
    Kind,
    chart::{Axis, tenth},
    comparison::{Comparison, Design, Row},
    words::Language,
};

/// The drawing, in its own units; letters stay readable at half of it, on a phone.
const WIDTH: f64 = 640.0;
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
const LONGEST: f64 = 200.0;
const BAR: f64 = 18.0;
/// A bar that would be too short to see.
const LEAST: f64 = 3.0;
const STYLE: &str = "\
.comparison text{font:16px system-ui,-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',\
sans-serif;fill:#1f2328}.comparison .head{font-size:20px;font-weight:600}.comparison .title,.comparison .value\
{font-weight:600}.comparison .note{fill:#59636e;font-weight:400}.comparison .ratio{fill:#bc4c00}.comparison .tick\
{font-size:13px;fill:#59636e;text-anchor:middle}.comparison .card{fill:#f6f8fa;stroke:#d1d9e0}\
.comparison .grid{stroke:#d1d9e0}.comparison .told{paint-order:stroke;stroke:#f6f8fa;stroke-width:6px;\
stroke-linejoin:round}.comparison .bar{fill:#9aa5b1}.comparison .push{fill:#07a35a}\
@media(prefers-color-scheme:dark){.comparison text{fill:#f0f6fc}.comparison .note,.comparison .tick{fill:#9198a1}\
.comparison .ratio{fill:#f0883e}.comparison .card{fill:#151b23;stroke:#3d444d}.comparison .grid{stroke:#3d444d}\
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
                rect class=(if row.design == Design::Push { "push" } else { "bar" })
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
            @for (index, tick) in self.axis.ticks().into_iter().enumerate() {
                @let x = tenth(BARS + self.axis.place(tick) * LONGEST);
                line class="grid" x1=(x) x2=(x) y1=(from) y2=(to) {}
                // Every other one is named: there is room for so many.
                @if index % 2 == 0 { text class="tick" x=(x) y=(to + 14.0) { (self.kind.with_unit(tick)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, events::Event};

    use super::*;
    use crate::report::sample::comparison;

    /// The text of a drawing, which must be XML that an image may be.
    fn read(svg: &str) -> String {
        let mut reader = Reader::from_str(svg);
        let (mut depth, mut text) = (0, String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) => {
                    tag.attributes()
                        .for_each(|attribute| drop(attribute.unwrap()));
                    depth += 1;
                }
                Event::End(_) => {
                    depth -= 1;
                    text.push('\n');
                }
                Event::Text(part) => text.push_str(&part),
                Event::Eof => break,
                other => panic!("{other:?} in a drawing"),
            }
        }
        assert_eq!(depth, 0, "{svg}");
        text
    }

    #[test]
    fn the_file_is_xml_and_states_all_figures() {
        let text = read(&comparison().svg(Language::English));
        for part in [
            "15\u{202f}000 login pages",
            "160 µs",
            "1.01 s",
            "6\u{202f}300× later",
            "0.46 s",
            "16× the CPU",
            "719 B",
            "10.9 KB",
            "15× the memory",
        ] {
            assert!(
                text.matches(part).count() >= 2,
                "{part} is not both drawn and said in\n{text}"
            );
        }
        let text = read(&comparison().svg(Language::Chinese));
        for part in [
            "15\u{202f}000 个登录页",
            "推送的 6\u{202f}300 倍",
            "每 2 秒轮询",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("polling"), "{text}");
    }

    #[test]
    fn the_file_stands_alone() {
        let svg = comparison().svg(Language::English);
        assert!(svg.starts_with("<svg "), "{svg}");
        assert!(svg.contains("@media(prefers-color-scheme:dark)"));
        assert!(svg.contains(r#"role="img""#) && svg.contains("<desc "));
        assert_eq!(svg.matches("http").count(), 1, "nothing is fetched: {svg}");
        for part in ["<script", "href", "url(", "@import", "@font-face", "<image"] {
            assert!(!svg.contains(part), "{part}");
        }
    }

    #[test]
    fn the_same_figures_are_the_same_file() {
        assert_eq!(
            comparison().svg(Language::English),
            comparison().svg(Language::English)
        );
    }

    #[test]
    fn what_was_not_measured_is_not_drawn() {
        let latency = Comparison::new(10.0, 2.0, |name| {
            name.ends_with("latency_p50_us").then_some(300.0)
        });
        let svg = latency.svg(Language::English);
        assert!(!svg.contains("Memory") && !svg.contains("CPU"), "{svg}");
        assert_eq!(svg.matches("the same").count(), 4, "drawn and said: {svg}");
        let nothing = Comparison::new(10.0, 2.0, |_| None);
        assert!(read(&nothing.svg(Language::English)).contains("10 login pages"));
    }

    #[test]
    fn bars_and_their_ends_stay_within_the_drawing() {
        let value = |name: &str| Some(if name.starts_with("push") { 0.0 } else { 1e9 });
        let svg = Comparison::new(1e6, 2.0, value).svg(Language::English);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains(&format!("width=\"{LEAST}\"")), "{svg}");
        assert!(svg.contains(&format!("width=\"{LONGEST}\"")), "{svg}");
    }
}
