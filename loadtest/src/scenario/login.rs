//! Whole logins.

use std::{num::NonZeroUsize, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Site, seconds, some};
use crate::{
    args::Login,
    crew::Crew,
    job::{Logins, Work},
    process::Usage,
    run::Run,
    stages::Plan,
    stats::Stats,
    threshold::Names,
};

/// Sockets of one login: its page's, and those of phone and page to gateway and sandbox.
const SOCKETS: usize = 4;
/// Logins where neither their number nor a rate is given.
const LOGINS: usize = 100;

pub(super) const NAMES: Names = Names {
    name: "login",
    phases: crate::work::LOGIN_PHASES,
    values: &[
        "errors",
        "error_rate",
        "logins",
        "per_second",
        "cpu_us_per_login",
        "memory_before",
        "memory_after",
        "generator_cpu",
    ],
};

pub(super) async fn run(args: &Login, run: &mut Run) -> anyhow::Result<()> {
    let common = &args.common;
    let processes = common.processes.get();
    let site = Site::new(common, run).await?;
    let sockets = args.connections.get() * SOCKETS * processes;
    site.has_room(sockets, common, run)?;
    let rate = rate(args);
    let logins = Logins {
        logins: args
            .logins
            .map_or_else(|| count(rate.as_ref()), NonZeroUsize::get),
        duration: rate.as_ref().map_or(args.duration, Plan::duration),
        connections: args.connections.get(),
        rate,
        people: site.people(&args.phones).await?,
        warmup: args.warmup,
        correction: !args.phones.no_latency_correction,
    };
    run.say(&format!("the sandbox is at {}", logins.people.sandbox));
    let job = site.job(common, Work::Logins(logins))?;
    run.step("start", None);
    let mut crew = Crew::start(&job, processes, run).await?;
    let before = run.sample()?;
    run.step("log in", None);
    let began = Instant::now();
    crew.on_to("done", run).await?;
    let took = began.elapsed();
    let samples = before.zip(run.sample()?);
    tell(&crew.stats, took, samples, run);
    crew.end(run).await?;
    site.close(run).await
}

fn tell(stats: &Stats, took: Duration, samples: Option<(Usage, Usage)>, run: &mut Run) {
    // The warm-up's are no figures, but they are logins.
    let done = (stats.count("whole") + stats.count("warmup")) as f64;
    let errors = stats.error_count() as f64;
    run.report.set("logins", done);
    run.report.set("per_second", done / seconds(took));
    if done + errors > 0.0 {
        run.report.set("error_rate", errors / (done + errors));
    }
    let Some((before, after)) = samples else {
        return;
    };
    run.report.set("memory_before", before.memory as f64);
    run.report.set("memory_after", after.memory as f64);
    if done > 0.0 {
        let used = seconds(after.cpu_since(before)) * 1e6;
        run.report.set("cpu_us_per_login", used / done);
    }
}

fn rate(args: &Login) -> Option<Plan> {
    if !args.stage.is_empty() {
        return Some(Plan::new(args.stage.clone()));
    }
    let rate = args.rate?;
    Some(Plan::hold(rate, args.ramp_up, args.duration))
}

fn count(rate: Option<&Plan>) -> usize {
    rate.map_or(LOGINS, |rate| rate.arrivals().count())
}

pub(super) fn config(args: &Login) -> Value {
    let open = args.rate.is_some() || !args.stage.is_empty();
    json!({
        "svg": !args.common.no_svg,
        "logins": args.logins,
        "duration_s": args.stage.is_empty().then(|| seconds(args.duration)),
        "connections": args.connections,
        "rate": args.rate,
        "ramp_up_s": seconds(args.ramp_up),
        "stages": some(&args.stage),
        "users": args.phones.users,
        "warmup": args.warmup,
        "latency_correction": open && !args.phones.no_latency_correction,
    })
}
