//! Memory and CPU of a process on this machine, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, bail};

/// Ticks a second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;
/// Bytes of a page in `/proc/<pid>/statm`.
const PAGE: u64 = 4096;

/// A process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
}

/// What it holds and has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) memory: u64,
    /// Whether memory is its share (PSS) or, where the kernel does not let us read that, the resident size (RSS).
    pub(crate) is_pss: bool,
    pub(crate) cpu: Duration,
}

impl Process {
    /// With the share of memory, which takes the kernel milliseconds to add up: for moments when nobody is timed.
    ///
    /// # Errors
    /// When nothing can be read about it.
    pub(crate) fn usage(self) -> anyhow::Result<Usage> {
        let glance = self.glance()?;
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid));
        Ok(
            match rollup.ok().and_then(|text| kilobytes(&text, "Pss:")) {
                Some(memory) => Usage {
                    memory,
                    is_pss: true,
                    ..glance
                },
                None => glance,
            },
        )
    }

    /// With the resident size, which costs nothing.
    pub(crate) fn glance(self) -> anyhow::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .with_context(|| format!("no process {} (--pid)", self.pid))?;
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid))?;
        let resident = statm.split_whitespace().nth(1);
        let pages = resident.and_then(|pages| pages.parse::<u64>().ok());
        match (cpu_time(&stat), pages) {
            (Some(cpu), Some(pages)) => Ok(Usage {
                memory: pages * PAGE,
                is_pss: false,
                cpu,
            }),
            _ => bail!("/proc/{}: not as expected", self.pid),
        }
    }

    /// How many files it may have open: soft and hard.
    pub(crate) fn open_files(self) -> Option<(u64, u64)> {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.pid)).ok()?;
        open_files(&limits)
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

    /// Of several processes together.
    pub(crate) fn sum(usages: impl Iterator<Item = Self>) -> Self {
        let nothing = Self {
            is_pss: true,
            ..Self::default()
        };
        usages.fold(nothing, |sum, usage| Self {
            memory: sum.memory + usage.memory,
            is_pss: sum.is_pss && usage.is_pss,
            cpu: sum.cpu + usage.cpu,
        })
    }
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

    const MYSELF: fn() -> Process = || Process {
        pid: std::process::id(),
    };

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
        let (whole, glance) = (MYSELF().usage().unwrap(), MYSELF().glance().unwrap());
        assert!(whole.memory > 0 && glance.memory > 0);
        assert!(MYSELF().open_files().is_some());
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        let error = Process { pid: u32::MAX }.usage().unwrap_err().to_string();
        assert!(error.contains("4294967295"), "{error}");
    }

    #[test]
    fn several_processes_add_up() {
        let usage = |memory, is_pss| Usage {
            memory,
            is_pss,
            cpu: Duration::from_secs(1),
        };
        let sum = Usage::sum([usage(10, true), usage(5, false)].into_iter());
        assert_eq!((sum.memory, sum.is_pss), (15, false));
        assert_eq!(sum.cpu, Duration::from_secs(2));
    }
}
