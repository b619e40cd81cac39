//! Pages that wait: what it costs to open one and to keep it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Site, crowd, seconds, some};
use crate::{
    args::Hold,
    job::{Crowd, Work},
    page::Way,
    run::Run,
    stages::Plan,
    threshold::Names,
};

pub(super) const NAMES: Names = Names {
    name: "hold",
    phases: &["connect", "pending", "renewed"],
    values: crowd::VALUES,
};

pub(super) async fn run(args: &Hold, run: &mut Run) -> anyhow::Result<()> {
    let common = &args.pages.common;
    let site = Site::new(common, run).await?;
    let crowd = Crowd {
        way: Way::Push,
        connections: args.pages.connections.get(),
        pages: plan(args),
        idle: args.duration,
        confirms: None,
    };
    site.has_room(crowd.sockets(), common, run)?;
    let job = site.job(common, Work::Crowd(crowd.clone()))?;
    let figures = crowd::run(&job, &crowd, common.processes.get(), "", run).await?;
    crowd::tell(&figures, run);
    site.close(run).await
}

fn plan(args: &Hold) -> Plan {
    if !args.stage.is_empty() {
        return Plan::new(args.stage.clone());
    }
    let pages = f64::from(args.pages.pages.get());
    let by_rate = args.rate.map(|rate| Duration::from_secs_f64(pages / rate));
    Plan::rise(pages, by_rate.unwrap_or(args.pages.ramp_up))
}

pub(super) fn config(args: &Hold) -> Value {
    json!({
        "svg": !args.pages.common.no_svg,
        "pages": args.stage.is_empty().then_some(args.pages.pages),
        "stages": some(&args.stage),
        "duration_s": seconds(args.duration),
        "connections": args.pages.connections,
        "rate": args.rate,
        "ramp_up_s": seconds(args.pages.ramp_up),
    })
}
