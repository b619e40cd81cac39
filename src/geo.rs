//! Where an address is on the map, as far as a local file knows.
//!
//! The file has `MaxMind`'s format (MMDB) and the layout of `GeoIP2` City, which `GeoLite2` City and `DB-IP` City Lite
//! share. It is read once, into memory: a newer one counts after a restart. Nobody is asked over the network.

use std::{net::IpAddr, path::Path};

use maxminddb::{
    MaxMindDbError, Reader,
    geoip2::{City, Names},
};

use crate::code::Locale;

/// The mean radius of the earth (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Any address, to see whether the file's records can be read at all.
const PROBE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(1, 1, 1, 1));

/// The map, or none.
#[derive(Default)]
pub struct Geo(Option<Reader<Vec<u8>>>);

/// Where on the map an address is; each part as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Location {
    /// ISO 3166-1: "CN".
    pub country: Option<String>,
    /// Latitude and longitude in degrees.
    pub point: Option<(f64, f64)>,
}

impl Geo {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is no MMDB, or its records are of another layout.
    pub fn open(path: &Path) -> Result<Self, MaxMindDbError> {
        let reader = Reader::open_readfile(path)?;
        reader.lookup(PROBE)?.decode::<City<'_>>()?;
        let kind = &reader.metadata().database_type;
        tracing::info!(kind, "the map is read");
        Ok(Self(Some(reader)))
    }

    /// "上海 · 中国", "Shanghai · China": the town, else the province, and the country. Nothing for addresses that are
    /// nowhere on the map, [local](is_local) ones included.
    pub fn place(&self, address: IpAddr, locale: Locale) -> Option<String> {
        let found = self.find(address)?;
        let province = found.subdivisions.first();
        let town = name(&found.city.names, locale).or_else(|| name(&province?.names, locale));
        let country = name(&found.country.names, locale);
        match (town, country) {
            (Some(town), Some(country)) if town != country => Some(format!("{town} · {country}")),
            (town, country) => town.or(country).map(str::to_owned),
        }
    }

    /// Where the address is; nothing for those that are nowhere on the map, [local](is_local) ones included.
    pub fn location(&self, address: IpAddr) -> Option<Location> {
        let found = self.find(address)?;
        let location = Location {
            country: found.country.iso_code.map(str::to_owned),
            point: found.location.latitude.zip(found.location.longitude),
        };
        (location != Location::default()).then_some(location)
    }

    fn find(&self, address: IpAddr) -> Option<City<'_>> {
        let reader = self.0.as_ref()?;
        if is_local(address) {
            return None;
        }
        let found = reader.lookup(address.to_canonical());
        found
            .and_then(|found| found.decode())
            .inspect_err(|error| tracing::warn!(%error, "geo.database: a record cannot be read"))
            .ok()
            .flatten()
    }
}

impl Location {
    /// Kilometres between two points along the ground (haversine).
    pub fn distance_km(&self, other: &Self) -> Option<f64> {
        let ((from_lat, from_lon), (to_lat, to_lon)) = self.point.zip(other.point)?;
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let turn = half(from_lat, to_lat)
            + from_lat.to_radians().cos() * to_lat.to_radians().cos() * half(from_lon, to_lon);
        Some(2.0 * EARTH_KM * turn.sqrt().clamp(0.0, 1.0).asin())
    }
}

/// Whether an address says nothing about where somebody is: this machine, a private network, or the shared space
/// that carriers use inside (RFC 6598).
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
        }
    }
}

/// The name in that language, else in English, which every record has.
fn name<'a>(names: &Names<'a>, locale: Locale) -> Option<&'a str> {
    let chinese = names.simplified_chinese.filter(|_| locale == Locale::ZhCn);
    chinese.or(names.english)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geo() -> Geo {
        Geo::open(Path::new("tests/geo/places.mmdb")).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_called_as_its_reader_calls_it() {
        let geo = geo();
        for (address, zh, en) in [
            ("192.0.2.1", "上海 · 中国", "Shanghai · China"),
            ("::ffff:192.0.2.1", "上海 · 中国", "Shanghai · China"),
            ("2001:db8:1::1", "上海 · 中国", "Shanghai · China"),
            ("203.0.113.200", "Brussels · Belgium", "Brussels · Belgium"),
            ("2001:db8:2::1", "新加坡", "Singapore"),
            ("2001:db8:3::1", "广东 · 中国", "Guangdong · China"),
            ("2001:db8:4::1", "法国", "France"),
        ] {
            assert_eq!(geo.place(ip(address), Locale::ZhCn).as_deref(), Some(zh));
            assert_eq!(geo.place(ip(address), Locale::En).as_deref(), Some(en));
        }
    }

    #[test]
    fn what_is_not_on_the_map_has_no_place() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "8.8.8.8",
            "::1",
            "fd00::1",
        ] {
            assert_eq!(geo().place(ip(address), Locale::En), None, "{address}");
            assert_eq!(geo().location(ip(address)), None, "{address}");
        }
        assert_eq!(Geo::default().place(ip("192.0.2.1"), Locale::En), None);
    }

    #[test]
    fn distances_are_those_of_the_ground() {
        let geo = geo();
        let km = |from: &str, to: &str| {
            let (from, to) = (geo.location(ip(from))?, geo.location(ip(to))?);
            from.distance_km(&to)
        };
        for (from, to, low, high) in [
            ("192.0.2.1", "192.0.2.99", 0.0, 0.1),
            ("192.0.2.1", "192.0.2.200", 155.0, 170.0),
            ("192.0.2.1", "198.51.100.1", 1_050.0, 1_080.0),
            ("203.0.113.1", "203.0.113.200", 85.0, 100.0),
            ("192.0.2.1", "203.0.113.1", 9_000.0, 9_500.0),
        ] {
            let found = km(from, to).unwrap();
            assert!((low..high).contains(&found), "{from} {to}: {found}");
        }
        assert_eq!(
            km("192.0.2.1", "2001:db8:3::1"),
            None,
            "a province has no point"
        );
    }

    #[test]
    fn local_addresses_are_nowhere() {
        for address in [
            "127.9.9.9",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.1.1",
            "100.127.0.1",
        ] {
            assert!(is_local(ip(address)), "{address}");
            assert!(is_local(ip(&format!("::ffff:{address}"))), "{address}");
        }
        for address in ["fe80::1", "fc00::1", "::", "0.0.0.0"] {
            assert!(is_local(ip(address)), "{address}");
        }
        for address in [
            "192.0.2.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "2001:db8::1",
        ] {
            assert!(!is_local(ip(address)), "{address}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read("tests/geo/places.mmdb").unwrap();
        let written = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Geo::open(&path).is_ok()
        };
        assert!(written("whole", &whole));
        assert!(!written("empty", b""));
        assert!(!written("text", b"192.0.2.0/24,Shanghai"));
        assert!(!written("half", &whole[..whole.len() / 2]));
        assert!(Geo::open(&folder.path().join("missing")).is_err());
    }
}
