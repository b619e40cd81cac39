//! What the doctor found, for people and for scripts.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::code::Locale;

/// What is known about one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it must be.
    Right,
    /// A login will fail on it.
    Wrong,
    /// It works, and something safer does too.
    Weak,
    /// It cannot be told from here.
    Unknown,
}

/// One item.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Its name, the same in every language and release.
    pub(super) item: &'static str,
    pub(super) verdict: Verdict,
    pub(super) message: String,
}

/// All of them, in the order in which they were looked at.
pub(super) struct Report {
    locale: Locale,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Json<'a> {
    ok: bool,
    version: &'static str,
    items: &'a [Finding],
}

impl Report {
    pub(super) const fn new(locale: Locale) -> Self {
        Self {
            locale,
            findings: Vec::new(),
        }
    }

    pub(super) const fn locale(&self) -> Locale {
        self.locale
    }

    /// An empty one in the same language, for what is looked at beside other things.
    pub(super) const fn part(&self) -> Self {
        Self::new(self.locale)
    }

    /// Adds what another one found.
    pub(super) fn append(&mut self, part: Self) {
        self.findings.extend(part.findings);
    }

    /// Adds an item in the language asked for.
    pub(super) fn add(
        &mut self,
        item: &'static str,
        verdict: Verdict,
        zh: impl fmt::Display,
        en: impl fmt::Display,
    ) {
        let message = match self.locale {
            Locale::ZhCn => zh.to_string(),
            Locale::En => en.to_string(),
        };
        self.findings.push(Finding {
            item,
            verdict,
            message,
        });
    }

    /// Nothing is wrong.
    pub(super) fn is_ok(&self) -> bool {
        self.count(Verdict::Wrong) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        let found = self.findings.iter();
        found.filter(|finding| finding.verdict == verdict).count()
    }

    /// One line of JSON.
    pub(super) fn json(&self) -> String {
        let json = Json {
            ok: self.is_ok(),
            version: env!("CARGO_PKG_VERSION"),
            items: &self.findings,
        };
        // Strings always have a JSON form.
        serde_json::to_string(&json).unwrap_or_default()
    }

    /// One line for each item, and the sum.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let mark = match finding.verdict {
                Verdict::Right => "✓",
                Verdict::Wrong => "✗",
                Verdict::Weak => "!",
                Verdict::Unknown => "?",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark} {:<22} {}", finding.item, finding.message);
        }
        let [right, wrong, weak, unknown] = [
            Verdict::Right,
            Verdict::Wrong,
            Verdict::Weak,
            Verdict::Unknown,
        ]
        .map(|verdict| self.count(verdict));
        let _ = match self.locale {
            Locale::ZhCn => writeln!(
                text,
                "\n正确 {right}，错误 {wrong}，可加强 {weak}，无法判断 {unknown}"
            ),
            Locale::En => writeln!(
                text,
                "\n{right} right, {wrong} wrong, {weak} weak, {unknown} that cannot be known"
            ),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_speaks_to_people_and_to_scripts() {
        let mut report = Report::new(Locale::En);
        report.add("clock", Verdict::Right, "对", "fine");
        report.add("origins", Verdict::Unknown, "不知", "who knows");
        assert!(report.is_ok());
        report.add("secret", Verdict::Wrong, "错", "it is wrong");
        assert!(!report.is_ok());
        let text = report.text();
        assert!(
            text.contains("✗ secret                 it is wrong\n"),
            "{text}"
        );
        assert!(text.ends_with("\n1 right, 1 wrong, 0 weak, 1 that cannot be known\n"));
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["items"][1]["verdict"], "unknown");
        assert_eq!(json["items"][2]["message"], "it is wrong");
        let mut report = Report::new(Locale::ZhCn);
        report.add("clock", Verdict::Weak, "偏差", "off");
        assert!(report.text().contains("! clock                  偏差"));
    }
}
