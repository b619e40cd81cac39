//! The gateway and minimal programs of other stacks, side by side in one run: is it as near to the floor as it shall be?

mod table;
mod targets;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use self::targets::Judged;
use super::{
    Site,
    compare::{Rival, found},
    crowd::{self, Figures},
    seconds,
};
use crate::{
    args::{Common, Confirming, Peers, Phones},
    job::Work,
    page::Way,
    peer::Peer,
    report,
    run::Run,
    threshold::Names,
};

/// How long pages wait before the first push: two whole heartbeats of everybody, so that none counts one and a half.
const IDLE: Duration = Duration::from_secs(50);
/// How often polling pages ask.
const EVERY: Duration = Duration::from_secs(2);
/// The most that confirm each second where pages poll: before, each has to find out that it was scanned.
const POLLED_RATE: f64 = 50.0;
/// The peers that answer `/status`.
const POLLED: [&str; 2] = ["actix-ws", "gin"];

pub(super) const NAMES: Names = Names {
    name: "peers",
    // Of everybody together they would say nothing.
    phases: &[],
    values: &["errors", "targets_met", "targets_missed", "generator_cpu"],
};

/// Who is measured, and what was found.
struct Subject {
    /// The command of a peer; nothing for the gateway.
    command: Option<String>,
    /// People at the gateway reject instead.
    reject: bool,
    rival: Rival,
}

pub(super) async fn run(args: &Peers, run: &mut Run) -> anyhow::Result<()> {
    let common = &args.confirming.pages.common;
    let mut subjects = subjects(common.gateway.is_some(), &args.peer);
    ensure!(!subjects.is_empty(), "nobody to measure: --gateway, --peer");
    for round in 0..args.rounds.get() {
        // Another one first in each round.
        for place in 0..subjects.len() {
            let place = (round + place) % subjects.len();
            let subject = &mut subjects[place];
            let label = format!("{} {}: ", round + 1, subject.rival.name);
            let figures = once(&args.confirming, subject, &label, run).await?;
            let way = subject.rival.way;
            subject.rival.rounds.push(all(&figures, way));
        }
    }
    tell(&subjects, run, args.save.as_deref())
}

/// The gateway three times, and each peer, some polled too.
fn subjects(with_gateway: bool, peers: &[(String, String)]) -> Vec<Subject> {
    let poll = Way::Poll { every: EVERY };
    let mut subjects = Vec::new();
    if with_gateway {
        subjects.push(Subject::new("gateway", None, Way::Push));
        let rejects = Subject::new("gateway-reject", None, Way::Push);
        subjects.push(Subject {
            reject: true,
            ..rejects
        });
        subjects.push(Subject::new("gateway-poll", None, poll));
    }
    for (name, command) in peers {
        subjects.push(Subject::new(name, Some(command), Way::Push));
        if POLLED.contains(&name.as_str()) {
            subjects.push(Subject::new(&format!("{name}-poll"), Some(command), poll));
        }
    }
    subjects
}

impl Subject {
    fn new(name: &str, command: Option<&String>, way: Way) -> Self {
        Self {
            command: command.cloned(),
            reject: false,
            rival: Rival {
                way,
                name: name.to_owned(),
                rounds: Vec::new(),
            },
        }
    }

    /// What it is asked to do: nobody pushes to a peer that is polled.
    fn part(&self, args: &Confirming) -> Confirming {
        let rate = match (self.rival.way, &self.command) {
            (Way::Push, _) => args.rate,
            (_, None) => args.rate.min(POLLED_RATE),
            (_, Some(_)) => 0.0,
        };
        Confirming {
            idle: args.idle.or(Some(IDLE)),
            rate,
            reject: self.reject,
            phones: Phones {
                // From the moment the request is written: what the generator was late is nobody's.
                no_latency_correction: true,
                ..args.phones.clone()
            },
            ..args.clone()
        }
    }
}

/// One run of one subject, started for it.
async fn once(
    args: &Confirming,
    subject: &Subject,
    label: &str,
    run: &mut Run,
) -> anyhow::Result<Figures> {
    let way = subject.rival.way;
    let args = subject.part(args);
    let common = &args.pages.common;
    let peer = match &subject.command {
        Some(command) => Some(Peer::start(command).await?),
        None => None,
    };
    let mut site = site(peer.as_ref(), common, run).await?;
    if way != Way::Push {
        site = site.without_pictures();
    }
    let crowd = crowd::of(&args, way, &[], &site).await?;
    site.has_room(crowd.sockets(), common, run)?;
    let job = site.job(common, Work::Crowd(crowd.clone()))?;
    let figures = crowd::run(&job, &crowd, common.processes.get(), label, run).await?;
    site.close(run).await?;
    if let Some(peer) = peer {
        peer.end().await?;
    }
    Ok(figures)
}

async fn site(peer: Option<&Peer>, common: &Common, run: &mut Run) -> anyhow::Result<Site> {
    let Some(peer) = peer else {
        return Site::new(common, run).await;
    };
    run.meter.gateways = vec![peer.process()?];
    Site::bare(&peer.url, common).await
}

/// What is compared, and what explains it.
fn all(figures: &Figures, way: Way) -> BTreeMap<&'static str, f64> {
    let mut all = found(figures, way);
    if let (Some(closed), Some(before)) = (all.get("memory_closed"), all.get("memory_before")) {
        all.insert("memory_kept", closed - before);
    }
    all
}

/// Medians, targets and all rounds.
fn tell(subjects: &[Subject], run: &mut Run, save: Option<&Path>) -> anyhow::Result<()> {
    let rivals: Vec<_> = subjects.iter().map(|subject| &subject.rival).collect();
    let median = |name: &str, figure: &str| {
        let rival = rivals.iter().find(|rival| rival.name == name)?;
        rival.median(figure)
    };
    let judged = targets::judge(&median);
    let count = |met| judged.iter().filter(|one| one.met == Some(met)).count() as f64;
    run.report.set("targets_met", count(true));
    run.report.set("targets_missed", count(false));
    let names: Vec<_> = rivals.iter().map(|rival| rival.name.as_str()).collect();
    run.report.tables = table::figures(&names, &median) + "\n" + &table::targets(&judged);
    let rounds = rivals.iter().map(|rival| (&rival.name, &rival.rounds));
    run.report.rounds = Some(json!(rounds.collect::<BTreeMap<_, _>>()));
    match save {
        Some(path) => self::save(path, &rivals, &judged, run),
        None => Ok(()),
    }
}

fn save(path: &Path, rivals: &[&Rival], judged: &[Judged], run: &Run) -> anyhow::Result<()> {
    let mut document = run.report.summary(&[]);
    document["command"] = report::command().into();
    let medians = rivals.iter().map(|rival| {
        let names = rival.rounds.iter().flat_map(BTreeMap::keys);
        let medians = names.map(|name| (*name, rival.median(name)));
        (&rival.name, medians.collect::<BTreeMap<_, _>>())
    });
    document["medians"] = json!(medians.collect::<BTreeMap<_, _>>());
    document["targets"] = json!(judged);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let text = serde_json::to_string_pretty(&document)? + "\n";
    fs::write(path, text).with_context(|| format!("--save {}", path.display()))
}

pub(super) fn config(args: &Peers) -> Value {
    let mut config = crowd::config(&args.confirming, &[]);
    config["svg"] = (!args.confirming.pages.common.no_svg).into();
    config["rounds"] = args.rounds.get().into();
    config["idle_s"] = seconds(args.confirming.idle.unwrap_or(IDLE)).into();
    config["latency_correction"] = false.into();
    let names = args.peer.iter().map(|(name, _)| name.as_str());
    config["peers"] = names.collect::<Vec<_>>().into();
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_about_somebody_who_is_measured() {
        let peer = |name: &str| (name.to_owned(), String::new());
        let peers = ["actix-ws", "raw-tokio", "node-ws", "bun", "gin", "nchan"].map(peer);
        let subjects = subjects(true, &peers);
        for name in targets::subjects() {
            let known = subjects.iter().any(|subject| subject.rival.name == name);
            assert!(known, "{name}");
        }
    }

    #[test]
    fn without_a_gateway_only_peers_are_measured() {
        let subjects = subjects(false, &[("bun".to_owned(), "bun".to_owned())]);
        assert!(subjects.iter().all(|subject| subject.command.is_some()));
    }
}
