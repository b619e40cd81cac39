//! Push, long poll and polling at the same load: what one costs more than the other.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    Site,
    crowd::{self, Figures},
    seconds,
};
use crate::{
    args::{Compare, Confirming},
    job::Work,
    page::Way,
    report::{Comparison, Design, Kind},
    run::Run,
    threshold::Names,
};

/// How long pages wait before the first confirmation: long enough for a heartbeat, and for CPU to be told apart.
const IDLE: Duration = Duration::from_secs(30);

pub(super) const NAMES: Names = Names {
    name: "compare",
    phases: &[
        "request",
        "push_latency",
        "long_poll_latency",
        "poll_latency",
    ],
    values: &[
        "errors",
        "push_cpu_s_per_minute",
        "long_poll_cpu_s_per_minute",
        "poll_cpu_s_per_minute",
        "push_bytes_per_page",
        "long_poll_bytes_per_page",
        "poll_bytes_per_page",
        "push_latency_p50_us",
        "long_poll_latency_p50_us",
        "poll_latency_p50_us",
        "long_poll_to_push_cpu",
        "poll_to_push_cpu",
        "long_poll_to_push_bytes",
        "poll_to_push_bytes",
        "long_poll_to_push_latency",
        "poll_to_push_latency",
        "generator_cpu",
    ],
};

/// One way to hear of a confirmation.
pub(super) struct Rival {
    pub(super) way: Way,
    pub(super) name: String,
    /// What was found in each round.
    pub(super) rounds: Vec<BTreeMap<&'static str, f64>>,
}

pub(super) async fn run(args: &Compare, run: &mut Run) -> anyhow::Result<()> {
    let confirming = Confirming {
        idle: args.confirming.idle.or(Some(IDLE)),
        ..args.confirming.clone()
    };
    if confirming.pages.common.gateway.is_none() {
        run.say(
            "without --gateway all runs share one gateway, and find the memory that the one before has left: \
             do not compare bytes",
        );
    }
    let mut rivals = rivals(args.every);
    for round in 0..args.rounds.get() {
        // Another one first in each round.
        for place in 0..rivals.len() {
            let place = (round + place) % rivals.len();
            let rival = &mut rivals[place];
            let label = format!("{} {}: ", round + 1, rival.name);
            let figures = once(&confirming, rival.way, &label, run).await?;
            rival.rounds.push(found(&figures, rival.way));
        }
    }
    tell(&rivals, run);
    let pages = f64::from(confirming.pages.pages.get());
    let comparison = Comparison::new(pages, seconds(args.every), |name| run.report.value(name));
    run.report.comparison = Some(comparison);
    Ok(())
}

fn rivals(every: Duration) -> Vec<Rival> {
    let rival = |way, name: String| Rival {
        way,
        name,
        rounds: Vec::new(),
    };
    vec![
        rival(Way::Push, "push".to_owned()),
        rival(Way::LongPoll, "long poll".to_owned()),
        rival(
            Way::Poll { every },
            format!("polling every {} s", seconds(every)),
        ),
    ]
}

/// One run of one way, on a gateway of its own if there is a command for it.
async fn once(args: &Confirming, way: Way, label: &str, run: &mut Run) -> anyhow::Result<Figures> {
    let common = &args.pages.common;
    let site = Site::new(common, run).await?.without_pictures();
    let crowd = crowd::of(args, way, &[], &site).await?;
    site.has_room(crowd.sockets(), common, run)?;
    let job = site.job(common, Work::Crowd(crowd.clone()))?;
    let pids = run.meter.gateways.clone();
    let figures = crowd::run(&job, &crowd, common.processes.get(), label, run).await?;
    site.close(run).await?;
    if common.gateway.is_none() {
        run.meter.gateways = pids;
    }
    Ok(figures)
}

/// What is compared, and what explains it.
pub(super) fn found(figures: &Figures, way: Way) -> BTreeMap<&'static str, f64> {
    let mut found: BTreeMap<_, _> = figures.values().into_iter().collect();
    if let Some(latency) = figures.stats.summary(way.latency()) {
        found.insert("latency_p50_us", latency.p50_us as f64);
        found.insert("latency_p99_us", latency.p99_us as f64);
        found.insert("latency_p999_us", latency.p999_us as f64);
        found.insert("latency_mean_us", latency.mean_us);
    }
    found.insert("errors", figures.stats.error_count() as f64);
    found
}

impl Rival {
    /// The middle one of all rounds.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        let rounds = self.rounds.iter();
        let mut found: Vec<_> = rounds
            .filter_map(|round| round.get(name).copied())
            .collect();
        found.sort_by(f64::total_cmp);
        match found.len() {
            0 => None,
            count if count % 2 == 1 => found.get(count / 2).copied(),
            count => Some((found[count / 2 - 1] + found[count / 2]) / 2.0),
        }
    }

    const fn design(&self) -> Design {
        match self.way {
            Way::Push => Design::Push,
            Way::LongPoll => Design::LongPoll,
            Way::Poll { .. } => Design::Poll,
        }
    }
}

/// What is compared: as a round calls it, and in the name of a ratio.
const fn figure(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Latency => ("latency_p50_us", "latency"),
        Kind::Cpu => ("cpu_s_per_minute_held", "cpu"),
        Kind::Memory => ("bytes_per_page", "bytes"),
    }
}

/// Medians, ratios to push, and all rounds.
fn tell(rivals: &[Rival], run: &mut Run) {
    for rival in rivals {
        let way = rival.design().name();
        for kind in Kind::ALL {
            let (name, short) = figure(kind);
            let Some(own) = rival.median(name) else {
                continue;
            };
            set(run, format!("{way}_{}", kind.name()), own);
            let push = rivals.iter().find(|rival| rival.way == Way::Push);
            let push = push.and_then(|push| push.median(name));
            if rival.way != Way::Push
                && let Some(push) = push.filter(|push| *push > 0.0)
            {
                let ratio = format!("{way}_to_push_{short}");
                set(run, ratio, own / push);
            }
        }
    }
    let rounds = rivals
        .iter()
        .map(|rival| (rival.design().name(), &rival.rounds));
    run.report.rounds = Some(json!(rounds.collect::<BTreeMap<_, _>>()));
}

/// Sets a value that is one of [`NAMES`].
fn set(run: &mut Run, name: String, value: f64) {
    let known = NAMES.values.iter().find(|known| **known == name);
    if let Some(known) = known {
        run.report.set(known, value);
    }
}

pub(super) fn config(args: &Compare) -> Value {
    let mut config = crowd::config(&args.confirming, &[]);
    config["every_s"] = seconds(args.every).into();
    config["rounds"] = args.rounds.get().into();
    config["idle_s"] = seconds(args.confirming.idle.unwrap_or(IDLE)).into();
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rival(way: Way, cpu: &[f64]) -> Rival {
        let round = |cpu: &f64| BTreeMap::from([("cpu_s_per_minute_held", *cpu)]);
        Rival {
            way,
            name: String::new(),
            rounds: cpu.iter().map(round).collect(),
        }
    }

    #[test]
    fn the_median_counts() {
        let name = "cpu_s_per_minute_held";
        assert_eq!(rival(Way::Push, &[9.0, 1.0, 2.0]).median(name), Some(2.0));
        assert_eq!(rival(Way::Push, &[4.0, 2.0]).median(name), Some(3.0));
        assert_eq!(rival(Way::Push, &[4.0]).median("latency_p50_us"), None);
    }

    /// Nobody has written a figure by hand.
    #[test]
    fn what_is_kept_are_the_medians_of_its_rounds() {
        let kept: Value = serde_json::from_str(include_str!("../../results/compare.json")).unwrap();
        let value = |name: String| {
            kept["values"][&name]
                .as_f64()
                .unwrap_or_else(|| panic!("{name}"))
        };
        // A number read back may be another one in its last digit.
        let same = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        for mut rival in rivals(Duration::from_secs(2)) {
            let way = rival.design().name();
            for round in kept["rounds"][way].as_array().unwrap() {
                let names = Kind::ALL.map(|kind| figure(kind).0);
                let figures = names.map(|name| (name, round[name].as_f64().unwrap()));
                rival.rounds.push(figures.into());
            }
            for kind in Kind::ALL {
                let (name, short) = figure(kind);
                let own = value(format!("{way}_{}", kind.name()));
                let median = rival.median(name).unwrap();
                assert!(same(own, median), "{way} {name}: {own} is not {median}");
                if rival.way != Way::Push {
                    let push = value(format!("push_{}", kind.name()));
                    let ratio = value(format!("{way}_to_push_{short}"));
                    assert!(same(ratio, own / push), "{way} {short}: {ratio}");
                }
            }
        }
    }

    #[test]
    fn every_figure_can_be_judged() {
        let every = Duration::from_secs(2);
        for rival in rivals(every) {
            let way = rival.design().name();
            for kind in Kind::ALL {
                let mut names = vec![format!("{way}_{}", kind.name())];
                if rival.way != Way::Push {
                    names.push(format!("{way}_to_push_{}", figure(kind).1));
                }
                for name in names {
                    assert!(NAMES.values.contains(&name.as_str()), "{name}");
                }
            }
        }
    }
}
