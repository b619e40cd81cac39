//! The machine, for the head of a report: a figure without it means nothing.

use std::{fs, process::Command};

use serde_json::{Value, json};

/// Commit, hardware, kernel and limits.
pub(crate) fn describe() -> Value {
    let mut host = json!({
        "date": today(),
        "loadtest": env!("CARGO_PKG_VERSION"),
        "commit": commit(),
        "dirty": commit().and_then(|_| is_dirty()),
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "open_files": fs::read_to_string("/proc/self/limits").ok().and_then(|limits| {
            let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
            line.split_whitespace().next().map(ToOwned::to_owned)
        }),
    });
    if let Some(host) = host.as_object_mut() {
        host.retain(|_, value| !value.is_null());
    }
    host
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

/// RFC 3339; a report without it is one that nobody can place.
fn today() -> Option<String> {
    let mut date = Command::new("date");
    said(date.args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))
}

/// The commit of the working copy this is run in, if it is run in one.
fn commit() -> Option<String> {
    said(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))
}

/// Whether that working copy has other files than the commit. Results that were saved a moment ago change nothing.
fn is_dirty() -> Option<bool> {
    let mut git = Command::new("git");
    git.args(["diff", "--quiet", "HEAD", "--", ":/"]);
    let out = git.arg(":(top,exclude)loadtest/results").output().ok()?;
    match out.status.code() {
        Some(0) => Some(false),
        Some(1) => Some(true),
        _ => None,
    }
}

/// One line, if all went well.
fn said(command: &mut Command) -> Option<String> {
    let out = command.output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let line = text.trim();
    (out.status.success() && !line.is_empty()).then(|| line.to_owned())
}

fn field(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text
        .lines()
        .find(|line| line.starts_with(key))?
        .split_once(':')?;
    Some(value.trim().to_owned())
}
