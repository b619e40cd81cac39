//! Every task that is not one HTTP request: named, tracked, and waited for at shutdown.

use std::{future::Future, time::Duration};

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Spawns on the multi-thread runtime, wherever it is called from.
#[derive(Clone, Debug)]
pub struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Tasks on the runtime this is called from.
    #[expect(
        clippy::new_without_default,
        reason = "it must be called inside a runtime"
    )]
    pub fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Spawns work that must finish even when its caller is gone; shutdown waits for it.
    pub fn spawn<F>(&self, name: &'static str, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let span = tracing::debug_span!("task", name);
        self.tracker
            .spawn_on(work.instrument(span).in_current_span(), &self.runtime)
    }

    /// Runs work that keeps a processor busy on a thread of its own; it cannot be stopped, and shutdown waits for it.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.tracker.spawn_blocking_on(work, &self.runtime)
    }

    /// Spawns what serves one connection, to its end. Bare of the span that other tasks have: most tasks are these.
    pub fn spawn_connection<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn_on(work, &self.runtime);
    }

    /// Spawns a loop that ends when shutdown begins.
    pub fn spawn_loop<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.spawn(name, async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Is cancelled when the loops are to end.
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Ends the loops and waits for the rest, at most `grace`; tells whether all of them ended.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
    }
}
