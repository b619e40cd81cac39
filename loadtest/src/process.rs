//! The gateway's memory and CPU, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, bail};

/// Ticks a second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// A process on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) pid: u32,
}

/// What it holds and has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Its share of memory (PSS); where the kernel does not let us read that, the resident size (RSS).
    pub(crate) memory: u64,
    pub(crate) is_pss: bool,
    pub(crate) cpu: Duration,
}

impl Process {
    /// # Errors
    /// When nothing can be read about it.
    pub(crate) fn usage(self) -> anyhow::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .with_context(|| format!("--pid {}: no such process", self.pid))?;
        let cpu = cpu_time(&stat).with_context(|| format!("/proc/{}/stat", self.pid))?;
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid));
        if let Some(memory) = rollup.ok().and_then(|text| kilobytes(&text, "Pss:")) {
            return Ok(Usage {
                memory,
                is_pss: true,
                cpu,
            });
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        match kilobytes(&status, "VmRSS:") {
            Some(memory) => Ok(Usage {
                memory,
                is_pss: false,
                cpu,
            }),
            None => bail!("/proc/{}/status has no VmRSS", self.pid),
        }
    }
}

impl Usage {
    /// CPU used between two samples.
    pub(crate) fn cpu_since(self, earlier: Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }

    pub(crate) fn memory_since(self, earlier: Self) -> f64 {
        self.memory as f64 - earlier.memory as f64
    }
}

/// Fails with the remedy when `sockets` cannot be open at once, here or in the gateway.
pub(crate) fn check_room(sockets: usize, gateway: Option<Process>) -> anyhow::Result<()> {
    const OTHERS: u64 = 64;
    let needed = u64::try_from(sockets)? + OTHERS;
    let sides = [("this generator", "self".to_owned())]
        .into_iter()
        .chain(gateway.map(|gateway| ("the gateway", gateway.pid.to_string())));
    for (who, pid) in sides {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/limits")) else {
            continue;
        };
        let Some((soft, hard)) = open_files(&text) else {
            continue;
        };
        if soft < needed {
            bail!(
                "{sockets} sockets need {needed} open files, but {who} may have {soft}: start it after \
                 `ulimit -n {needed}` (the hard limit is {hard}{})",
                if hard < needed {
                    "; raise it first, as root or by LimitNOFILE= in its unit"
                } else {
                    ""
                }
            );
        }
    }
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range
        .split_whitespace()
        .filter_map(|end| end.parse::<u64>().ok());
    if let (Some(low), Some(high)) = (ends.next(), ends.next())
        && high.saturating_sub(low) < needed
    {
        bail!(
            "{sockets} sockets need as many ports, but net.ipv4.ip_local_port_range is {low} to {high}: \
             `sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`, or fewer sockets"
        );
    }
    Ok(())
}

fn cpu_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name and may hold spaces and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1000 / TICKS_PER_SECOND,
    ))
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kb| kb * 1024)
}

/// Soft and hard.
fn open_files(limits: &str) -> Option<(u64, u64)> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut numbers = line.split_whitespace().map(|word| {
        if word == "unlimited" {
            Ok(u64::MAX)
        } else {
            word.parse()
        }
    });
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_survives_a_strange_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 100 1 1";
        assert_eq!(cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_time("42 (a"), None);
    }

    #[test]
    fn memory_and_limits_are_read() {
        assert_eq!(
            kilobytes("Rss:  9 kB\nPss:       12 kB\nPss_Dirty: 3 kB\n", "Pss:"),
            Some(12 * 1024)
        );
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 unlimited            files\n";
        assert_eq!(open_files(limits), Some((1024, u64::MAX)));
    }

    #[test]
    fn own_process_is_readable() {
        let usage = Process {
            pid: std::process::id(),
        }
        .usage()
        .unwrap();
        assert!(usage.memory > 0);
    }

    #[test]
    fn too_many_sockets_are_refused_with_a_remedy() {
        let error = check_room(100_000_000, None).unwrap_err().to_string();
        assert!(error.contains("ulimit -n 100000064"), "{error}");
    }
}
