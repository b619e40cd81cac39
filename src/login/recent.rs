//! How many codes a network has opened lately, on this node: a signal, weaker where there are several nodes.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use smallvec::SmallVec;

use crate::{clock::Millis, geo};

/// "Lately", in milliseconds.
pub(super) const WINDOW: Millis = 10 * 60 * 1_000;
/// As far as anybody wants to count.
const COUNTED: usize = 10;
/// Networks remembered at once. Beyond it new ones are not counted: whoever opens codes from so many networks is not
/// found by counting them one by one.
const MAX_NETWORKS: usize = 100_000;

/// The latest openings of each network.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Openings>);

#[derive(Debug, Default)]
struct Openings {
    of: HashMap<IpAddr, SmallVec<[Millis; COUNTED]>>,
    swept_at: Millis,
}

impl Recent {
    /// Counts one. Local addresses are not counted: behind one may be everybody, when a proxy is not configured as one.
    pub(super) fn count(&self, address: IpAddr, now: Millis) {
        if geo::is_local(address) {
            return;
        }
        let mut openings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        openings.sweep(now);
        let network = network(address);
        if openings.of.len() >= MAX_NETWORKS && !openings.of.contains_key(&network) {
            return;
        }
        let times = openings.of.entry(network).or_default();
        if times.len() == COUNTED {
            times.remove(0);
        }
        times.push(now);
    }

    /// How many lately; [`COUNTED`] may be more.
    pub(super) fn of(&self, address: IpAddr, now: Millis) -> usize {
        let openings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = openings.of.get(&network(address));
        times.map_or(0, |times| {
            times.iter().filter(|at| is_recent(**at, now)).count()
        })
    }
}

impl Openings {
    /// Forgets, once a window, who has opened nothing in it.
    fn sweep(&mut self, now: Millis) {
        if is_recent(self.swept_at, now) {
            return;
        }
        self.swept_at = now;
        self.of
            .retain(|_, times| times.last().is_some_and(|at| is_recent(*at, now)));
    }
}

const fn is_recent(at: Millis, now: Millis) -> bool {
    now.saturating_sub(at) < WINDOW
}

/// One customer's: an IPv4 address, or a /64.
pub(super) const fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_312_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_counted_for_ten_minutes() {
        let recent = Recent::default();
        for at in 0..4 {
            recent.count(ip("192.0.2.1"), NOW + at * 60_000);
        }
        let found = |after: Millis| recent.of(ip("192.0.2.1"), NOW + after);
        assert_eq!(found(180_000), 4);
        assert_eq!(found(WINDOW - 1), 4);
        assert_eq!(found(WINDOW), 3);
        assert_eq!(found(WINDOW + 180_000), 0);
        assert_eq!(recent.of(ip("192.0.2.2"), NOW), 0, "another one");
    }

    #[test]
    fn a_customer_of_ipv6_is_one_network() {
        let recent = Recent::default();
        recent.count(ip("2001:db8::1"), NOW);
        recent.count(ip("2001:db8::ffff:ffff:ffff:ffff"), NOW);
        recent.count(ip("2001:db8:0:1::1"), NOW);
        assert_eq!(recent.of(ip("2001:db8::2"), NOW), 2);
        recent.count(ip("::ffff:192.0.2.1"), NOW);
        assert_eq!(recent.of(ip("192.0.2.1"), NOW), 1);
    }

    #[test]
    fn local_addresses_are_not_counted() {
        let recent = Recent::default();
        for address in ["127.0.0.1", "10.0.0.1", "::1"] {
            recent.count(ip(address), NOW);
            assert_eq!(recent.of(ip(address), NOW), 0, "{address}");
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let recent = Recent::default();
        for _ in 0..1_000 {
            recent.count(ip("192.0.2.1"), NOW);
        }
        assert_eq!(recent.of(ip("192.0.2.1"), NOW), COUNTED);
        let networks = u32::try_from(MAX_NETWORKS).unwrap();
        let nth = |nth: u32| IpAddr::V4((0x2000_0000 + nth).into());
        for one in 0..networks + 10 {
            recent.count(nth(one), NOW);
        }
        let kept = || recent.0.lock().unwrap().of.len();
        assert_eq!(kept(), MAX_NETWORKS);
        recent.count(ip("192.0.2.1"), NOW);
        assert_eq!(recent.of(ip("192.0.2.1"), NOW), COUNTED, "still counted");
        recent.count(nth(0), NOW + WINDOW);
        assert_eq!(kept(), 1, "who has gone quiet is forgotten");
    }
}
