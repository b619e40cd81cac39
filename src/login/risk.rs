//! Whether phone and browser look as if one person had both in hand (`scene.number_match = "risk"`).
//!
//! What can be known is little, and none of it proves anything; so all it leads to is two digits to type.
//!
//! | sign | weight |
//! |---|---|
//! | the map knows both addresses: another country, or more than [`FAR_KM`] apart | asks |
//! | the same, more than [`AWAY_KM`] apart | adds |
//! | [`MANY`] codes were opened from the browser's network lately, as `recent.rs` counts | asks |
//! | [`SEVERAL`] were | adds |
//! | the user has not logged in by this browser before, as far as is remembered | adds |
//!
//! Two that add ask. Without a map nothing is said about how far apart two addresses are: a phone on its carrier's
//! network and a computer on a cable share no prefix wherever they are, side by side included.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::geo::Geo;

/// Farther apart than this nobody carries a phone between the scan and the tap.
const FAR_KM: f64 = 300.0;
/// The next town: may be a carrier's exit, or a commuter's.
const AWAY_KM: f64 = 100.0;
/// Codes of one network that are more than its people need.
const MANY: usize = 10;
/// One page left open renews its code five times: more than that are several pages.
const SEVERAL: usize = 7;

/// How far apart the map says phone and browser are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
    Away,
    Far,
    Abroad,
}

/// What is known when the person has confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    /// Nothing when they are near, or when the map does not know both.
    pub(super) apart: Option<Apart>,
    /// Codes opened from the browser's network lately, this one included.
    pub(super) opened: usize,
    /// Whether the user has not logged in by this browser before.
    pub(super) is_first_sight: bool,
}

/// Words for the log; none when nothing asks for digits.
pub(super) type Reasons = SmallVec<[&'static str; 3]>;

impl Apart {
    /// By the map. Local addresses are on none, so they are never far from anything.
    pub(super) fn between(geo: &Geo, browser: IpAddr, phone: IpAddr) -> Option<Self> {
        let (browser, phone) = (geo.location(browser)?, geo.location(phone)?);
        let countries = browser.country.as_ref().zip(phone.country.as_ref());
        if countries.is_some_and(|(one, other)| one != other) {
            return Some(Self::Abroad);
        }
        match browser.distance_km(&phone)? {
            km if km > FAR_KM => Some(Self::Far),
            km if km > AWAY_KM => Some(Self::Away),
            _ => None,
        }
    }
}

/// Why digits are asked for.
pub(super) fn reasons(signs: &Signs) -> Reasons {
    let apart = signs.apart.map(|apart| match apart {
        Apart::Away => (1, "away"),
        Apart::Far => (2, "far"),
        Apart::Abroad => (2, "abroad"),
    });
    let opened = match signs.opened {
        MANY.. => Some((2, "many_codes")),
        SEVERAL.. => Some((1, "several_codes")),
        _ => None,
    };
    let browser = signs.is_first_sight.then_some((1, "new_browser"));
    let found: SmallVec<[(u8, &str); 3]> = [apart, opened, browser].into_iter().flatten().collect();
    let weight: u8 = found.iter().map(|(weight, _)| weight).sum();
    if weight < 2 {
        return Reasons::new();
    }
    found.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn geo() -> Geo {
        Geo::open(Path::new("tests/geo/places.mmdb")).unwrap()
    }

    #[test]
    fn two_weak_signs_or_a_strong_one_ask() {
        use Apart::{Abroad, Away, Far};
        for (apart, opened, is_first_sight, expected) in [
            (None, 1, false, ""),
            (None, 1, true, ""),
            (None, 6, true, ""),
            (None, 7, false, ""),
            (None, 7, true, "several_codes new_browser"),
            (None, 9, true, "several_codes new_browser"),
            (None, 10, false, "many_codes"),
            (None, 10, true, "many_codes new_browser"),
            (Some(Away), 1, false, ""),
            (Some(Away), 1, true, "away new_browser"),
            (Some(Away), 7, false, "away several_codes"),
            (Some(Far), 1, false, "far"),
            (Some(Abroad), 1, false, "abroad"),
            (Some(Abroad), 99, true, "abroad many_codes new_browser"),
        ] {
            let signs = Signs {
                apart,
                opened,
                is_first_sight,
            };
            assert_eq!(reasons(&signs).join(" "), expected, "{signs:?}");
        }
    }

    #[test]
    fn the_map_says_how_far_apart_two_addresses_are() {
        let geo = geo();
        for (browser, phone, expected) in [
            ("192.0.2.1", "192.0.2.77", None),
            ("192.0.2.1", "2001:db8:1::1", None),
            ("192.0.2.1", "192.0.2.200", Some(Apart::Away)),
            ("198.51.100.1", "192.0.2.1", Some(Apart::Far)),
            ("192.0.2.1", "2001:db8:2::1", Some(Apart::Abroad)),
            // Under a hundred kilometres, and another country.
            ("203.0.113.1", "203.0.113.200", Some(Apart::Abroad)),
            // A country alone: the same one, or another.
            ("192.0.2.1", "2001:db8:3::1", None),
            // Nothing is known of one of them, or both.
            ("192.0.2.1", "8.8.8.8", None),
            ("8.8.8.8", "9.9.9.9", None),
            ("127.0.0.1", "203.0.113.1", None),
            ("203.0.113.1", "192.168.1.1", None),
            ("::1", "2001:db8:2::1", None),
        ] {
            let found = |one: &str, other: &str| {
                Apart::between(&geo, one.parse().unwrap(), other.parse().unwrap())
            };
            assert_eq!(found(browser, phone), expected, "{browser} {phone}");
            assert_eq!(found(phone, browser), expected, "{phone} {browser}");
        }
        let none = Geo::default();
        let far = ("192.0.2.1".parse().unwrap(), "203.0.113.1".parse().unwrap());
        assert_eq!(Apart::between(&none, far.0, far.1), None, "without a map");
    }
}
