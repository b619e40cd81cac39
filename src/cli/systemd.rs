//! What systemd is told (`sd_notify(3)`). Nothing where nobody asks for it (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).

use std::{convert::Infallible, time::Duration};

use sd_notify::NotifyState;

use crate::{clock::Clock, tasks::Tasks};

/// The shortest time between two signs of life, however impatient systemd is.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Everything serves.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// It was asked to stop, and does.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says that it lives, twice in the time that systemd waits for it; for ever. Each time a task has run on the
/// runtime's workers before: when these stand still nothing is said, and systemd starts the gateway anew.
pub(super) async fn stay_alive(clock: &Clock) -> Infallible {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let tasks = Tasks::new();
    loop {
        // It cannot panic, and nobody aborts it.
        let _ = tasks.spawn("sign of life", async {}).await;
        tell(NotifyState::Watchdog);
        clock.sleep((patience / 2).max(SHORTEST_PAUSE)).await;
    }
}

/// Who does not hear it restarts the gateway, or never counts it as started: an operator has to look.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(&state)) {
        tracing::error!(%error, %state, "systemd cannot be told (NOTIFY_SOCKET)");
    }
}
