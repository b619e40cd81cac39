//! `scangate keys`: the keys that sign access tokens, listed and rotated.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::say;
use crate::{
    app,
    clock::{Clock, Millis},
    config::Config,
    token::{KeyRotation, KeySource, KeyState, KeyStatus},
};

/// What to do with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    List(Listing),
    Rotate(Turn),
}

/// What can be said behind `keys`; `S` is what any command takes.
#[derive(Subcommand)]
pub(super) enum Named<S: Args> {
    /// Lists the keys: which one signs, which ones are published beside it.
    List {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Listing,
    },
    /// Makes the next key; it is published now and signs after `token.publish_ahead_s`.
    ///
    /// Run it as the gateway's own account or as root. Running gateways notice within 10 s.
    Rotate {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Turn,
    },
}

/// How keys are listed.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// One JSON object instead of a table: {"keys": [{"kid", "algorithm", "state", "since", "until"}]}; times are
    /// milliseconds since 1970, until is null when only a command ends it.
    #[arg(long)]
    json: bool,
}

/// How keys are rotated.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The next key signs at once; verifiers that keep the key set must ask for it again when they meet it.
    #[arg(long)]
    now: bool,
    /// For a key that has leaked: a fresh key signs at once, and all others are gone. Every access token given out
    /// until now dies; sessions go on by refresh.
    #[arg(long, conflicts_with = "now")]
    revoke: bool,
}

impl<S: Args> Named<S> {
    /// The command, and what was said about the configuration.
    pub(super) fn into_parts(self) -> (Command, S) {
        match self {
            Self::List { settings, options } => (Command::List(options), settings),
            Self::Rotate { settings, options } => (Command::Rotate(options), settings),
        }
    }
}

/// Does it where the gateway has its keys.
pub(super) async fn keys(config: &Config, command: Command) -> anyhow::Result<()> {
    let done = if config.token.master_key.is_some() {
        app::with_database(config, async |store, now| {
            let source = KeySource::of(config, store.key_records());
            answer(&source, command, now).await
        })
        .await
    } else {
        answer(&KeySource::of(config, None), command, Clock::new().wall()).await
    };
    say(&done?);
    Ok(())
}

/// What is said about it.
async fn answer(source: &KeySource, command: Command, now: Millis) -> anyhow::Result<String> {
    let before = source.read().await.context(source.setting())?;
    let before = before.map_or_else(Vec::new, |keys| keys.status(now));
    Ok(match command {
        Command::List(Listing { json: true }) => json!({ "keys": before }).to_string() + "\n",
        Command::List(_) if before.is_empty() => format!("{}\n", no_keys(source)),
        Command::List(_) => table(&before),
        // Made by this command, they might belong to an account that is not the gateway's.
        Command::Rotate(_) if before.is_empty() => bail!(no_keys(source)),
        Command::Rotate(options) => {
            let after = source.rotate(options.rotation(), now).await;
            outcome(options, &after.context(source.setting())?, before.len())
        }
    })
}

fn no_keys(source: &KeySource) -> String {
    format!(
        "{} has no keys yet: the gateway makes them at its first start",
        source.place()
    )
}

impl Turn {
    const fn rotation(self) -> KeyRotation {
        match self {
            Self { revoke: true, .. } => KeyRotation::Revoke,
            Self { now: true, .. } => KeyRotation::AtOnce,
            _ => KeyRotation::Ahead,
        }
    }
}

fn table(keys: &[KeyStatus]) -> String {
    let mut text = format!(
        "{:<43}  {:<9}  {:<7}  {:<29}  {}\n",
        "KID", "ALGORITHM", "STATE", "SINCE", "UNTIL"
    );
    for key in keys {
        let until = key.until.map_or_else(|| "rotated".to_owned(), date);
        let (state, since) = (name(key.state), date(key.since));
        text += &format!(
            "{:<43}  {:<9}  {state:<7}  {since:<29}  {until}\n",
            key.kid, key.algorithm
        );
    }
    text
}

const fn name(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Signing => "signing",
        KeyState::Retired => "retired",
        KeyState::Dead => "dead",
    }
}

fn outcome(options: Turn, after: &[KeyStatus], before: usize) -> String {
    let of = |state| after.iter().rev().find(move |key| key.state == state);
    let mut text = String::new();
    let kid = |key: Option<&KeyStatus>| key.map_or_else(String::new, |key| key.kid.clone());
    if options.revoke {
        text += &format!(
            "{} signs now, and {before} other{} gone.\n",
            kid(of(KeyState::Signing)),
            if before == 1 { " is" } else { "s are" }
        );
        text += "Every access token given out until now is refused by running gateways within 10 s; sessions go on by refresh.\n";
        text += "Back ends that verify tokens themselves may know the old keys for 300 s more, or as long as their library keeps them.\n";
    } else if options.now {
        text += &format!("{} signs now.\n", kid(of(KeyState::Signing)));
        if let Some(KeyStatus {
            until: Some(until), ..
        }) = of(KeyState::Retired)
        {
            text += &format!("The one before stays published until {}.\n", date(*until));
        }
        text += "Running gateways notice within 10 s.\n";
    } else if let Some(next) = of(KeyState::Next) {
        let from = next.until.map_or_else(String::new, date);
        text += &format!("{} is published, and signs from {from}.\n", next.kid);
        text += "Running gateways notice within 10 s.\n";
    }
    text
}

/// As HTTP writes dates (RFC 9110 section 5.6.7), which have four digits for the year.
fn date(at: Millis) -> String {
    const LAST: Millis = 253_402_300_799_000;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at.min(LAST)))
}
