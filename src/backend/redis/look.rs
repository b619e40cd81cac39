//! What there is to say of a Redis before it is used.

use std::collections::HashMap;

use secrecy::SecretString;

use super::{CLOCKS_APART, Link, place::Place};
use crate::{
    backend::OpenError,
    clock::{Clock, Millis},
    cluster::StoreError,
};

/// The least version: the scripts and RESP3 need it.
const LEAST: u32 = 7;

/// A Redis as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// "7.0.15"
    pub server: String,
    /// `maxmemory-policy`; `None` where it is not told.
    pub policy: Option<String>,
    /// How far its clock is from this machine's.
    pub apart: Millis,
    /// Whether nobody in between can read along.
    pub is_private: bool,
}

impl Look {
    /// Whether a gateway starts with these clocks.
    pub const fn is_in_time(&self) -> bool {
        self.apart <= CLOCKS_APART
    }

    /// Whether it is new enough; one that tells no version is taken for it.
    pub fn is_new_enough(&self) -> bool {
        let major = self
            .server
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        major.is_none_or(|major: u32| major >= LEAST)
    }
}

/// Looks, and changes nothing.
///
/// # Errors
/// [`OpenError`]
pub async fn look(url: &SecretString) -> Result<Look, OpenError> {
    let clock = Clock::new();
    let (link, []) = Link::open(url, [], clock.clone()).await?;
    let server = link.time().await.map_err(OpenError::Away)?;
    let apart = server.abs_diff(clock.now());
    let found = link.ask(redis::cmd("INFO").arg("server")).await;
    let found: String = found.map_err(OpenError::Away)?;
    // Where the command is forbidden, as in the clouds, nothing is known.
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("maxmemory-policy");
    let policy: Result<HashMap<String, String>, StoreError> = link.ask(&ask).await;
    Ok(Look {
        server: version(&found),
        policy: policy.ok().and_then(|found| found.into_values().next()),
        apart,
        is_private: link.place().is_private(),
    })
}

/// Valkey says here which Redis it is compatible with.
fn version(info: &str) -> String {
    let mut lines = info.lines();
    let found = lines.find_map(|line| line.strip_prefix("redis_version:"));
    found.unwrap_or_default().trim().to_owned()
}

impl Place {
    /// Over TLS, or on this machine.
    fn is_private(&self) -> bool {
        let all = match self {
            Self::Server(info) => std::slice::from_ref(info),
            Self::Sentinel { template, .. } => std::slice::from_ref(template),
            Self::Cluster(nodes) => nodes,
        };
        all.iter().all(|info| match info.addr() {
            redis::ConnectionAddr::Tcp(host, _) => {
                host == "localhost"
                    || host
                        .parse()
                        .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            _ => true,
        })
    }
}
