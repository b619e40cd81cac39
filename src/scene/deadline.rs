//! One queue of deadlines for all scenes of a node: no task, no timer for each.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::SceneId;
use crate::clock::{Clock, Millis};

/// Who is due when. Holds one entry for each scene, so it is as bounded as the scenes are.
#[derive(Debug, Default)]
pub struct Deadlines {
    queue: Mutex<BTreeSet<(Millis, SceneId)>>,
    earlier: Notify,
}

impl Deadlines {
    /// Puts a scene in, or moves it from the deadline it had.
    pub fn set(&self, id: SceneId, was: Option<Millis>, due: Millis) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(was) = was {
            queue.remove(&(was, id));
        }
        queue.insert((due, id));
        let is_first = queue.first() == Some(&(due, id));
        drop(queue);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// The next scene whose time has come, once it has; taken out. For one caller.
    pub async fn next(&self, clock: &Clock) -> SceneId {
        loop {
            let first = self.first();
            match first {
                None => self.earlier.notified().await,
                Some((due, id)) if due <= clock.now() => {
                    if self.take(due, id) {
                        return id;
                    }
                }
                Some((due, _)) => tokio::select! {
                    () = clock.sleep_until(due) => {}
                    () = self.earlier.notified() => {}
                },
            }
        }
    }

    /// How many scenes are in.
    pub fn len(&self) -> usize {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn first(&self) -> Option<(Millis, SceneId)> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .first()
            .copied()
    }

    fn take(&self, due: Millis, id: SceneId) -> bool {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(due, id))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn scenes_come_in_the_order_of_their_deadlines() {
        let (clock, deadlines) = (Clock::new(), Deadlines::default());
        let [first, second, third] = [1, 2, 3].map(|n| SceneId([n; 16]));
        let now = clock.now();
        deadlines.set(third, None, now + 3_000);
        deadlines.set(first, None, now + 1_000);
        deadlines.set(second, None, now + 9_000);
        deadlines.set(second, Some(now + 9_000), now + 2_000);
        for expected in [first, second, third] {
            assert_eq!(deadlines.next(&clock).await, expected);
        }
        assert!(deadlines.is_empty());
        assert!(clock.now() >= now + 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_wakes_the_waiter() {
        let (clock, deadlines) = (Clock::new(), Deadlines::default());
        let (late, early) = (SceneId([1; 16]), SceneId([2; 16]));
        deadlines.set(late, None, clock.now() + 60_000);
        let start = clock.now();
        let waiter = deadlines.next(&clock);
        let setter = async {
            clock.sleep(Duration::from_secs(1)).await;
            deadlines.set(early, None, clock.now() + 1_000);
        };
        let (id, ()) = tokio::join!(waiter, setter);
        assert_eq!(id, early);
        assert!(clock.now() < start + 10_000);
    }
}
