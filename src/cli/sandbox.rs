//! `scangate sandbox`: what plays WeChat, alone.

use anyhow::Context;

use super::stop_signal;
use crate::{app::playing_for, clock::Clock, config::Config, sandbox::Sandbox};

#[expect(
    clippy::print_stdout,
    reason = "for the person at the terminal; the log goes to standard error"
)]
pub(super) async fn sandbox(config: &Config) -> anyhow::Result<()> {
    let bind = config.sandbox.bind;
    let sandbox = Sandbox::bind(&config.sandbox, Clock::new())
        .with_context(|| format!("sandbox.bind: {bind}"))?;
    let sandbox = playing_for(sandbox, config);
    println!("scangate {} sandbox", env!("CARGO_PKG_VERSION"));
    println!("  phone       http://{}/phone", sandbox.addr());
    let server = sandbox.into_server()?;
    let handle = server.handle();
    let stopped = async {
        let heard = stop_signal().await;
        handle.stop(true).await;
        heard
    };
    let (served, heard) = tokio::join!(server, stopped);
    served.and(heard).context("the sandbox could not serve")
}
