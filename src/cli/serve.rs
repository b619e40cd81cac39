//! `scangate serve`: the gateway, until it is told to stop.

use std::pin::pin;

use super::{stop_signal, systemd};
use crate::{app::App, clock::Clock, config::Config};

pub(super) async fn serve(config: Config) -> anyhow::Result<()> {
    let mut stop = pin!(async {
        if let Err(error) = stop_signal().await {
            tracing::error!(%error, "signals cannot be heard: stopping");
        }
        systemd::stopping();
    });
    let clock = Clock::new();
    // A start may wait for its database.
    let app = tokio::select! {
        biased;
        () = &mut stop => {
            tracing::info!("stopped before the start was over");
            return Ok(());
        }
        app = App::build(config, clock.clone()) => app?,
    };
    welcome(&app);
    // What is waited for is asked first when everything serves.
    let stop = async {
        systemd::ready();
        stop.await;
    };
    tokio::select! {
        biased;
        done = app.run_until(stop) => done,
        never = systemd::stay_alive(&clock) => match never {},
    }
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
