//! The command line.

mod values;

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args as ClapArgs, Parser, Subcommand};
use url::Url;

pub(crate) use self::values::duration;
use self::values::rate;
use crate::{stages::Stage, threshold::Threshold};

/// Load tests for scangate: speaks to a gateway as a stranger does.
///
/// Exit code: 0 all well; 1 wrong usage, the run could not be made, or something failed and no threshold
/// judges errors; 99 a threshold was crossed; 130 interrupted.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Opens pages that wait for a scan, keeps them, and says what each costs.
    Hold(Hold),
    /// Makes whole h5 logins: page, phone, confirm, redeem.
    Login(Login),
    /// Confirms on phones while pages wait: how soon is a page told?
    Push(Push),
    /// The same with pages that ask again and again, as tutorials have it, or by long poll.
    Poll(Poll),
    /// Everybody at once: all pages come, all lose their connection, the gateway goes away.
    Storm(Storm),
    /// Push, long poll and polling at the same load, in turn, and what one costs more than the other.
    Compare(Compare),
    /// The gateway and the bare programs of `loadtest/peers`, in turn, and whether it meets its targets.
    Peers(Peers),
    /// A generator process of a run.
    #[command(name = "worker", hide = true)]
    Worker,
}

/// What every scenario takes.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Common {
    /// The gateway's public address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: Url,
    /// Starts a gateway by this command, such as "target/release/scangate serve --config config/loadtest.toml", on
    /// ports and in a directory of its own, and stops it at the end.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["url", "pid", "node", "phone_node"])]
    pub(crate) gateway: Option<String>,
    /// Where the pages' connections go, whatever --url says; may be repeated, for pages on several gateways.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) node: Vec<SocketAddr>,
    /// Where the phones' go; another one than --node has each push cross the nodes.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) phone_node: Vec<SocketAddr>,
    /// The Origin the pages claim [default: the origin of --url].
    #[arg(long)]
    pub(crate) origin: Option<String>,
    /// Allows targets that are not loopback. Ask whoever runs them first.
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// The gateway's process on this machine: its memory and CPU are read from /proc; may be repeated.
    #[arg(long)]
    pub(crate) pid: Vec<u32>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes `PREFIX_phases.csv`, `PREFIX_series.csv` (a row a second) and `PREFIX_errors.csv`.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) csv: Option<PathBuf>,
    /// Writes the report as a page with charts, in one file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Makes verifiers and user names from this number instead of at random.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Exit with 99 unless this holds, such as `push_latency:p(99)<5ms` or `errors<1`; may be repeated.
    #[arg(long, value_name = "RULE")]
    pub(crate) threshold: Vec<Threshold>,
    /// Processes of this generator; each takes one processor at most, and has files of its own.
    #[arg(long, default_value = "1")]
    pub(crate) processes: NonZeroUsize,
    /// Addresses the connections come from: 127.0.0.1, 127.0.0.2 … Each has ports of its own.
    #[arg(long, default_value = "1")]
    pub(crate) sources: u8,
    /// Gives up one page or login after this.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Asks the gateway not to draw the QR code (`"svg": false`); in poll and compare it never does.
    #[arg(long)]
    pub(crate) no_svg: bool,
    /// Plain lines of progress instead of a bar, as when there is no terminal.
    #[arg(long)]
    pub(crate) no_tui: bool,
}

/// Pages that wait.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Pages {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Waiting pages.
    #[arg(short = 'n', long, default_value = "1000", visible_alias = "sockets")]
    pub(crate) pages: NonZeroU32,
    /// Pages being opened at the same time, by each process.
    #[arg(short = 'c', long, default_value = "64")]
    pub(crate) connections: NonZeroUsize,
    /// Opens the pages evenly over this time [default: as fast as -c allows].
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub(crate) ramp_up: Duration,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) pages: Pages,
    /// How long they wait once all are open; 25 s and more holds a whole heartbeat.
    #[arg(short = 'z', long, default_value = "30s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Opens at most this many a second [default: as fast as -c allows].
    #[arg(short = 'r', long, value_parser = rate, conflicts_with = "ramp_up")]
    pub(crate) rate: Option<f64>,
    /// Instead of -n: over this time evenly to so many pages, such as `30s:1000`; may be repeated.
    #[arg(long, value_name = "TIME:PAGES", conflicts_with_all = ["pages", "rate", "ramp_up", "save"])]
    pub(crate) stage: Vec<Stage>,
    #[command(flatten)]
    pub(crate) saving: Saving,
}

/// Results that are kept.
#[derive(Debug, ClapArgs)]
pub(crate) struct Saving {
    /// Keeps the figures there with machine, commit and command line, such as in loadtest/results: hold-PAGES.json,
    /// push-PAGES.json, or compare.json with its drawings compare.svg and compare.zh-CN.svg.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) save: Option<PathBuf>,
}

/// People with phones.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Phones {
    /// Where the sandbox listens [default: what the gateway's /api/v1/config says, else port 8090 of --url's host].
    #[arg(long)]
    pub(crate) sandbox: Option<Url>,
    /// Users to make in the sandbox; login i is by user i modulo this, so the first of each is a new user's.
    #[arg(long, default_value = "50")]
    pub(crate) users: NonZeroUsize,
    /// Measures from when something began instead of from when it was due.
    #[arg(long)]
    pub(crate) no_latency_correction: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) phones: Phones,
    /// Logins to make, warm-up included [default: 100, or what --rate or --stage make].
    #[arg(short = 'n', long)]
    pub(crate) logins: Option<NonZeroUsize>,
    /// No login starts after this, whatever -n says.
    #[arg(short = 'z', long, default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Logins at the same time, by each process; with --rate, the most that may be in flight.
    #[arg(short = 'c', long, default_value = "8")]
    pub(crate) connections: NonZeroUsize,
    /// Open model: this many logins are due each second, whether the earlier ones are done or not.
    #[arg(short = 'r', long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// The rate grows from nothing over this time.
    #[arg(long, default_value = "0s", value_parser = duration, requires = "rate")]
    pub(crate) ramp_up: Duration,
    /// Open model: over this time evenly to so many logins a second, such as `30s:200`; may be repeated.
    #[arg(long, value_name = "TIME:RATE", conflicts_with_all = ["rate", "duration"])]
    pub(crate) stage: Vec<Stage>,
    /// The first logins, left out of the figures (their errors are kept).
    #[arg(long, default_value = "0")]
    pub(crate) warmup: usize,
}

/// Confirmations while pages wait.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Confirming {
    #[command(flatten)]
    pub(crate) pages: Pages,
    #[command(flatten)]
    pub(crate) phones: Phones,
    /// How long the pages wait before the first confirmation [default: not at all; in compare 30s].
    #[arg(long, value_parser = duration)]
    pub(crate) idle: Option<Duration>,
    /// Confirmations due each second, whether the earlier ones are done or not; 0 for none. Each is on a page of its own.
    #[arg(short = 'r', long, default_value = "50", value_parser = values::rate_or_none)]
    pub(crate) rate: f64,
    /// For how long.
    #[arg(short = 'z', long, default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// They reject instead, which asks neither WeChat nor the database: the way from the request to the page alone.
    #[arg(long)]
    pub(crate) reject: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Push {
    #[command(flatten)]
    pub(crate) confirming: Confirming,
    /// Instead of -r and -z: over this time evenly to so many confirmations a second; may be repeated.
    #[arg(long, value_name = "TIME:RATE", conflicts_with_all = ["rate", "duration"])]
    pub(crate) stage: Vec<Stage>,
    #[command(flatten)]
    pub(crate) saving: Saving,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Poll {
    #[command(flatten)]
    pub(crate) confirming: Confirming,
    /// Each page asks so often.
    #[arg(long, default_value = "2s", value_parser = values::every)]
    pub(crate) every: Duration,
    /// Long poll instead: the gateway holds the question for up to 25 s.
    #[arg(long, conflicts_with = "every")]
    pub(crate) long: bool,
    /// Instead of -r and -z: over this time evenly to so many confirmations a second; may be repeated.
    #[arg(long, value_name = "TIME:RATE", conflicts_with_all = ["rate", "duration"])]
    pub(crate) stage: Vec<Stage>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Pages.
    #[arg(short = 'n', long, default_value = "1000")]
    pub(crate) pages: NonZeroU32,
    /// Without --gateway: you restart the gateway, or one after the other, within this time. With --gateway it is
    /// restarted for you.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "gateway")]
    pub(crate) drain: Option<Duration>,
    /// How long a page may take to come, or to come back.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) patience: Duration,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) confirming: Confirming,
    /// The polling pages ask so often.
    #[arg(long, default_value = "2s", value_parser = values::every)]
    pub(crate) every: Duration,
    /// Rounds of the three, in another order each; the median counts.
    #[arg(long, default_value = "3")]
    pub(crate) rounds: NonZeroUsize,
    #[command(flatten)]
    pub(crate) saving: Saving,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Peers {
    #[command(flatten)]
    pub(crate) confirming: Confirming,
    /// A peer and how it is started, `{port}` where it shall listen: `raw-tokio=peer-raw-tokio {port}`; may be repeated.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = values::named)]
    pub(crate) peer: Vec<(String, String)>,
    /// Rounds of all, in another order each; the median counts.
    #[arg(long, default_value = "3")]
    pub(crate) rounds: NonZeroUsize,
    /// Writes all figures and the targets as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

impl Scenario {
    /// A worker has none: it is told its job.
    pub(crate) fn common(&self) -> Option<&Common> {
        match self {
            Self::Hold(hold) => Some(&hold.pages.common),
            Self::Login(login) => Some(&login.common),
            Self::Push(push) => Some(&push.confirming.pages.common),
            Self::Poll(poll) => Some(&poll.confirming.pages.common),
            Self::Storm(storm) => Some(&storm.common),
            Self::Compare(compare) => Some(&compare.confirming.pages.common),
            Self::Peers(peers) => Some(&peers.confirming.pages.common),
            Self::Worker => None,
        }
    }

    /// Where its figures are kept.
    pub(crate) fn save(&self) -> Option<&Path> {
        let saving = match self {
            Self::Hold(hold) => &hold.saving,
            Self::Push(push) => &push.saving,
            Self::Compare(compare) => &compare.saving,
            _ => return None,
        };
        saving.save.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        for line in [
            "hold -n 5 --stage 1s:5",
            "push --rate 5 --stage 1s:5",
            "poll --long --every 2s",
            "storm --gateway x --drain 10s",
            "hold --gateway x --pid 1",
            "login --ramp-up 1s",
            "push --rate -1",
            "hold -n 0",
            "hold --stage 1s:5 --save x",
        ] {
            let words = ["loadtest"].into_iter().chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn several_nodes_and_stages_are_taken() {
        let line = "loadtest push --node 127.0.0.1:1 --node [::1]:2 --stage 1s:5 --stage 2s:0 \
                    --pid 1 --pid 2";
        let Scenario::Push(push) = Args::parse_from(line.split_whitespace()).scenario else {
            panic!("{line}")
        };
        assert_eq!(push.stage.len(), 2);
        let common = push.confirming.pages.common;
        assert_eq!((common.node.len(), common.pid.len()), (2, 2));
    }
}
