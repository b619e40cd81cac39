//! `scangate users`: one person looked up, merged, exported or erased, while the gateway runs or not.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, anyhow, ensure};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{BadUsage, say};
use crate::{
    app,
    clock::Millis,
    config::Config,
    user::{Record, UserId, UserRecords, Who},
};

/// What to do about people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Show(Person),
    Export(Extract),
    Erase(Erasure),
    RemovePassword(Person),
    Conflicts(Listing),
    Merge(Pair),
    Dismiss(Decision),
}

/// What can be said behind `users`; `S` is what any command takes.
#[derive(Subcommand)]
pub(super) enum Named<S: Args> {
    /// Shows a person in a few lines.
    Show {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Person,
    },
    /// Writes everything that is kept about a person, as one JSON object; times are milliseconds since 1970.
    Export {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Extract,
    },
    /// Erases everything that is kept about a person, and ends their sessions; running gateways tell their pages within
    /// seconds.
    ///
    /// Who logs in with the same WeChat account afterwards is a new user.
    Erase {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Erasure,
    },
    /// Takes user name and password from a person, and ends all their sessions; running gateways tell their pages within
    /// seconds.
    RemovePassword {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Person,
    },
    /// Lists the logins by which WeChat said that two users are one person, and that wait for a decision.
    Conflicts {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Listing,
    },
    /// Makes two users one: the first becomes the second, and its sessions end. Cannot be undone.
    Merge {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Pair,
    },
    /// Decides that the two users of a conflict stay two.
    Dismiss {
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        options: Decision,
    },
}

/// One person.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    #[arg(
        value_name = "WHO",
        help = "A user id, openid:<app_id>:<openid> or unionid:<unionid>"
    )]
    who: Who,
}

/// Where to.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Extract {
    #[command(flatten)]
    person: Person,
    /// A file that is not there yet, made with mode 0600; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Whether to ask.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Erasure {
    #[command(flatten)]
    person: Person,
    /// Does not ask; needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
}

/// How conflicts are listed.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    #[arg(
        long,
        help = r#"One JSON object: {"conflicts": [{"id", "at", "app_id", "openid", "unionid", "user", "other"}]}"#
    )]
    json: bool,
}

/// Two users.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Who becomes the other one; as WHO.
    #[arg(value_name = "FROM")]
    from: Who,
    /// Who stays; as WHO.
    #[arg(value_name = "INTO")]
    into: Who,
}

/// One conflict.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Its id, as `users conflicts` lists it.
    #[arg(value_name = "CONFLICT")]
    conflict: String,
}

impl<S: Args> Named<S> {
    /// The command, and what was said about the configuration.
    pub(super) fn into_parts(self) -> (Command, S) {
        match self {
            Self::Show { settings, options } => (Command::Show(options), settings),
            Self::Export { settings, options } => (Command::Export(options), settings),
            Self::Erase { settings, options } => (Command::Erase(options), settings),
            Self::RemovePassword { settings, options } => {
                (Command::RemovePassword(options), settings)
            }
            Self::Conflicts { settings, options } => (Command::Conflicts(options), settings),
            Self::Merge { settings, options } => (Command::Merge(options), settings),
            Self::Dismiss { settings, options } => (Command::Dismiss(options), settings),
        }
    }
}

/// Does it on the database of `store.url`.
pub(super) async fn users(config: &Config, command: Command) -> anyhow::Result<()> {
    let done = app::with_database(config, async |store, now| answer(store, command, now).await);
    say(&done.await?);
    Ok(())
}

/// What is said about it.
async fn answer(
    records: &dyn UserRecords,
    command: Command,
    now: Millis,
) -> anyhow::Result<String> {
    match command {
        Command::Show(person) => Ok(shown(&record(records, &person.who).await?)),
        Command::Export(Extract { person, out }) => {
            let record = record(records, &person.who).await?;
            let text = serde_json::to_string_pretty(&record)? + "\n";
            match out {
                None => Ok(text),
                Some(path) => {
                    write_private(&path, &text).with_context(|| path.display().to_string())?;
                    Ok(String::new())
                }
            }
        }
        Command::Erase(Erasure { person, yes }) => {
            let record = record(records, &person.who).await?;
            if !yes {
                confirm(&record)?;
            }
            let is_erased = records.erase(&record.id, now).await?;
            ensure!(is_erased, "{} is gone already", record.id.0);
            Ok(format!("{} is erased.\n", record.id.0))
        }
        Command::RemovePassword(person) => {
            let id = find(records, &person.who).await?;
            let is_removed = records.remove_password(&id, now).await?;
            ensure!(is_removed, "{} has no password", id.0);
            Ok(format!("{} has no password from here on.\n", id.0))
        }
        Command::Conflicts(Listing { json }) => conflicts(records, json).await,
        Command::Merge(Pair { from, into }) => {
            let (from, into) = (find(records, &from).await?, find(records, &into).await?);
            ensure!(from != into, "both are {} already", into.0);
            let is_merged = records.merge(&from, &into, now).await?;
            ensure!(
                is_merged,
                "one of the two is gone already, or each has a password"
            );
            Ok(format!("{} is {} from here on.\n", from.0, into.0))
        }
        Command::Dismiss(Decision { conflict }) => {
            let is_dismissed = records.dismiss(&conflict, now).await?;
            ensure!(is_dismissed, "no conflict {conflict} waits for a decision");
            Ok(format!("{conflict} is dismissed: the two stay two.\n"))
        }
    }
}

async fn find(records: &dyn UserRecords, who: &Who) -> anyhow::Result<UserId> {
    let id = records.resolve(who).await?;
    id.ok_or_else(|| anyhow!("nobody is known by that name"))
}

async fn record(records: &dyn UserRecords, who: &Who) -> anyhow::Result<Record> {
    let id = find(records, who).await?;
    let record = records.export(&id).await?;
    record.ok_or_else(|| anyhow!("{} is gone already", id.0))
}

/// Asks at the terminal.
fn confirm(record: &Record) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        return Err(BadUsage("nobody can be asked here: say --yes").into());
    }
    let mut terminal = io::stderr();
    let name = record.name.as_deref().unwrap_or("who has no name");
    write!(
        terminal,
        "Erase {} ({name}) for good? Type yes: ",
        record.id.0
    )?;
    terminal.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    ensure!(line.trim() == "yes", "nothing was erased");
    Ok(())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

async fn conflicts(records: &dyn UserRecords, json: bool) -> anyhow::Result<String> {
    let all = records.conflicts().await?;
    if json {
        return Ok(json!({ "conflicts": all }).to_string() + "\n");
    }
    if all.is_empty() {
        return Ok("No conflict waits for a decision.\n".to_owned());
    }
    let mut text = String::new();
    for one in all {
        writeln!(
            text,
            "{}  {}\n  user   {}  openid:{}:{}\n  other  {}  unionid:{}",
            one.id,
            date(one.at),
            one.user.0,
            one.app_id,
            one.openid,
            one.other.0,
            one.unionid
        )?;
    }
    Ok(text)
}

fn shown(record: &Record) -> String {
    let mut lines = vec![("user", record.id.0.clone())];
    let name = record.name.as_deref().unwrap_or("–");
    lines.push(("name", name.to_owned()));
    let username = record.username.iter();
    lines.extend(username.map(|name| ("user name", name.clone())));
    lines.push(("since", date(record.created_at)));
    let merged = record.merged_ids.iter();
    lines.extend(merged.map(|id| ("once", id.0.clone())));
    let identities = record.identities.iter();
    lines.extend(identities.map(|one| ("openid", format!("{}:{}", one.app_id, one.openid))));
    let unionids = record.unionids.iter();
    lines.extend(unionids.map(|one| ("unionid", one.unionid.clone())));
    let live = record.sessions.iter().filter(|one| one.ended_at.is_none());
    lines.extend(live.map(|one| {
        let seen = date(one.last_seen_at);
        let place = format!("{} on {}, {}", one.browser, one.system, one.ip);
        ("session", format!("{}  {place}, {seen}", one.id))
    }));
    lines.push(("browsers", record.browsers.len().to_string()));
    lines.push(("conflicts", record.conflicts.len().to_string()));
    let line = |(name, value): (&str, String)| format!("{name:<10} {value}\n");
    lines.into_iter().map(line).collect()
}

/// As HTTP writes dates (RFC 9110 section 5.6.7), which have four digits for the year.
fn date(at: Millis) -> String {
    const LAST: Millis = 253_402_300_799_000;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at.min(LAST)))
}
