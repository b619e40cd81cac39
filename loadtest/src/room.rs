//! Whether there is room for so many sockets, asked before the first one, and what to do where there is not.

use std::fs;

use anyhow::bail;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::{process::Process, target::Target};

/// Files that a process has open besides its sockets.
const OTHERS: usize = 64;

/// What a run asks of the machine.
#[derive(Debug)]
pub(crate) struct Needs<'a> {
    /// Sockets open at once, of all generators together.
    pub(crate) sockets: usize,
    pub(crate) processes: usize,
    pub(crate) target: &'a Target,
    pub(crate) gateways: &'a [Process],
}

impl Needs<'_> {
    /// # Errors
    /// With the remedy, when so many sockets cannot be open at once here, or in a gateway on this machine.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.own_files(own_limit())?;
        for gateway in self.gateways {
            self.gateway_files(*gateway)?;
        }
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        self.ports(&range.unwrap_or_default())
    }

    fn own_files(&self, limit: u64) -> anyhow::Result<()> {
        let sockets = self.sockets;
        let needed = sockets.div_ceil(self.processes) + OTHERS;
        if limit >= needed as u64 {
            return Ok(());
        }
        let each = usize::try_from(limit)?.saturating_sub(OTHERS).max(1);
        bail!(
            "{sockets} sockets need {needed} open files in each generator, which may have {limit}: \
             --processes {}, or more files (as root `ulimit -n {needed}`, or LimitNOFILE= in a unit)",
            sockets.div_ceil(each)
        );
    }

    fn gateway_files(&self, gateway: Process) -> anyhow::Result<()> {
        let Some((soft, hard)) = gateway.open_files() else {
            return Ok(());
        };
        let sockets = self.sockets.div_ceil(self.target.node_count());
        let needed = sockets + OTHERS;
        if soft >= needed as u64 {
            return Ok(());
        }
        let raise = if hard < needed as u64 {
            "; raise it first, as root or by LimitNOFILE= in its unit, or share the pages among several gateways \
             with --node"
        } else {
            ""
        };
        bail!(
            "{sockets} sockets need {needed} open files, but the gateway (process {}) may have {soft}: start it after \
             `ulimit -n {needed}` (the hard limit is {hard}{raise})",
            gateway.pid
        );
    }

    fn ports(&self, range: &str) -> anyhow::Result<()> {
        let mut ends = range
            .split_whitespace()
            .filter_map(|end| end.parse::<usize>().ok());
        let (Some(low), Some(high)) = (ends.next(), ends.next()) else {
            return Ok(());
        };
        let ports = (high + 1).saturating_sub(low).saturating_sub(OTHERS).max(1);
        let (sockets, routes) = (self.sockets, self.target.routes());
        if ports * routes >= sockets {
            return Ok(());
        }
        let sources = sockets.div_ceil(ports);
        bail!(
            "{sockets} sockets need as many ports, but net.ipv4.ip_local_port_range is {low} to {high}: \
             --sources {sources}, or `sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`, or fewer sockets"
        );
    }
}

/// Takes all the files that this process is allowed, as the soft limit is only there for old programs; returns how many
/// that is.
pub(crate) fn own_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let mut raised = limit;
    raised.current = limit.maximum;
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Scenario};

    async fn target(options: &[&str]) -> Target {
        let words = ["loadtest", "hold"].iter().chain(options);
        let Scenario::Hold(hold) = Args::parse_from(words).scenario else {
            unreachable!()
        };
        let common = hold.pages.common;
        Target::new(&common.url, &common).await.unwrap()
    }

    fn needs(sockets: usize, processes: usize, target: &Target) -> Needs<'_> {
        Needs {
            sockets,
            processes,
            target,
            gateways: &[],
        }
    }

    #[tokio::test]
    async fn too_many_files_are_refused_with_a_remedy() {
        let target = target(&[]).await;
        assert!(needs(19_000, 1, &target).own_files(20_000).is_ok());
        let error = needs(60_000, 1, &target).own_files(20_000).unwrap_err();
        assert!(error.to_string().contains("--processes 4"), "{error}");
        assert!(needs(60_000, 4, &target).own_files(20_000).is_ok());
    }

    #[tokio::test]
    async fn too_many_ports_are_refused_with_a_remedy() {
        let (one, four) = (target(&[]).await, target(&["--sources", "3"]).await);
        let range = "32768\t60999\n";
        assert!(needs(28_000, 1, &one).ports(range).is_ok());
        let error = needs(60_000, 1, &one).ports(range).unwrap_err();
        assert!(error.to_string().contains("--sources 3"), "{error}");
        assert!(needs(60_000, 1, &four).ports(range).is_ok());
        assert!(needs(60_000, 1, &one).ports("").is_ok(), "not Linux");
    }

    #[tokio::test]
    async fn several_gateways_share() {
        let words = ["--node", "127.0.0.1:1", "--node", "127.0.0.1:2"];
        let target = target(&words).await;
        assert!(needs(50_000, 1, &target).ports("32768 60999").is_ok());
        let myself = Process {
            pid: std::process::id(),
        };
        let (soft, _) = myself.open_files().unwrap();
        let most = usize::try_from(soft).unwrap() - OTHERS;
        let both = needs(2 * most, 1, &target);
        assert!(both.gateway_files(myself).is_ok());
        let error = needs(2 * most + 2, 1, &target).gateway_files(myself);
        assert!(error.unwrap_err().to_string().contains("ulimit -n"));
    }
}
