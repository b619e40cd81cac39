//! The scenarios, as the process that counts sees them.

mod compare;
mod crowd;
mod hold;
mod login;
mod peers;
mod poll;
mod push;
mod storm;

use serde_json::{Value, json};
use url::Url;

use crate::{
    args::{Args, Common, Phones, Scenario},
    gateway::Gateway,
    job::{Job, People, Share, Work},
    meter::Meter,
    process::Process,
    progress::Progress,
    random::Seed,
    report::Report,
    room::Needs,
    run::Run,
    sandbox::find_sandbox,
    target::Target,
    threshold::Names,
};

/// What a scenario measures, and its thresholds may name.
pub(crate) fn names(scenario: &Scenario) -> Names {
    match scenario {
        Scenario::Hold(_) => hold::NAMES,
        Scenario::Login(_) => login::NAMES,
        Scenario::Push(_) => push::NAMES,
        Scenario::Poll(_) => poll::NAMES,
        Scenario::Storm(_) => storm::NAMES,
        Scenario::Compare(_) => compare::NAMES,
        Scenario::Peers(_) => peers::NAMES,
        Scenario::Worker => Names {
            name: "worker",
            phases: &[],
            values: &[],
        },
    }
}

/// A run that has counted nothing yet.
pub(crate) fn prepare(args: &Args, common: &Common) -> Run {
    let names = names(&args.scenario);
    let report = Report::new(names.name, config(&args.scenario, common)).with_phases(names.phases);
    let gateways = common.pid.iter().map(|pid| Process { pid: *pid });
    let meter = Meter::of(gateways.collect());
    Run::new(report, meter, Progress::new(common.no_tui))
}

/// Makes the run.
pub(crate) async fn run(args: &Args, run: &mut Run) -> anyhow::Result<()> {
    match &args.scenario {
        Scenario::Hold(hold) => hold::run(hold, run).await,
        Scenario::Login(login) => login::run(login, run).await,
        Scenario::Push(push) => push::run(push, run).await,
        Scenario::Poll(poll) => poll::run(poll, run).await,
        Scenario::Storm(storm) => storm::run(storm, run).await,
        Scenario::Compare(compare) => compare::run(compare, run).await,
        Scenario::Peers(peers) => peers::run(peers, run).await,
        Scenario::Worker => Ok(()),
    }
}

/// The gateway under test: somebody else's, or one that was started for the run.
struct Site {
    gateway: Option<Gateway>,
    target: Target,
}

impl Site {
    async fn new(common: &Common, run: &mut Run) -> anyhow::Result<Self> {
        let gateway = match &common.gateway {
            Some(command) => Some(Gateway::start(command).await?),
            None => None,
        };
        if let Some(gateway) = &gateway {
            run.meter.gateways = vec![gateway.process()?];
            run.report.scangate.clone_from(&gateway.version);
        }
        let url = gateway.as_ref().map_or(&common.url, |gateway| &gateway.url);
        let target = Target::new(url, common).await?;
        Ok(Self { gateway, target })
    }

    /// A peer that was started for the run.
    async fn bare(url: &Url, common: &Common) -> anyhow::Result<Self> {
        let mut target = Target::new(url, common).await?;
        target.is_bare = true;
        Ok(Self {
            gateway: None,
            target,
        })
    }

    /// Whether so many sockets can be open at once.
    fn has_room(&self, sockets: usize, common: &Common, run: &Run) -> anyhow::Result<()> {
        Needs {
            sockets,
            processes: common.processes.get(),
            target: &self.target,
            gateways: &run.meter.gateways,
        }
        .check()
    }

    fn job(&self, common: &Common, work: Work) -> anyhow::Result<Job> {
        Ok(Job {
            target: self.target.clone(),
            share: Share { index: 0, of: 1 },
            seed: Seed::new(common.seed)?,
            timeout: common.timeout,
            work,
        })
    }

    /// No picture of the code in any answer: what a poll is told in the tutorials is a word, not a drawing.
    fn without_pictures(mut self) -> Self {
        self.target.svg = false;
        self
    }

    async fn people(&self, phones: &Phones) -> anyhow::Result<People> {
        let sandbox = match &phones.sandbox {
            Some(url) => url.clone(),
            None => find_sandbox(&self.target).await?,
        };
        // Not every sandbox may be called: neither this one nor what it leads to.
        self.target.phone_node(&sandbox, 0).await?;
        Ok(People {
            sandbox,
            users: phones.users.get(),
        })
    }

    /// Stops the gateway that was started for the run.
    async fn close(self, run: &mut Run) -> anyhow::Result<()> {
        run.meter.gateways.clear();
        match self.gateway {
            Some(mut gateway) => gateway.stop().await,
            None => Ok(()),
        }
    }
}

/// What the run was asked for, for its report.
fn config(scenario: &Scenario, common: &Common) -> Value {
    let own = match scenario {
        Scenario::Hold(args) => hold::config(args),
        Scenario::Login(args) => login::config(args),
        Scenario::Push(args) => push::config(args),
        Scenario::Poll(args) => poll::config(args),
        Scenario::Storm(args) => storm::config(args),
        Scenario::Compare(args) => compare::config(args),
        Scenario::Peers(args) => peers::config(args),
        Scenario::Worker => Value::Null,
    };
    let url = common.gateway.is_none().then_some(&common.url);
    let mut all = json!({
        "url": url.map(Url::as_str),
        "gateway": common.gateway,
        "nodes": some(&common.node),
        "phone_nodes": some(&common.phone_node),
        "pids": some(&common.pid),
        "seed": common.seed,
        "processes": common.processes,
        "sources": common.sources,
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut all, own) {
        all.extend(own);
    }
    all
}

/// Nothing for an empty list.
fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn seconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64()
}
