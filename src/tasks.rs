//! Every task that is not one HTTP request: named, tracked, and waited for at shutdown.

use std::{future::Future, time::Duration};

use futures_util::FutureExt;
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinHandle},
};
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

    /// The same, waited for. It begins on the caller's thread, and becomes a task once it has to wait: what needs no other
    /// machine seldom has to, and is spared the way to another thread and back.
    ///
    /// # Errors
    /// When its task ended with the process.
    pub async fn see_through<F>(&self, name: &'static str, work: F) -> Result<F::Output, JoinError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut work = Box::pin(work);
        let begun = {
            // What it opens belongs to the runtime that it may go on in.
            let _runtime = self.runtime.enter();
            work.as_mut().now_or_never()
        };
        match begun {
            Some(done) => Ok(done),
            None => self.spawn(name, work).await,
        }
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_that_waits_for_nothing_is_done_where_it_was_asked_for() {
        let here = thread::current().id();
        let work = async move { thread::current().id() };
        assert_eq!(Tasks::new().see_through("work", work).await.unwrap(), here);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_that_waits_is_done_although_its_caller_is_gone() {
        let tasks = Tasks::new();
        let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let work = {
            let (go, done) = (go.clone(), done.clone());
            async move {
                go.notified().await;
                done.notify_one();
            }
        };
        let caller = tasks.see_through("work", work).now_or_never();
        assert!(caller.is_none());
        go.notify_one();
        done.notified().await;
        assert!(tasks.shut_down(Duration::from_secs(10)).await);
    }
}
