//! How many connections there are, whatever they speak.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The places for connections of one gateway.
#[derive(Clone, Debug)]
pub struct Connections {
    taken: Arc<AtomicUsize>,
    max: usize,
}

impl Connections {
    /// At most `max`.
    pub fn new(max: usize) -> Self {
        Self {
            taken: Arc::default(),
            max,
        }
    }

    /// A place, if there is one.
    pub fn take(&self) -> Option<Place> {
        let place = Place::new(&self.taken);
        (self.taken.load(Ordering::Acquire) <= self.max).then_some(place)
    }
}

/// A connection's place, given back when it is dropped. A connection that passes from one owner to another has two for
/// a moment.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Place {
    fn new(taken: &Arc<AtomicUsize>) -> Self {
        taken.fetch_add(1, Ordering::AcqRel);
        Self(taken.clone())
    }
}

impl Clone for Place {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_with_its_last_owner() {
        let connections = Connections::new(2);
        let (first, second) = (connections.take(), connections.take());
        assert!(first.is_some() && second.is_some());
        assert!(connections.take().is_none());
        let passed = first.clone();
        drop(first);
        assert!(connections.take().is_none(), "it has a new owner");
        drop(passed);
        assert!(connections.take().is_some());
    }
}
