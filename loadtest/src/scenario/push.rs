//! Confirmations while pages wait: how soon is a page told?

use serde_json::Value;

use super::crowd;
use crate::{args::Push, page::Way, run::Run, threshold::Names};

pub(super) const NAMES: Names = Names {
    name: "push",
    phases: &[
        "connect",
        "pending",
        "renewed",
        "scanned",
        "late",
        "push_latency",
    ],
    values: crowd::VALUES,
};

pub(super) async fn run(args: &Push, run: &mut Run) -> anyhow::Result<()> {
    crowd::alone(&args.confirming, Way::Push, &args.stage, run).await
}

pub(super) fn config(args: &Push) -> Value {
    let mut config = crowd::config(&args.confirming, &args.stage);
    config["svg"] = (!args.confirming.pages.common.no_svg).into();
    config
}
