//! Pages that ask: the tutorials' design, over the gateway's own way without WebSocket.

use serde_json::Value;

use super::{crowd, seconds};
use crate::{args::Poll, page::Way, run::Run, threshold::Names};

pub(super) const NAMES: Names = Names {
    name: "poll",
    phases: &[
        "connect",
        "pending",
        "renewed",
        "request",
        "scanned",
        "late",
        "poll_latency",
        "long_poll_latency",
    ],
    values: crowd::VALUES,
};

pub(super) async fn run(args: &Poll, run: &mut Run) -> anyhow::Result<()> {
    let way = if args.long {
        Way::LongPoll
    } else {
        Way::Poll { every: args.every }
    };
    crowd::alone(&args.confirming, way, &args.stage, run).await
}

pub(super) fn config(args: &Poll) -> Value {
    let mut config = crowd::config(&args.confirming, &args.stage);
    if args.long {
        config["long"] = true.into();
    } else {
        config["every_s"] = seconds(args.every).into();
    }
    config
}
