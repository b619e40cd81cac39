//! Says when each arrival is due.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

/// Arrivals that may wait to be taken; the thread then waits too, and the times stay as intended.
const WAITING: usize = 1_024;

/// One arrival.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// When it was intended: what is late counts from here (coordinated omission).
    pub(crate) at: Instant,
    /// Which one of all generators' arrivals.
    pub(crate) index: usize,
}

/// A thread of its own, because the runtime's clock ticks in milliseconds and a push takes a fraction of one. It ends
/// with the receiver.
pub(crate) fn pace(
    dues: impl Iterator<Item = (usize, Duration)> + Send + 'static,
) -> mpsc::Receiver<Due> {
    let (told, hears) = mpsc::channel(WAITING);
    let began = Instant::now();
    std::thread::spawn(move || {
        for (index, after) in dues {
            let at = began + after;
            wait_until(at);
            if told.blocking_send(Due { at, index }).is_err() {
                return;
            }
        }
    });
    hears
}

fn wait_until(at: Instant) {
    loop {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_due_too_early_and_nothing_is_left_out() {
        let began = Instant::now();
        let dues = [0, 1, 1, 3].map(Duration::from_millis);
        let mut paced = pace(dues.into_iter().enumerate());
        for (index, after) in dues.into_iter().enumerate() {
            let due = paced.recv().await.unwrap();
            assert_eq!(due.index, index);
            assert!(due.at >= began + after);
            assert!(Instant::now() >= due.at);
        }
        assert!(paced.recv().await.is_none());
    }

    #[tokio::test]
    async fn times_stay_as_intended_when_nobody_takes_them() {
        let mut paced = pace((0..WAITING + 10).map(|index| (index, Duration::ZERO)));
        let first = paced.recv().await.unwrap();
        tokio::task::yield_now().await;
        let mut last = first;
        while let Some(due) = paced.recv().await {
            last = due;
        }
        assert_eq!((last.index, last.at), (WAITING + 9, first.at));
    }
}
