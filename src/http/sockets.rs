//! How many sockets and streams are open, in all and from one address.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    client_address::LimitKey,
    limits::{Limited, limited, lock},
};
use crate::code::Code;

/// When a caller may try again whose address has too many open.
const ADDRESS_FULL: Duration = Duration::from_secs(10);

/// When a caller may try again while the whole gateway is full.
const ALL_FULL: Duration = Duration::from_secs(5);

/// The places for sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    taken: Arc<Mutex<Taken>>,
    per_address: u32,
    max: usize,
}

/// Both counts, changed together. There are at most as many addresses as sockets.
#[derive(Debug, Default)]
struct Taken {
    by_address: HashMap<LimitKey, u32>,
    all: usize,
}

impl Sockets {
    pub(super) fn new(per_address: u32, max: usize) -> Self {
        Self {
            taken: Arc::default(),
            per_address,
            max,
        }
    }

    pub(super) fn take(&self, key: LimitKey) -> Result<SocketPermit, Limited> {
        let mut taken = lock(&self.taken);
        if taken.all >= self.max {
            return Err(Limited {
                code: Code::Overloaded,
                retry_after: ALL_FULL,
            });
        }
        let of_address = taken.by_address.get(&key).copied().unwrap_or_default();
        if of_address >= self.per_address {
            return Err(limited(ADDRESS_FULL));
        }
        taken.by_address.insert(key, of_address + 1);
        taken.all += 1;
        Ok(SocketPermit {
            taken: Arc::clone(&self.taken),
            key,
        })
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.taken).all
    }
}

/// A place for one socket. Dropping it gives the place back.
#[derive(Debug)]
#[must_use]
pub struct SocketPermit {
    taken: Arc<Mutex<Taken>>,
    key: LimitKey,
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        match taken.by_address.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.by_address.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: LimitKey = LimitKey::V4(1);
    const B: LimitKey = LimitKey::V4(2);

    #[test]
    fn a_permit_is_a_place_and_gives_it_back() {
        let sockets = Sockets::new(2, 3);
        let first = sockets.take(A).unwrap();
        let second = sockets.take(A).unwrap();
        assert_eq!(sockets.take(A).unwrap_err().code, Code::RateLimited);
        let third = sockets.take(B).unwrap();
        assert_eq!(sockets.take(B).unwrap_err().code, Code::Overloaded);
        assert_eq!(sockets.open(), 3);
        drop((first, third));
        assert_eq!(sockets.open(), 1);
        let again = sockets.take(A).unwrap();
        drop((second, again));
        assert!(lock(&sockets.taken).by_address.is_empty());
    }
}
