//! How much load there is when: a level that moves in straight lines, and what follows from it.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::args::duration;

/// The highest level: pages, or arrivals a second.
const HIGHEST: f64 = 1e7;

/// `30s:1000`: over this time evenly to this level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) over: Duration,
    pub(crate) to: f64,
}

/// Stages one after the other; the level is 0 before the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan(Vec<Stage>);

/// What happens to the number of pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Open,
    Close,
}

impl FromStr for Stage {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (over, to) = text
            .split_once(':')
            .context("a stage is a time and a level, such as `30s:1000`")?;
        let to: f64 = to.trim().parse().with_context(|| format!("`{to}`"))?;
        ensure!(
            (0.0..=HIGHEST).contains(&to),
            "`{to}` is not between 0 and {HIGHEST}"
        );
        let over = duration(over.trim()).map_err(anyhow::Error::msg)?;
        Ok(Self { over, to })
    }
}

impl Plan {
    pub(crate) fn new(stages: Vec<Stage>) -> Self {
        Self(stages)
    }

    /// From 0 to `level` over `ramp`.
    pub(crate) fn rise(level: f64, ramp: Duration) -> Self {
        Self(vec![Stage {
            over: ramp,
            to: level,
        }])
    }

    /// The same, and then that level until `total` is over.
    pub(crate) fn hold(level: f64, ramp: Duration, total: Duration) -> Self {
        let mut plan = Self::rise(level, ramp.min(total));
        plan.0.push(Stage {
            over: total.saturating_sub(ramp),
            to: level,
        });
        plan
    }

    pub(crate) fn duration(&self) -> Duration {
        self.0.iter().map(|stage| stage.over).sum()
    }

    pub(crate) fn peak(&self) -> f64 {
        self.0.iter().map(|stage| stage.to).fold(0.0, f64::max)
    }

    /// The most pages that there are at once.
    pub(crate) fn most(&self) -> usize {
        let (mut level, mut most) = (0_usize, 0);
        for (_, change) in self.changes() {
            level = match change {
                Change::Open => level + 1,
                Change::Close => level - 1,
            };
            most = most.max(level);
        }
        most
    }

    /// Stages with the level each begins at and when.
    fn lines(&self) -> impl Iterator<Item = (Duration, f64, Stage)> + Clone + use<> {
        let stages = self.0.clone();
        stages
            .into_iter()
            .scan((Duration::ZERO, 0.0), |(begin, from), stage| {
                let line = (*begin, *from, stage);
                (*begin, *from) = (*begin + stage.over, stage.to);
                Some(line)
            })
    }

    /// When each arrival is due if the level is a rate: the nth as soon as the area below the level is n.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Duration> + use<> {
        let mut area_before = 0.0;
        let mut next = 0.0;
        self.lines().flat_map(move |(begin, from, stage)| {
            let seconds = stage.over.as_secs_f64();
            let area = (from + stage.to) / 2.0 * seconds;
            let slope = (stage.to - from) / seconds;
            let mut dues = Vec::new();
            // A little less than the whole: the last one would be due when all is over.
            while next < area_before + area - 1e-6 {
                let wanted = next - area_before;
                let root = (from * from + 2.0 * slope * wanted).max(0.0).sqrt();
                let after = if wanted == 0.0 {
                    0.0
                } else {
                    2.0 * wanted / (from + root)
                };
                dues.push(begin + Duration::from_secs_f64(after.clamp(0.0, seconds)));
                next += 1.0;
            }
            area_before += area;
            dues
        })
    }

    /// When pages open and close if the level is their number.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (Duration, Change)> + use<> {
        self.lines().flat_map(|(begin, from, stage)| {
            let (from, to) = (from.floor(), stage.to.floor());
            let change = if to > from {
                Change::Open
            } else {
                Change::Close
            };
            let count = (to - from).abs();
            let steps = (0..).map(f64::from).take_while(move |step| *step < count);
            steps.map(move |step| (begin + stage.over.mul_f64(step / count), change))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(stages: &[&str]) -> Plan {
        Plan::new(stages.iter().map(|stage| stage.parse().unwrap()).collect())
    }

    fn seconds(dues: impl Iterator<Item = Duration>) -> Vec<f64> {
        dues.map(|due| (due.as_secs_f64() * 1000.0).round() / 1000.0)
            .collect()
    }

    #[test]
    fn a_stage_is_a_time_and_a_level() {
        let stage = Stage {
            over: Duration::from_secs(90),
            to: 0.5,
        };
        assert_eq!("1.5m:0.5".parse::<Stage>().unwrap(), stage);
        for wrong in ["30s", "30s:", "30:many", ":5", "1s:-1", "1s:NaN", "1s:1e9"] {
            assert!(wrong.parse::<Stage>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_constant_rate_is_even() {
        let plan = Plan::hold(4.0, Duration::ZERO, Duration::from_secs(2));
        let dues = seconds(plan.arrivals());
        assert_eq!(dues, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]);
        assert_eq!(plan.duration(), Duration::from_secs(2));
    }

    #[test]
    fn a_ramp_makes_half_of_what_its_end_would() {
        let dues = seconds(plan(&["10s:20"]).arrivals());
        assert_eq!(dues.len(), 100);
        // The area below the ramp is t²: the 25th is due after 5 s.
        assert!((dues[25] - 5.0).abs() < 0.001, "{dues:?}");
        assert!(dues.is_sorted());
    }

    #[test]
    fn stages_follow_each_other() {
        let plan = plan(&["0s:10", "1s:10", "2s:0", "1s:0", "1s:10"]);
        let dues = seconds(plan.arrivals());
        assert_eq!(dues.len(), 10 + 10 + 5);
        assert!(dues.is_sorted());
        assert!(dues.iter().all(|due| !(3.0..4.0).contains(due)));
        assert_eq!(plan.duration(), Duration::from_secs(5));
        assert_eq!(plan.peak(), 10.0);
    }

    #[test]
    fn the_area_is_kept_where_stages_meet() {
        // 2.5 and 2.5: the third is due in the middle of neither.
        let dues = seconds(plan(&["1s:5", "1s:0"]).arrivals());
        assert_eq!(dues.len(), 5);
    }

    #[test]
    fn pages_open_and_close_evenly() {
        let changes: Vec<_> = plan(&["2s:4", "1s:4", "1s:2"]).changes().collect();
        let opened = [0.0, 0.5, 1.0, 1.5].map(|at| (Duration::from_secs_f64(at), Change::Open));
        let closed = [3.0, 3.5].map(|at| (Duration::from_secs_f64(at), Change::Close));
        assert_eq!(changes, [&opened[..], &closed[..]].concat());
        assert_eq!(plan(&["2s:4", "1s:2", "1s:3.9"]).most(), 4);
    }

    #[test]
    fn all_at_once_is_a_stage_without_time() {
        let changes: Vec<_> = Plan::rise(3.0, Duration::ZERO).changes().collect();
        assert_eq!(changes, [(Duration::ZERO, Change::Open); 3]);
        assert_eq!(plan(&[]).changes().count(), 0);
    }
}
