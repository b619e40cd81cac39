//! Whose request it is: the only reading of forwarding headers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderMap},
};
use ipnet::IpNet;

/// `server.trusted_proxies`: peers whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// These blocks, and no others.
    pub const fn new(blocks: Vec<IpNet>) -> Self {
        Self(blocks)
    }

    /// Whether that address is one of ours.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }

    /// Whether the peer itself, the other end of the connection, is one of ours.
    pub fn trusts_peer(&self, head: &RequestHead) -> bool {
        self.trusts(peer(head))
    }

    /// The caller's address: the peer's; behind a trusted proxy the rightmost hop of `X-Forwarded-For` that is
    /// not trusted. Whoever is to the left of it may have invented what stands there. A hop that is no address
    /// ends the walk at the proxy that wrote it.
    pub fn client_address(&self, head: &RequestHead) -> IpAddr {
        let mut address = peer(head);
        for hop in hops(head.headers()) {
            if !self.trusts(address) {
                break;
            }
            let Some(next) = hop.and_then(parse_hop) else {
                break;
            };
            address = next;
        }
        address
    }
}

/// The other end of the connection. Only a request made in a test has none.
fn peer(head: &RequestHead) -> IpAddr {
    head.peer_addr
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
            peer.ip().to_canonical()
        })
}

/// The hops from right to left, several headers read as one list (RFC 9110 section 5.3).
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    let values: Vec<_> = headers.get_all(header::X_FORWARDED_FOR).collect();
    values.into_iter().rev().flat_map(|value| {
        let text = value.to_str().ok();
        let unreadable = text.is_none().then_some(None);
        unreadable
            .into_iter()
            .chain(text.into_iter().flat_map(|text| text.rsplit(',').map(Some)))
    })
}

/// An address, with or without a port or brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

/// What limits count a caller by: an IPv4 address, or the /64 that one IPv6 customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// One address.
    V4(u32),
    /// The upper half of one.
    V6(u64),
}

impl LimitKey {
    /// The key of an address; an IPv4 address mapped into IPv6 counts as IPv4.
    pub const fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }

    /// The neighbourhood: a /16, or a /32 of IPv6.
    pub(super) const fn neighbourhood(self) -> Self {
        match self {
            Self::V4(bits) => Self::V4(bits & 0xffff_0000),
            Self::V6(bits) => Self::V6(bits & 0xffff_ffff_0000_0000),
        }
    }
}

impl From<IpAddr> for LimitKey {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn seen(peer: &str, forwarded: &[&[u8]]) -> String {
        let proxies = TrustedProxies::new(vec![
            "10.0.0.0/8".parse().unwrap(),
            "fd00::/8".parse().unwrap(),
        ]);
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let mut req = TestRequest::get().peer_addr(peer);
        for value in forwarded {
            let value = header::HeaderValue::from_bytes(value).unwrap();
            req = req.append_header((header::X_FORWARDED_FOR, value));
        }
        let req = req.to_http_request();
        proxies.client_address(req.head()).to_string()
    }

    #[test]
    fn a_stranger_cannot_say_who_it_is() {
        assert_eq!(seen("203.0.113.9", &[b"198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_it_is_the_rightmost_untrusted_hop() {
        for (forwarded, client) in [
            (&[&b"198.51.100.1"[..]][..], "198.51.100.1"),
            (&[b"1.1.1.1, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),
            (&[b"1.1.1.1", b"198.51.100.1", b"10.0.0.7"], "198.51.100.1"),
            (&[b"198.51.100.1:4711"], "198.51.100.1"),
            (&[b"[2001:db8::1]:4711"], "2001:db8::1"),
            (&[b"[2001:db8::1]"], "2001:db8::1"),
            (&[b"::ffff:198.51.100.1, fd00::1"], "198.51.100.1"),
            (&[b"10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", forwarded), client, "{forwarded:?}");
        }
        assert_eq!(seen("::ffff:10.0.0.1", &[b"198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn garbage_ends_the_walk_at_the_proxy_that_wrote_it() {
        assert_eq!(seen("10.0.0.1", &[b"198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(
            seen("10.0.0.1", &[b"198.51.100.1, x, 10.0.0.7"]),
            "10.0.0.7"
        );
        assert_eq!(seen("10.0.0.1", &[b"198.51.100.1,"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[b"198.51.100.1", b"\xff"]), "10.0.0.1");
    }

    #[test]
    fn limits_count_a_v6_customer_once() {
        let key = |text: &str| LimitKey::new(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn no_header_takes_it_down(value in proptest::collection::vec(32u8..=255, 0..200)) {
            let value: Vec<u8> = value.into_iter().filter(|byte| *byte != 127).collect();
            seen("10.0.0.1", &[&value]);
        }
    }
}
