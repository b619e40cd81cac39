//! All sockets of this node, and the one wheel that pings them: no timer for each.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicUsize, Ordering},
};

use super::connection::Connection;
use crate::{
    clock::Clock,
    code::{Close, Code},
    protocol::{Control, FIRST_COMMAND_WITHIN_MS, PING_INTERVAL_MS, PONG_WITHIN_MS},
    push::Drain,
};

const TICK_MS: u64 = 1_000;
const SLOTS: usize = ticks(PING_INTERVAL_MS);

const fn ticks(ms: u64) -> usize {
    (ms / TICK_MS) as usize
}

/// Every open socket in the slot of the second it came in: its next ping is one turn of the wheel away.
#[derive(Default)]
pub(crate) struct Sockets {
    slots: [Mutex<Vec<Weak<Connection>>>; SLOTS],
    tick: AtomicUsize,
}

impl Sockets {
    /// Puts a socket in; it leaves by being dropped.
    pub(super) fn join(&self, connection: &Arc<Connection>) {
        let slot = self.tick.load(Ordering::Acquire) % SLOTS;
        self.in_slot(slot, |sockets| sockets.push(Arc::downgrade(connection)));
    }

    /// Turns the wheel, once a second of `clock`; runs until the process stops.
    pub(crate) async fn turn(&self, clock: &Clock) {
        let mut next = clock.now() + TICK_MS;
        loop {
            clock.sleep_until(next).await;
            // After a gap one turn of the wheel reaches everybody; more would only hold up the thread.
            next = next.max(clock.now().saturating_sub(PING_INTERVAL_MS)) + TICK_MS;
            self.tick(clock);
        }
    }

    /// Sends every socket away, in the waves of `drain`, which has begun: whoever joins from here on is told there.
    pub(crate) async fn send_away(&self, drain: &Drain) {
        let slots = 0..SLOTS;
        let all: Vec<_> = slots
            .flat_map(|slot| self.in_slot(slot, |sockets| sockets.clone()))
            .collect();
        let tell = |socket: &Weak<Connection>| {
            if let Some(connection) = socket.upgrade() {
                connection.send_away(drain);
            }
        };
        drain.in_waves(&all, tell).await;
    }

    /// One second of the wheel: who came in a whole turn ago is pinged, who was pinged [`PONG_WITHIN_MS`] ago must
    /// have answered, who came in [`FIRST_COMMAND_WITHIN_MS`] ago must have said something.
    fn tick(&self, clock: &Clock) {
        let now = clock.now();
        let tick = self.tick.fetch_add(1, Ordering::AcqRel) + 1;
        let ping = Control::Ping { now }.encode();
        let slot_before = |ms| (tick + SLOTS - ticks(ms) % SLOTS) % SLOTS;
        self.in_slot(tick % SLOTS, |sockets| {
            sockets.retain(|socket| socket.strong_count() > 0)
        });
        for connection in self.connections(tick % SLOTS) {
            connection.ping(&ping, now);
        }
        for connection in self.connections(slot_before(PONG_WITHIN_MS)) {
            // One tick less: turns of the wheel are a little early or late.
            if connection.is_silent(now, PONG_WITHIN_MS - TICK_MS) {
                connection.close(Close::Gone);
            }
        }
        // One tick more: whoever came in late in its second has its whole time.
        for connection in self.connections(slot_before(FIRST_COMMAND_WITHIN_MS + TICK_MS)) {
            if connection.is_late(now, FIRST_COMMAND_WITHIN_MS) {
                connection.refuse(Code::TooSlow.into(), None);
            }
        }
    }

    /// Copied out, so that no lock is held while sockets are written to.
    fn connections(&self, slot: usize) -> Vec<Arc<Connection>> {
        self.in_slot(slot, |sockets| {
            sockets.iter().filter_map(Weak::upgrade).collect()
        })
    }

    fn in_slot<T>(&self, slot: usize, work: impl FnOnce(&mut Vec<Weak<Connection>>) -> T) -> T {
        let mut sockets = self.slots[slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&mut sockets)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_month_asleep_costs_one_turn() {
        let (sockets, clock) = (Sockets::default(), Clock::new());
        let asleep = async {
            clock.advance(Duration::from_secs(30 * 24 * 3600));
            clock.sleep(Duration::from_millis(1)).await;
        };
        tokio::select! {
            biased;
            () = sockets.turn(&clock) => {}
            () = asleep => {}
        }
        let ticks = sockets.tick.load(Ordering::Acquire);
        assert!((SLOTS..=SLOTS + 2).contains(&ticks), "{ticks}");
    }
}
