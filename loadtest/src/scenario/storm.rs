//! Everybody at once.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Site, seconds};
use crate::{
    args::Storm as Args,
    crew::Crew,
    gateway::Gateway,
    job::{Storm, Work},
    process::Process,
    run::Run,
    threshold::Names,
};

/// Reasons that are named when nothing works.
const REASONS: usize = 3;
/// What generators have counted has been told after this.
const TOLD: Duration = Duration::from_secs(1);

pub(super) const NAMES: Names = Names {
    name: "storm",
    phases: &["connect", "pending", "reconnected", "back"],
    values: &[
        "errors",
        "opened",
        "opened_per_second",
        "reconnected_per_second",
        "retries",
        "scenes_lost",
        "memory_before",
        "memory_open",
        "memory_reconnected",
        "cpu_us_per_page_opened",
        "cpu_us_per_reconnect",
        "generator_cpu",
    ],
};

pub(super) async fn run(args: &Args, run: &mut Run) -> anyhow::Result<()> {
    let common = &args.common;
    let pages = args.pages.get() as usize;
    let mut site = Site::new(common, run).await?;
    site.has_room(pages, common, run)?;
    let storm = Storm {
        pages,
        patience: args.patience,
    };
    let job = site.job(common, Work::Storm(storm))?;
    run.step("start", None);
    let mut crew = Crew::start(&job, common.processes.get(), run).await?;
    arrive(pages, &mut crew, run).await?;
    reconnect(pages, &mut crew, run).await?;
    go_away(args, &mut site, &mut crew, run).await?;
    run.step("close", None);
    crew.on_to("closed", run).await?;
    for (value, phase) in [("retries", "retry"), ("scenes_lost", "forgotten")] {
        run.report.set(value, crew.stats.count(phase) as f64);
    }
    crew.end(run).await?;
    site.close(run).await
}

/// All pages come at once.
async fn arrive(pages: usize, crew: &mut Crew, run: &mut Run) -> anyhow::Result<()> {
    let before = run.sample()?;
    run.step("arrive", Some(pages));
    let began = Instant::now();
    crew.on_to("opened", run).await?;
    let took = began.elapsed();
    let opened = crew.stats.count("pending") as f64;
    ensure!(
        opened > 0.0,
        "no page could be opened: {}",
        crew.stats.worst(REASONS)
    );
    run.report.set("opened", opened);
    run.report.set("opened_per_second", opened / seconds(took));
    if let (Some(before), Some(open)) = (before, run.sample()?) {
        run.report.set("memory_before", before.memory as f64);
        run.report.set("memory_open", open.memory as f64);
        let used = seconds(open.cpu_since(before)) * 1e6;
        run.report.set("cpu_us_per_page_opened", used / opened);
    }
    Ok(())
}

/// All lose their connection at once, and come back at once.
async fn reconnect(pages: usize, crew: &mut Crew, run: &mut Run) -> anyhow::Result<()> {
    let before = run.sample()?;
    run.step("reconnect", Some(pages));
    let began = Instant::now();
    crew.on_to("reconnected", run).await?;
    let took = began.elapsed();
    let back = crew.stats.count("reconnected") as f64;
    run.report
        .set("reconnected_per_second", back / seconds(took));
    if let (Some(before), Some(after)) = (before, run.sample()?) {
        run.report.set("memory_reconnected", after.memory as f64);
        let used = seconds(after.cpu_since(before)) * 1e6;
        run.report.set("cpu_us_per_reconnect", used / back.max(1.0));
    }
    Ok(())
}

/// The gateway goes away, as at an update, if it is ours to stop or the tester is to do it, and all pages come back.
async fn go_away(
    args: &Args,
    site: &mut Site,
    crew: &mut Crew,
    run: &mut Run,
) -> anyhow::Result<()> {
    let (there, goal) = (run.connected(), Some(args.pages.get() as usize));
    match (&mut site.gateway, args.drain) {
        (Some(gateway), _) => {
            run.step("restart", goal);
            run.meter.gateways.clear();
            let process = crew.meanwhile(restart(gateway), run).await?;
            run.meter.gateways = vec![process];
        }
        (None, Some(time)) => {
            run.step("drain", goal);
            run.say(&format!(
                "now restart the gateway, or one after the other, within {time:?}"
            ));
            crew.meanwhile(pause(time), run).await?;
        }
        (None, None) => return Ok(()),
    }
    come_back(there, args.patience, crew, run).await
}

async fn restart(gateway: &mut Gateway) -> anyhow::Result<Process> {
    gateway.stop().await?;
    gateway.start_again().await?;
    gateway.process()
}

/// Waits until all pages that were there are there again.
async fn come_back(
    pages: usize,
    patience: Duration,
    crew: &mut Crew,
    run: &mut Run,
) -> anyhow::Result<()> {
    // Who has just gone has to be told of first.
    crew.meanwhile(pause(TOLD), run).await?;
    if !crew.gather(pages, patience, run).await? {
        let missing = pages.saturating_sub(run.connected());
        run.say(&format!(
            "{missing} pages did not come back within {patience:?}"
        ));
    }
    Ok(())
}

async fn pause(time: Duration) -> anyhow::Result<()> {
    sleep(time).await;
    Ok(())
}

pub(super) fn config(args: &Args) -> Value {
    json!({
        "svg": !args.common.no_svg,
        "pages": args.pages,
        "drain_s": args.drain.map(seconds),
        "patience_s": seconds(args.patience),
    })
}
