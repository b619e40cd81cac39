//! Load tests for scangate. Knows the gateway only by its contract (`web/PROTOCOL.md`).
//!
//! | | |
//! |---|---|
//! | `args`, `stages`, `threshold` | what is asked for |
//! | `scenario` | what is done and in which order, by the process that counts |
//! | `crew`, `job` | the generator processes and what they are told |
//! | `work` | what a generator process does: pages, phones |
//! | `page`, `socket`, `http`, `form`, `sandbox` | how pages and phones speak |
//! | `bare`, `peer` | the peers that the gateway is measured beside, and how they are spoken to |
//! | `run`, `stats`, `series`, `meter`, `process`, `progress` | what is counted, while it runs |
//! | `report` | what is said when it is over |
//! | `target`, `room`, `gateway`, `pace`, `random` | who is tested, whether that works, and when |

mod args;
mod bare;
mod crew;
mod form;
mod gateway;
mod http;
mod job;
mod meter;
mod pace;
mod page;
mod peer;
mod process;
mod progress;
mod random;
mod report;
mod room;
mod run;
mod sandbox;
mod scenario;
mod series;
mod socket;
mod stages;
mod stats;
mod target;
mod threshold;
mod work;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    args::{Args, Common},
    report::{complain, say},
    run::Run,
    threshold::{Threshold, Verdict},
};

/// A threshold was crossed; k6 uses the same number.
const THRESHOLD_CROSSED: u8 = 99;
/// 128 and the number of the signal, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            complain(&error.render().to_string());
            return ExitCode::FAILURE;
        }
        Err(help) => {
            say(&help.render().to_string());
            return ExitCode::SUCCESS;
        }
    };
    let done = match args.scenario.common() {
        Some(common) => measure(&args, common),
        None => work::run(),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("loadtest: {error:#}"));
        ExitCode::FAILURE
    })
}

fn measure(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    for threshold in &common.threshold {
        threshold.check_name(scenario::names(&args.scenario))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut run = scenario::prepare(args, common);
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Whatever was started for the run ends with its future.
        let done = tokio::select! {
            done = scenario::run(args, &mut run) => Some(done),
            _ = interrupt.recv() => None,
        };
        run.finish(common.processes.get());
        match done {
            Some(done) => done?,
            None => run.report.interrupted = true,
        }
        finish(args, common, &run)
    })
}

/// Writes all reports, and judges.
fn finish(args: &Args, common: &Common, run: &Run) -> anyhow::Result<ExitCode> {
    let report = &run.report;
    let verdicts: Vec<_> = common
        .threshold
        .iter()
        .map(|threshold| threshold.judge(report))
        .collect();
    say(&report.table(&verdicts));
    if let Some(path) = &common.json {
        report.write_json(path, &verdicts)?;
    }
    if let Some(prefix) = &common.csv {
        report.write_csv(prefix)?;
    }
    if let Some(path) = &common.html {
        report.write_html(path, &verdicts)?;
    }
    if let Some(folder) = args.scenario.save().filter(|_| !report.interrupted) {
        report::save(folder, report, &verdicts)?;
    }
    Ok(verdict(
        &common.threshold,
        &verdicts,
        report.errors(),
        report.interrupted,
    ))
}

fn verdict(
    thresholds: &[Threshold],
    verdicts: &[Verdict],
    errors: u64,
    interrupted: bool,
) -> ExitCode {
    let errors_are_judged = thresholds.iter().any(Threshold::judges_errors);
    if interrupted {
        ExitCode::from(INTERRUPTED)
    } else if verdicts.iter().any(|verdict| !verdict.ok) {
        ExitCode::from(THRESHOLD_CROSSED)
    } else if errors > 0 && !errors_are_judged {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
