//! Fuzz targets for what strangers send: `tests/fuzz/run.sh` builds this with coverage and runs all of them.
//!
//! One program holds all targets, so that it is linked once; `SCANGATE_FUZZ` names the one to run, or is `list`.
//! `SCANGATE_FUZZ_SEEDS` names a folder to put the target's seeds in first: the cases of `tests/vectors`.

#![no_main]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a target that panics is what is looked for, and one lists the targets"
)]

mod seeds;
mod sender;
mod targets;

use std::{env, fs, path::Path, process, sync::OnceLock};

/// A name, what an input is given to, and inputs to begin with.
type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

const TARGETS: [Target; 6] = [
    ("url", targets::url, seeds::url),
    ("envelope", targets::envelope, seeds::envelope),
    ("sealed", targets::sealed, seeds::sealed),
    ("xml", targets::xml, seeds::xml),
    ("answer", targets::answer, seeds::answer),
    ("command", targets::command, seeds::command),
];

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |input: &[u8]| {
    TARGET.get().unwrap()(input);
});

fn choose() {
    let name = env::var("SCANGATE_FUZZ").unwrap_or_default();
    if name == "list" {
        TARGETS.iter().for_each(|(name, ..)| println!("{name}"));
        process::exit(0);
    }
    let target = TARGETS.iter().find(|target| target.0 == name);
    let (_, run, seeds) = target.unwrap_or_else(|| panic!("SCANGATE_FUZZ={name}: no such target"));
    if let Some(folder) = env::var_os("SCANGATE_FUZZ_SEEDS") {
        for (number, seed) in seeds().iter().enumerate() {
            fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).unwrap();
        }
    }
    TARGET.set(*run).unwrap();
}
