//! `scangate events`: login events that wait, those given up, and another try for them.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::say;
use crate::{
    app,
    clock::{Millis, rfc3339},
    config::Config,
    event::Outbox,
};

/// Events listed at most.
const LISTED: u32 = 1_000;

/// What to do about events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    List(Listing),
    Retry(Choice),
}

/// What can be said behind `events`; `S` is what any command takes.
#[derive(Subcommand)]
pub(super) enum Named<S: Args> {
    /// Tells how many events wait for each sink, and lists those given up, the last first.
    List {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Listing,
    },
    /// Has running gateways try again what was given up.
    Retry {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Choice,
    },
}

/// How events are listed.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    #[arg(
        long,
        help = r#"One JSON object: {"sinks": [{"sink", "pending", "dead"}], "dead": [{"sink", "id", "type", "at", "tries", "error"}]}"#
    )]
    json: bool,
}

/// Of whom.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Only this sink's, as `events list` names it.
    #[arg(long, value_name = "SINK")]
    sink: Option<String>,
}

impl<S: Args> Named<S> {
    /// The command, and what was said about the configuration.
    pub(super) fn into_parts(self) -> (Command, S) {
        match self {
            Self::List { settings, options } => (Command::List(options), settings),
            Self::Retry { settings, options } => (Command::Retry(options), settings),
        }
    }
}

/// Does it on the database of `store.url`.
pub(super) async fn events(config: &Config, command: Command) -> anyhow::Result<()> {
    let done = app::with_database(config, async |store, now| answer(store, command, now).await);
    say(&done.await?);
    Ok(())
}

/// What is said about it.
async fn answer(outbox: &dyn Outbox, command: Command, now: Millis) -> anyhow::Result<String> {
    match command {
        Command::List(Listing { json }) => list(outbox, json).await,
        Command::Retry(Choice { sink }) => {
            let count = outbox.revive(sink.as_deref(), now).await?;
            Ok(format!("{count} to be tried again.\n"))
        }
    }
}

async fn list(outbox: &dyn Outbox, json: bool) -> anyhow::Result<String> {
    let (sinks, dead) = (outbox.backlog().await?, outbox.dead(LISTED).await?);
    if json {
        return Ok(json!({ "sinks": sinks, "dead": dead }).to_string() + "\n");
    }
    if sinks.is_empty() {
        return Ok("No login event waits.\n".to_owned());
    }
    let mut text = String::new();
    for one in sinks {
        let (pending, dead) = (one.pending, one.dead);
        writeln!(text, "{}  {pending} waiting, {dead} given up", one.sink)?;
    }
    for one in dead {
        let at = rfc3339(one.at);
        let (sink, id, kind) = (one.sink, one.id, one.kind);
        let (tries, error) = (one.tries, one.error);
        writeln!(
            text,
            "{id}  {at}\n  {kind} for {sink}, {tries} tries: {error}"
        )?;
    }
    Ok(text)
}
