//! What can be said on the command line.

mod check;
mod events;
mod keys;
mod sandbox;
mod serve;
mod systemd;
mod users;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{self, Config, Overrides},
    telemetry,
};

/// The exit code for a bad command line or configuration, as clap uses it.
const USAGE: u8 = 2;

/// Does what the command line says; the exit code is 0 for a clean end, 1 for a failure, 2 for bad usage.
pub async fn run(cli: Cli) -> ExitCode {
    let (command, overrides) = cli.into_parts();
    if let Command::Check(options) = &command {
        return check::check(&overrides, options).await;
    }
    let config = match prepare(&overrides) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let done = match command {
        Command::Serve => serve::serve(config).await,
        Command::Sandbox => sandbox::sandbox(&config).await,
        Command::Events(command) => events::events(&config, command).await,
        Command::Keys(command) => keys::keys(&config, command).await,
        Command::Users(command) => users::users(&config, command).await,
        Command::Check(_) => return ExitCode::SUCCESS,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The alternate form has all causes on one line.
            tracing::error!("{error:#}");
            if error.is::<BadUsage>() {
                return ExitCode::from(USAGE);
            }
            ExitCode::FAILURE
        }
    }
}

/// What a command line lacks that only shows while it is followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadUsage(&'static str);

/// What a command has to say. Whoever closes the pipe has read enough; the exit code tells the rest.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Returns once the process is asked to stop: SIGTERM, or Ctrl-C at a terminal.
async fn stop_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The command line. Has no `Debug`: `--set` may hold a secret.
#[derive(Parser)]
#[command(name = "scangate", version, about)]
pub struct Cli {
    /// A TOML file with keys of the configuration.
    #[arg(long, value_name = "FILE", env = "SCANGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Named>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    /// Run the gateway; also when no command is named.
    Serve,
    /// Run the sandbox alone.
    Sandbox,
    /// Tell what is right and wrong about the configuration.
    Check(check::Options),
    /// List login events, or try them again.
    Events(events::Command),
    /// List or rotate the keys that sign access tokens.
    Keys(keys::Command),
    /// Look up, merge, export or erase one person.
    Users(users::Command),
}

#[derive(Subcommand)]
enum Named {
    /// Runs the gateway, and the sandbox with it when wechat.mode is "sandbox".
    Serve(Settings),
    /// Runs the sandbox alone: it plays WeChat.
    Sandbox(Settings),
    /// Tells what is right, wrong or weak about the configuration, and asks WeChat.
    ///
    /// The exit code is 0 when nothing is wrong, 1 when something is, 2 for a bad command line.
    Check {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        options: check::Options,
    },
    /// Lists login events that wait or were given up, in the database of store.url, or tries them again.
    #[command(subcommand)]
    Events(events::Named<Settings>),
    /// Lists or rotates the keys that sign access tokens.
    #[command(subcommand)]
    Keys(keys::Named<Settings>),
    /// Looks up, merges, exports or erases one person, in the database of store.url.
    ///
    /// The exit code is 0 when it is done, 1 when nobody is found or it failed, 2 for a bad command line.
    #[command(subcommand)]
    Users(users::Named<Settings>),
}

// Before the command and behind it: clap keeps only one of the two places of a global list.
#[derive(Args)]
struct Settings {
    /// One key of the configuration, as in --set server.bind=127.0.0.1:9000; wins over file and environment.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

impl Cli {
    /// The command and what was said about the configuration.
    fn into_parts(self) -> (Command, Overrides) {
        let (command, later) = match self.command {
            None => (Command::Serve, Vec::new()),
            Some(Named::Serve(settings)) => (Command::Serve, settings.set),
            Some(Named::Sandbox(settings)) => (Command::Sandbox, settings.set),
            Some(Named::Check { settings, options }) => (Command::Check(options), settings.set),
            Some(Named::Events(named)) => {
                let (command, settings) = named.into_parts();
                (Command::Events(command), settings.set)
            }
            Some(Named::Keys(named)) => {
                let (command, settings) = named.into_parts();
                (Command::Keys(command), settings.set)
            }
            Some(Named::Users(named)) => {
                let (command, settings) = named.into_parts();
                (Command::Users(command), settings.set)
            }
        };
        let mut set = self.settings.set;
        set.extend(later);
        let file = self.config;
        (command, Overrides { file, set })
    }
}

/// Loads the configuration and starts the log.
///
/// # Errors
/// The exit code of the process; what is wrong has been printed.
fn prepare(overrides: &Overrides) -> Result<Config, ExitCode> {
    let config = config::load(overrides).map_err(|error| refuse(&error))?;
    telemetry::init(&config.telemetry).map_err(|error| refuse(&error))?;
    Ok(config)
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(USAGE)
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a key, = and a value are expected, as in server.bind=127.0.0.1:9000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<(Command, Overrides), clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(Cli::into_parts)
    }

    #[test]
    fn options_may_stand_on_both_sides_of_the_command() {
        Cli::command().debug_assert();
        for (line, command) in [
            (
                "scangate --config x --set a.b=1 --set c=d=e",
                Command::Serve,
            ),
            (
                "scangate serve --config x --set a.b=1 --set c=d=e",
                Command::Serve,
            ),
            (
                "scangate --config x --set a.b=1 sandbox --set c=d=e",
                Command::Sandbox,
            ),
        ] {
            let (parsed, overrides) = parse(line).unwrap();
            assert_eq!(parsed, command, "{line}");
            assert_eq!(overrides.file, Some(PathBuf::from("x")), "{line}");
            let expected = [("a.b", "1"), ("c", "d=e")];
            let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(overrides.set, expected, "{line}");
        }
        assert_eq!(parse("scangate").unwrap().0, Command::Serve);
    }

    #[test]
    fn what_cannot_be_understood_ends_with_the_code_for_usage() {
        for line in [
            "scangate --set a",
            "scangate --set =1",
            "scangate fly",
            "scangate serve --nothing",
        ] {
            let error = parse(line).err().unwrap();
            assert_eq!(error.exit_code(), i32::from(USAGE), "{line}");
        }
    }
}
