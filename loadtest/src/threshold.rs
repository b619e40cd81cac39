//! Rules that a run must keep, in the words of k6: `authorized:p(99)<50ms`, `errors<1`.

use std::{fmt, str::FromStr};

use anyhow::bail;

use crate::report::Report;

/// What a scenario measures: latencies by phase, and single values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The scenario's.
    pub(crate) name: &'static str,
    pub(crate) phases: &'static [&'static str],
    pub(crate) values: &'static [&'static str],
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threshold {
    text: String,
    name: String,
    stat: Option<Stat>,
    below: bool,
    or_equal: bool,
    /// Microseconds for a phase, else the plain number.
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stat {
    Min,
    Mean,
    Max,
    Count,
    Percentile(f64),
}

/// How a rule fared.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Verdict {
    pub(crate) rule: String,
    /// Microseconds, or the plain number; absent when nothing was measured, which breaks the rule.
    found: Option<f64>,
    pub(crate) ok: bool,
    #[serde(skip)]
    timed: bool,
}

impl Verdict {
    pub(crate) fn new(rule: &str, found: Option<f64>, ok: bool, timed: bool) -> Self {
        Self {
            rule: rule.to_owned(),
            found,
            ok,
            timed,
        }
    }

    /// What was found, in words.
    pub(crate) fn found(&self) -> String {
        match self.found {
            None => "not measured".to_owned(),
            Some(us) if self.timed => format!("{:.3} ms", us / 1e3),
            Some(value) => format!("{value:.3}"),
        }
    }
}

impl FromStr for Threshold {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some(at) = text.find(['<', '>']) else {
            bail!("a rule compares by <, <=, > or >=, such as `authorized:p(99)<50ms`");
        };
        let (left, right) = text.split_at(at);
        let below = right.starts_with('<');
        let right = &right[1..];
        let or_equal = right.starts_with('=');
        let right = right.trim_start_matches('=').trim();
        let (name, stat) = match left.trim().split_once(':') {
            Some((name, stat)) => (name, Some(stat.parse()?)),
            None => (left.trim(), None),
        };
        let timed = stat.is_some_and(|stat| stat != Stat::Count);
        let (number, unit) = right.split_at(
            right
                .find(|c: char| c.is_ascii_alphabetic() || c == 'µ')
                .unwrap_or(right.len()),
        );
        let factor = match (timed, unit) {
            (true, "us" | "µs") | (false, "") => 1.0,
            (true, "" | "ms") => 1e3,
            (true, "s") => 1e6,
            _ => bail!(
                "`{unit}` is no unit here; latencies take us, ms (the default) or s, others none"
            ),
        };
        let Ok(number) = number.trim().parse::<f64>() else {
            bail!("`{right}` is not a number");
        };
        Ok(Self {
            text: text.to_owned(),
            name: name.to_owned(),
            stat,
            below,
            or_equal,
            limit: number * factor,
        })
    }
}

impl FromStr for Stat {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text.trim() {
            "min" => Self::Min,
            "mean" | "avg" => Self::Mean,
            "max" => Self::Max,
            "count" => Self::Count,
            "med" => Self::Percentile(50.0),
            other => {
                let number = other
                    .strip_prefix('p')
                    .map(|rest| rest.trim_matches(['(', ')']));
                match number.and_then(|number| number.parse::<f64>().ok()) {
                    Some(p) if (0.0..=100.0).contains(&p) => Self::Percentile(p),
                    _ => {
                        bail!("`{other}` is no statistic; use min, mean, med, max, count or p(99)")
                    }
                }
            }
        })
    }
}

impl Threshold {
    /// # Errors
    /// When the scenario measures nothing of that name: a rule that cannot break guards nothing.
    pub(crate) fn check_name(&self, names: Names) -> anyhow::Result<()> {
        let known = if self.stat.is_some() {
            names.phases
        } else {
            names.values
        };
        if known.contains(&self.name.as_str()) {
            return Ok(());
        }
        bail!(
            "threshold `{self}`: {} here, with a statistic: {}; without: {}",
            "what can be judged",
            names.phases.join(", "),
            names.values.join(", ")
        );
    }

    /// Whether this rule decides how many errors are too many.
    pub(crate) fn judges_errors(&self) -> bool {
        matches!(self.name.as_str(), "errors" | "error_rate")
    }

    pub(crate) fn judge(&self, report: &Report) -> Verdict {
        let found = match self.stat {
            None => report.value(&self.name),
            Some(stat) => report.stats.phase(&self.name).map(|phase| match stat {
                Stat::Min => phase.min() as f64,
                Stat::Mean => phase.mean(),
                Stat::Max => phase.max() as f64,
                Stat::Count => phase.len() as f64,
                Stat::Percentile(p) => phase.value_at_quantile(p / 100.0) as f64,
            }),
        };
        let ok = found.is_some_and(|found| {
            (self.or_equal && found == self.limit)
                || if self.below {
                    found < self.limit
                } else {
                    found > self.limit
                }
        });
        let timed = self.stat.is_some_and(|stat| stat != Stat::Count);
        Verdict::new(&self.text, found, ok, timed)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let mut report = Report::new("login", serde_json::Value::Null);
        for ms in [10, 20, 30, 40, 100] {
            report.stats.record("authorized", Duration::from_millis(ms));
        }
        report.set("bytes_per_page", 1300.0);
        report
    }

    fn holds(rule: &str) -> bool {
        rule.parse::<Threshold>().unwrap().judge(&report()).ok
    }

    #[test]
    fn latencies_are_compared_in_their_unit() {
        assert!(holds("authorized:p(50)<31ms"));
        assert!(holds("authorized:p50<31"));
        assert!(!holds("authorized:p(99)<50ms"));
        assert!(holds("authorized:max<0.2s"));
        assert!(holds("authorized:min>9000us"));
        assert!(holds("authorized:mean<=41 ms"));
        assert!(holds("authorized:count>=5"));
    }

    #[test]
    fn values_are_compared_as_they_are() {
        assert!(holds("bytes_per_page<1301"));
        assert!(holds("bytes_per_page<=1300"));
        assert!(!holds("bytes_per_page<1300"));
        assert!(holds("errors<1"));
    }

    #[test]
    fn what_was_not_measured_breaks_the_rule() {
        assert!(!holds("redeem:p(99)<1s"));
        assert!(!holds("cpu_us_per_login<1000"));
    }

    #[test]
    fn nonsense_is_refused() {
        for rule in [
            "authorized",
            "authorized:p(101)<1",
            "authorized:p(99)<1h",
            "errors<1ms",
            "a:b<1",
            "x<",
        ] {
            assert!(rule.parse::<Threshold>().is_err(), "{rule}");
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        let names = Names {
            name: "login",
            phases: &["authorized"],
            values: &["errors"],
        };
        assert!(
            "authorized:p(99)<1"
                .parse::<Threshold>()
                .unwrap()
                .check_name(names)
                .is_ok()
        );
        assert!(
            "errors<1"
                .parse::<Threshold>()
                .unwrap()
                .check_name(names)
                .is_ok()
        );
        assert!(
            "authorised:p(99)<1"
                .parse::<Threshold>()
                .unwrap()
                .check_name(names)
                .is_err()
        );
        assert!(
            "authorized<1"
                .parse::<Threshold>()
                .unwrap()
                .check_name(names)
                .is_err()
        );
    }
}
