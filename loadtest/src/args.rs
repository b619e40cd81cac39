//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand};
use url::Url;

use crate::{
    hold, login,
    threshold::{Names, Threshold},
};

/// Load tests for scangate: speaks to a gateway as a stranger does.
///
/// Exit code: 0 all well; 1 wrong usage, the run could not be made, or something failed and no threshold
/// judges errors; 99 a threshold was crossed.
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
}

impl Scenario {
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Hold(hold) => &hold.common,
            Self::Login(login) => &login.common,
        }
    }

    /// The names a threshold may use.
    pub(crate) fn figures(&self) -> Names {
        match self {
            Self::Hold(_) => Names {
                phases: hold::PHASES,
                values: hold::VALUES,
            },
            Self::Login(_) => Names {
                phases: login::PHASES,
                values: login::VALUES,
            },
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// The gateway's public address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: Url,
    /// The Origin the pages claim [default: the origin of --url].
    #[arg(long)]
    pub(crate) origin: Option<String>,
    /// Allows targets that are not loopback. Ask whoever runs them first.
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// The gateway's process on this machine: its memory and CPU are read from /proc.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Makes verifiers and user names from this number instead of at random.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Exit with 99 unless this holds, such as `authorized:p(99)<50ms` or `errors<1`; may be repeated.
    #[arg(long, value_name = "RULE")]
    pub(crate) threshold: Vec<Threshold>,
    /// Threads of this generator.
    #[arg(long, default_value = "1")]
    pub(crate) threads: NonZeroUsize,
    /// Gives up one page or login after this.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Asks the gateway not to draw the QR code (`"svg": false`).
    #[arg(long)]
    pub(crate) no_svg: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Waiting pages.
    #[arg(short = 'n', long, default_value = "1000")]
    pub(crate) sockets: NonZeroUsize,
    /// How long they wait once all are open; 25 s and more holds a whole heartbeat.
    #[arg(short = 'z', long, default_value = "30s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Pages being opened at the same time.
    #[arg(short = 'c', long, default_value = "64")]
    pub(crate) connections: NonZeroUsize,
    /// Opens at most this many a second [default: as fast as -c allows].
    #[arg(short = 'r', long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Where the sandbox listens [default: what the gateway's /api/v1/config says, else port 8090 of --url's host].
    #[arg(long)]
    pub(crate) sandbox: Option<Url>,
    /// Logins to make, warm-up included.
    #[arg(short = 'n', long, default_value = "100")]
    pub(crate) logins: NonZeroUsize,
    /// No login starts after this, whatever -n says.
    #[arg(short = 'z', long, default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Logins at the same time; with --rate, the most that may be in flight.
    #[arg(short = 'c', long, default_value = "8")]
    pub(crate) connections: NonZeroUsize,
    /// Open model: this many logins are due each second, whether the earlier ones are done or not.
    #[arg(short = 'r', long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Users to make in the sandbox; login i is by user i modulo this, so the first of each is a new user's.
    #[arg(long, default_value = "50")]
    pub(crate) users: NonZeroUsize,
    /// The first logins, left out of the figures (their errors are kept).
    #[arg(long, default_value = "0")]
    pub(crate) warmup: usize,
    /// With --rate, measures `whole` from when a login began instead of when it was due.
    #[arg(long)]
    pub(crate) no_latency_correction: bool,
}

/// `90s`, `500ms`, `2m`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(
        text.find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len()),
    );
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit; use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|error| format!("`{number}`: {error}"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err("a rate is a number of events a second above 0".to_owned()),
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
    fn durations_take_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5 parsecs").is_err());
        assert!(duration("-1s").is_err());
    }

    #[test]
    fn rates_are_positive() {
        assert!(rate("0").is_err());
        assert!(rate("NaN").is_err());
        assert_eq!(rate("0.5"), Ok(0.5));
    }
}
