//! Which hosts are the sandbox's own, and which ones an account may send people to.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web,
};
use url::{Host, Url};

use super::{api::Refusal, shared::Shared};

/// Where the sandbox listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own(pub(super) SocketAddr);

impl Own {
    /// Whether a `Host` header means this listener. A name that somebody's DNS could point here does not.
    pub(super) fn is(self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{host}")) else {
            return false;
        };
        if url.path() != "/" || url.port_or_known_default() != Some(self.0.port()) {
            return false;
        }
        let local = self.0.ip().is_loopback() || self.0.ip().is_unspecified();
        match url.host() {
            Some(Host::Domain(name)) => local && name == "localhost",
            Some(Host::Ipv4(ip)) => self.is_ip(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => self.is_ip(IpAddr::V6(ip)),
            None => false,
        }
    }

    fn is_ip(self, ip: IpAddr) -> bool {
        ip == self.0.ip() || self.0.ip().is_unspecified()
    }

    /// The one name of the pages; a cookie set under another one would not be seen. None when it listens on
    /// every address.
    pub(super) fn canonical(self) -> Option<String> {
        (!self.0.ip().is_unspecified()).then(|| self.0.to_string())
    }

    /// `http://` and the host a request asked for, when it is ours, else the address.
    pub(super) fn base(self, host: Option<&str>) -> String {
        match host.filter(|host| self.is(host)) {
            Some(host) => format!("http://{host}"),
            None => format!("http://{}", self.0),
        }
    }
}

/// WeChat's "web page authorisation domain" setting: loopback on any port, the listed `domains` (`host`, or
/// `host:port`, exact), and private addresses where they are allowed. Any port of a domain must be listed:
/// WeChat takes none.
pub(super) fn may_send_to(url: &Url, domains: &[String], private: bool) -> bool {
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return false;
    }
    let allow_ip = |ip: IpAddr| ip.is_loopback() || private && is_private(ip);
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || name.ends_with(".localhost") || lists(domains, name, url.port())
        }
        Some(Host::Ipv4(ip)) => allow_ip(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => allow_ip(IpAddr::V6(ip)),
        None => false,
    }
}

/// Whether messages may be pushed to `url`. What the sandbox sends goes to this machine, lest it be used to reach what
/// only this machine can; where it may listen on a network of its own, it may also speak to it.
pub(super) fn may_push_to(url: &Url, private: bool) -> bool {
    private && matches!(url.scheme(), "http" | "https") || may_send_to(url, &[], false)
}

fn lists(domains: &[String], name: &str, port: Option<u16>) -> bool {
    let authority = match port {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    domains.contains(&authority)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The middleware that answers to the sandbox's own names only, whatever is asked for: a page of another site whose
/// name was pointed here would be one with the phone otherwise.
pub(super) async fn guard(
    shared: web::Data<Shared>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut hosts = request.headers().get_all(header::HOST);
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let is_own = host.is_some_and(|host| shared.own.is(host)) && hosts.next().is_none();
    if is_own {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let text = format!("Host must be {}", shared.own.0);
    let refusal = Refusal::new(StatusCode::MISDIRECTED_REQUEST, text);
    Ok(request.into_response(refusal.error_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_pushed_to_this_machine_unless_told_otherwise() {
        for (url, by_strict, by_private) in [
            ("http://127.0.0.1:8080/callback", true, true),
            ("http://localhost:8080/callback", true, true),
            ("https://[::1]/callback", true, true),
            ("http://192.168.1.5/", false, true),
            ("http://169.254.169.254/latest", false, true),
            ("http://app:3000/", false, true),
            ("https://shop.example.com/", false, true),
            ("http://localhost.shop.example.com/", false, true),
            ("http://user@localhost/", false, true),
            ("file:///etc/passwd", false, false),
        ] {
            let parsed = Url::parse(url).unwrap();
            assert_eq!(may_push_to(&parsed, false), by_strict, "{url}");
            assert_eq!(may_push_to(&parsed, true), by_private, "{url}");
        }
    }

    #[test]
    fn only_names_that_nobody_else_can_point_here_are_ours() {
        let own = Own("127.0.0.1:8090".parse().unwrap());
        for (host, ours) in [
            ("127.0.0.1:8090", true),
            ("localhost:8090", true),
            ("127.0.0.1", false),
            ("127.0.0.1:8091", false),
            ("evil.example:8090", false),
            ("localhost.evil.example:8090", false),
            ("127.0.0.1:8090/x", false),
            ("", false),
        ] {
            assert_eq!(own.is(host), ours, "{host}");
        }
        let every = Own("0.0.0.0:8090".parse().unwrap());
        assert!(every.is("192.168.1.5:8090"));
        assert!(!every.is("evil.example:8090"));
        assert_eq!(
            every.base(Some("192.168.1.5:8090")),
            "http://192.168.1.5:8090"
        );
        assert_eq!(own.base(Some("evil.example:8090")), "http://127.0.0.1:8090");
    }

    #[test]
    fn people_are_sent_to_listed_hosts_only() {
        let domains = ["login.example.com", "dev.example.com:8443"].map(str::to_owned);
        for (url, by_strict, by_private) in [
            ("http://127.0.0.1:8080/cb", true, true),
            ("http://localhost/cb", true, true),
            ("http://[::1]:8080/cb", true, true),
            ("http://a.localhost:1/cb", true, true),
            ("https://login.example.com/cb", true, false),
            ("https://login.example.com:8443/cb", false, false),
            ("https://dev.example.com:8443/cb", true, false),
            ("https://sub.login.example.com/cb", false, false),
            ("http://192.168.1.5:8080/cb", false, true),
            ("http://8.8.8.8/cb", false, false),
            ("http://localhost@evil.example/cb", false, false),
            ("http://user@localhost/cb", false, false),
            ("javascript:alert(1)", false, false),
        ] {
            let parsed = Url::parse(url).unwrap();
            assert_eq!(may_send_to(&parsed, &domains, false), by_strict, "{url}");
            assert_eq!(may_send_to(&parsed, &[], true), by_private, "{url}");
        }
    }
}
