//! `scangate serve`: the gateway, until it is told to stop.

use std::pin::pin;

use super::stop_signal;
use crate::{app::App, clock::Clock, config::Config};

pub(super) async fn serve(config: Config) -> anyhow::Result<()> {
    let mut stop = pin!(async {
        if let Err(error) = stop_signal().await {
            tracing::error!(%error, "signals cannot be heard: stopping");
        }
    });
    // A start may wait for its database.
    let app = tokio::select! {
        biased;
        () = &mut stop => {
            tracing::info!("stopped before the start was over");
            return Ok(());
        }
        app = App::build(config, Clock::new()) => app?,
    };
    welcome(&app);
    app.run_until(stop).await
}

/// A few clear lines about what to open.
#[expect(
    clippy::print_stdout,
    reason = "for the person at the terminal; the log goes to standard error"
)]
fn welcome(app: &App) {
    println!("scangate {}", env!("CARGO_PKG_VERSION"));
    println!("  login page  {}", app.public_url());
    if let Some(address) = app.sandbox_addr() {
        println!(
            "  phone       http://{address}/phone   (sandbox: it plays WeChat, nobody is really logged in)"
        );
    }
    println!("  admin       http://{}/metrics", app.admin_addr());
    println!("  data        {}", app.config().data_dir().display());
}
