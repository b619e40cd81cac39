//! The names this gateway answers to. A foreign `Host` means a page that was rebound to us (DNS rebinding), or a
//! proxy that was set up wrongly.

use std::net::Ipv4Addr;

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{RequestHead, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap},
        uri::Authority,
    },
    middleware::Next,
    web,
};
use url::Url;

use super::{client_address::TrustedProxies, error::ApiError};
use crate::code::Code;

/// Where proxies ask who calls.
pub const GUARD: &str = "/api/v1/auth/verify";

/// The host of `server.public_url`.
#[derive(Debug)]
pub struct Hosts {
    name: Name,
    default_port: u16,
    base: String,
    sandbox: bool,
}

/// A host and the port in effect.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    host: String,
    port: u16,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ours,
    Elsewhere(String),
    Refused(Code),
}

impl Hosts {
    /// The one name of the gateway. In sandbox mode forwarding headers of strangers are refused too: whoever
    /// sends them put the sandbox on a network.
    pub fn new(public_url: &Url, sandbox: bool) -> Self {
        let default_port = if public_url.scheme() == "https" {
            443
        } else {
            80
        };
        Self {
            name: Name {
                host: public_url.host_str().unwrap_or_default().to_owned(),
                port: public_url.port().unwrap_or(default_port),
            },
            default_port,
            base: public_url.origin().ascii_serialization(),
            sandbox,
        }
    }

    fn judge(&self, head: &RequestHead, from_proxy: bool) -> Verdict {
        let name = match self.asked_for(head) {
            Ok(name) => name,
            Err(code) => return Verdict::Refused(code),
        };
        if self.sandbox && !from_proxy && is_forwarded(head.headers()) {
            return Verdict::Refused(Code::Misdirected);
        }
        if name == self.name {
            return Verdict::Ours;
        }
        // A proxy's own question, by whatever name it knows the gateway. No page can ask it.
        if from_proxy && head.uri.path().starts_with(GUARD) {
            return Verdict::Ours;
        }
        // The same machine under another of its names: the cookies and the origin would be another's.
        let twin =
            name.port == self.name.port && is_loopback(&name.host) && is_loopback(&self.name.host);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let read = matches!(head.method, Method::GET | Method::HEAD);
        if twin && read && !path.starts_with("/api/") {
            return Verdict::Elsewhere(format!("{}{path}", self.base));
        }
        Verdict::Refused(Code::Misdirected)
    }

    /// The one `Host`, which an absolute request target must repeat (RFC 9112 section 3.2).
    fn asked_for(&self, head: &RequestHead) -> Result<Name, Code> {
        let mut values = head.headers().get_all(header::HOST);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Code::BadRequest);
        };
        let name = value
            .to_str()
            .ok()
            .and_then(|text| self.parse(text))
            .ok_or(Code::BadRequest)?;
        match head.uri.authority() {
            Some(target) if self.parse(target.as_str()).as_ref() != Some(&name) => {
                Err(Code::Misdirected)
            }
            _ => Ok(name),
        }
    }

    fn parse(&self, text: &str) -> Option<Name> {
        let authority: Authority = text.parse().ok()?;
        let host = authority.host();
        let rest = text.strip_prefix(host)?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => self.default_port,
            Some(port) if port.bytes().all(|digit| digit.is_ascii_digit()) => port.parse().ok()?,
            _ => return None,
        };
        Some(Name {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

/// Lets through what was asked for under the gateway's own name, and sends pages asked for under another
/// loopback name there. Goes inside [`super::context`].
///
/// # Errors
/// What the inner service fails with.
pub async fn hosts<B: MessageBody>(
    rules: web::Data<Hosts>,
    proxies: web::Data<TrustedProxies>,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let from_proxy = proxies.trusts_peer(req.head());
    match rules.judge(req.head(), from_proxy) {
        Verdict::Ours => Ok(next.call(req).await?.map_into_left_body()),
        Verdict::Elsewhere(url) => {
            let redirect = HttpResponse::TemporaryRedirect()
                .insert_header((header::LOCATION, url))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish();
            Ok(req.into_response(redirect).map_into_right_body())
        }
        Verdict::Refused(code) => {
            let refused = req.error_response(ApiError::new(code));
            Ok(refused.map_into_right_body())
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    const LOCAL: &str = "http://127.0.0.1:8080";

    fn judge(public: &str, sandbox: bool, req: TestRequest) -> Verdict {
        let hosts = Hosts::new(&Url::parse(public).unwrap(), sandbox);
        hosts.judge(req.to_http_request().head(), false)
    }

    fn asked(host: &str) -> TestRequest {
        TestRequest::with_uri("/s/x?y=%2F").insert_header((header::HOST, host))
    }

    #[test]
    fn the_public_name_is_ours_with_and_without_its_default_port() {
        let public = "https://login.example";
        for host in ["login.example", "login.example:443", "LOGIN.example"] {
            assert_eq!(judge(public, false, asked(host)), Verdict::Ours, "{host}");
        }
        for host in [
            "login.example:8443",
            "login.example.",
            "evil.example",
            "10.0.0.1",
        ] {
            let refused = Verdict::Refused(Code::Misdirected);
            assert_eq!(judge(public, false, asked(host)), refused, "{host}");
        }
        assert_eq!(judge(LOCAL, true, asked("127.0.0.1:8080")), Verdict::Ours);
        let v6 = judge("http://[::1]:8080", true, asked("[::1]:8080"));
        assert_eq!(v6, Verdict::Ours);
    }

    #[test]
    fn a_page_under_another_loopback_name_is_sent_to_the_public_one() {
        for host in ["localhost:8080", "[::1]:8080", "127.0.0.2:8080"] {
            let there = Verdict::Elsewhere("http://127.0.0.1:8080/s/x?y=%2F".to_owned());
            assert_eq!(judge(LOCAL, true, asked(host)), there, "{host}");
        }
        let refused = Verdict::Refused(Code::Misdirected);
        let localhost = (header::HOST, "localhost:8080");
        for req in [
            asked("localhost:9090"),
            asked("localhost:8080").method(Method::POST),
            TestRequest::with_uri("/api/v1/ws").insert_header(localhost),
        ] {
            assert_eq!(judge(LOCAL, true, req), refused);
        }
        let foreign = judge("https://login.example", false, asked("localhost"));
        assert_eq!(foreign, refused);
    }

    #[test]
    fn a_request_names_one_host() {
        let bad = Verdict::Refused(Code::BadRequest);
        for host in [
            "",
            "a b",
            "user@127.0.0.1:8080",
            "127.0.0.1:",
            "127.0.0.1:+1",
            "x:99999",
        ] {
            assert_eq!(judge(LOCAL, true, asked(host)), bad, "{host}");
        }
        assert_eq!(judge(LOCAL, true, TestRequest::with_uri("/")), bad);
        let twice = asked("127.0.0.1:8080").append_header((header::HOST, "127.0.0.1:8080"));
        assert_eq!(judge(LOCAL, true, twice), bad);
    }

    #[test]
    fn an_absolute_target_must_agree_with_the_host() {
        let absolute =
            |uri| TestRequest::with_uri(uri).insert_header((header::HOST, "127.0.0.1:8080"));
        let same = judge(LOCAL, true, absolute("http://127.0.0.1:8080/"));
        assert_eq!(same, Verdict::Ours);
        let other = judge(LOCAL, true, absolute("http://evil.example/"));
        assert_eq!(other, Verdict::Refused(Code::Misdirected));
    }

    #[test]
    fn the_sandbox_refuses_forwarding_headers_of_strangers() {
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
        ] {
            let req = || asked("127.0.0.1:8080").insert_header((name, "1.2.3.4"));
            let refused = Verdict::Refused(Code::Misdirected);
            assert_eq!(judge(LOCAL, true, req()), refused, "{name}");
            assert_eq!(judge(LOCAL, false, req()), Verdict::Ours, "{name}");
            let hosts = Hosts::new(&Url::parse(LOCAL).unwrap(), true);
            let proxied = hosts.judge(req().to_http_request().head(), true);
            assert_eq!(proxied, Verdict::Ours);
        }
    }

    #[tokio::test]
    async fn the_middleware_answers_as_judged() {
        let public = Url::parse(LOCAL).unwrap();
        let app = App::new()
            .app_data(web::Data::new(Hosts::new(&public, true)))
            .app_data(web::Data::new(TrustedProxies::default()))
            .wrap(from_fn(hosts))
            .route("/s/{scene}", web::get().to(HttpResponse::Ok));
        let app = init_service(app).await;
        let ours = call_service(&app, asked("127.0.0.1:8080").to_request()).await;
        assert_eq!(ours.status(), 200);
        let twin = call_service(&app, asked("localhost:8080").to_request()).await;
        assert_eq!(twin.status(), 307);
        assert_eq!(
            twin.headers().get(header::LOCATION).unwrap(),
            "http://127.0.0.1:8080/s/x?y=%2F"
        );
        let foreign = call_service(&app, asked("evil.example").to_request()).await;
        assert_eq!(foreign.status(), 421);
    }
}
