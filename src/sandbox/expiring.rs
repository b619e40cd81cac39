//! A map that cannot grow without bound.

use std::collections::{HashMap, VecDeque};

use crate::clock::Millis;

/// Entries that all live equally long, at most `capacity` of them: the oldest makes room.
#[derive(Debug)]
pub(super) struct Expiring<V> {
    capacity: usize,
    ttl: Millis,
    entries: HashMap<String, V>,
    /// When to forget which key; insertion order is the order of expiry.
    order: VecDeque<(Millis, String)>,
}

impl<V> Expiring<V> {
    pub(super) fn new(capacity: usize, ttl: Millis) -> Self {
        Self {
            capacity,
            ttl,
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Keeps `value` under a key that was never used before (a random one).
    pub(super) fn insert(&mut self, key: String, value: V, now: Millis) {
        self.forget_expired(now);
        while self.entries.len() >= self.capacity {
            let Some((_, oldest)) = self.order.pop_front() else {
                break;
            };
            self.entries.remove(&oldest);
        }
        self.order
            .push_back((now.saturating_add(self.ttl), key.clone()));
        self.entries.insert(key, value);
    }

    pub(super) fn get(&mut self, key: &str, now: Millis) -> Option<&mut V> {
        self.forget_expired(now);
        self.entries.get_mut(key)
    }

    fn forget_expired(&mut self, now: Millis) {
        while let Some((_, key)) = self.order.pop_front_if(|(deadline, _)| *deadline <= now) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_the_expired_are_forgotten() {
        let mut map = Expiring::new(2, 100);
        for (key, now) in [("a", 0), ("b", 10), ("c", 20)] {
            map.insert(key.to_owned(), key.to_owned(), now);
        }
        assert_eq!(map.get("a", 20), None, "made room");
        assert!(map.get("b", 109).is_some());
        assert_eq!(map.get("b", 110), None, "expired");
        assert!(map.get("c", 110).is_some());
        assert_eq!(map.get("c", 120), None);
        assert!(map.entries.is_empty() && map.order.is_empty());
    }
}
