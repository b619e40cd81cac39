//! The machine, for the head of a report: a figure without it means nothing.

use std::{fs, process::Command};

use serde_json::{Value, json};

/// Commit, hardware, kernel and limits.
pub(crate) fn describe() -> Value {
    json!({
        "date": today(),
        "loadtest": env!("CARGO_PKG_VERSION"),
        "commit": commit(),
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "open_files": fs::read_to_string("/proc/self/limits").ok().and_then(|limits| {
            let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
            line.split_whitespace().next().map(ToOwned::to_owned)
        }),
    })
}

/// All of the machine, also when this process may use one.
fn cores() -> usize {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = text.lines().filter(|line| line.starts_with("processor"));
    match cores.count() {
        0 => std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get),
        some => some,
    }
}

/// As `date` writes it; a report without it is one that nobody can place.
fn today() -> Option<String> {
    let out = Command::new("date")
        .args(["-u", "+%Y-%m-%d %H:%M UTC"])
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    out.status.success().then(|| text.trim().to_owned())
}

/// The commit of the working copy this is run in, if it is run in one.
fn commit() -> Option<String> {
    let out = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output()
        .ok()?;
    let name = String::from_utf8(out.stdout).ok()?;
    (out.status.success() && !name.trim().is_empty()).then(|| name.trim().to_owned())
}

fn field(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text
        .lines()
        .find(|line| line.starts_with(key))?
        .split_once(':')?;
    Some(value.trim().to_owned())
}
