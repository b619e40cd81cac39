//! The `scangate` command.

use std::process::ExitCode;

use clap::Parser;
use scangate::cli::{self, Cli};

/// Many small blocks lie close together, and what sockets leave behind goes back to the system, by a thread of its own.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
