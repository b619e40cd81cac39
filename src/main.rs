//! The `scangate` command.

use std::process::ExitCode;

use clap::Parser;
use scangate::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => no_runtime(&error),
    }
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn no_runtime(error: &std::io::Error) -> ExitCode {
    eprintln!("scangate: no runtime: {error}");
    ExitCode::FAILURE
}
