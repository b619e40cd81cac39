//! Load tests for scangate. Knows the gateway only by its contract (`web/PROTOCOL.md`).

mod args;
mod form;
mod hold;
mod host;
mod login;
mod phone;
mod process;
mod random;
mod report;
mod sandbox;
mod socket;
mod stats;
mod target;
mod threshold;

use std::process::ExitCode;

use clap::Parser;

use self::{
    args::{Args, Scenario},
    report::{Report, say},
    threshold::Threshold,
};

/// A threshold was crossed; k6 uses the same number.
const THRESHOLD_CROSSED: u8 = 99;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let wanted_help = !error.use_stderr();
            say(&error.render().to_string());
            return if wanted_help {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("loadtest: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let common = args.scenario.common();
    let thresholds = common.threshold.as_slice();
    for threshold in thresholds {
        threshold.check_name(args.scenario.figures())?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(common.threads.get())
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        match &args.scenario {
            Scenario::Hold(hold) => hold::run(hold).await,
            Scenario::Login(login) => login::run(login).await,
        }
    })?;
    finish(&report, thresholds, common.json.as_deref())
}

fn finish(
    report: &Report,
    thresholds: &[Threshold],
    json: Option<&std::path::Path>,
) -> anyhow::Result<ExitCode> {
    let verdicts: Vec<_> = thresholds
        .iter()
        .map(|threshold| threshold.judge(report))
        .collect();
    say(&report.table(&verdicts));
    if let Some(path) = json {
        report.write_json(path, &verdicts)?;
    }
    let errors_are_judged = thresholds.iter().any(Threshold::judges_errors);
    Ok(if verdicts.iter().any(|verdict| !verdict.ok) {
        ExitCode::from(THRESHOLD_CROSSED)
    } else if report.errors() > 0 && !errors_are_judged {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
