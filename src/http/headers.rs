//! What browsers are told about each kind of answer. A door wraps its scope with one of these.

use actix_web::{
    http::header::{self, HeaderName, HeaderValue},
    middleware::DefaultHeaders,
};
use url::Url;

use crate::config::Origin;

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Policies that depend on where the gateway and WeChat are.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    page: HeaderValue,
    phone: HeaderValue,
    callback: String,
    https: bool,
}

impl SecurityHeaders {
    /// `open_base` is where forms of the phone end up and what the `website` flow frames; in sandbox mode it
    /// serves the pictures too.
    pub fn new(public_url: &Url, open_base: &Url, sandbox: bool) -> Self {
        let open = open_base.origin().ascii_serialization();
        let images = if sandbox {
            format!("img-src 'self' data: https: {open}")
        } else {
            "img-src 'self' data: https:".to_owned()
        };
        let shared = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; {images}; base-uri 'none'"
        );
        let phone = format!("{shared}; form-action 'self' {open}");
        // 'self' does not cover WebSockets in every browser.
        let page = format!(
            "{shared}; connect-src 'self' {}; frame-src 'self' {open}; form-action 'self'; \
             frame-ancestors 'none'",
            socket_origin(public_url)
        );
        Self {
            page: policy(&page),
            phone: policy(&format!("{phone}; frame-ancestors 'none'")),
            callback: phone,
            https: public_url.scheme() == "https",
        }
    }

    /// JSON: never kept, never taken for something else, never a referrer.
    pub fn api(&self) -> DefaultHeaders {
        self.shared("no-referrer")
            .add((header::CACHE_CONTROL, "no-store"))
            .add((
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ))
    }

    /// The guard: as the API, and no page of another origin learns from how its answer loads whether somebody is signed
    /// in.
    pub fn guard(&self) -> DefaultHeaders {
        self.api()
            .add((header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"))
    }

    /// `/` and `/app`: a page with scripts that opens a socket. Its `Cache-Control` is [`super::assets`]'.
    pub fn page(&self) -> DefaultHeaders {
        self.document("no-referrer")
            .add((header::CONTENT_SECURITY_POLICY, self.page.clone()))
            .add((header::X_FRAME_OPTIONS, "DENY"))
    }

    /// `/s/*`. A referrer policy stricter than `same-origin` makes browsers send `Origin: null` with its forms.
    pub fn phone(&self) -> DefaultHeaders {
        self.document("same-origin")
            .add((header::CACHE_CONTROL, "no-store"))
            .add((header::CONTENT_SECURITY_POLICY, self.phone.clone()))
            .add((header::X_FRAME_OPTIONS, "DENY"))
    }

    /// `/callback/wechat`: its URL holds a code. Not framed, unless the handler sets
    /// [`SecurityHeaders::framed_by`].
    pub fn callback(&self) -> DefaultHeaders {
        self.document("no-referrer")
            .add((header::CACHE_CONTROL, "no-store"))
            .add((header::CONTENT_SECURITY_POLICY, self.framed_by([])))
    }

    /// The callback's `Content-Security-Policy` when pages of these origins may frame it: the `website` flow.
    pub fn framed_by<'a>(&self, origins: impl IntoIterator<Item = &'a Origin>) -> HeaderValue {
        let mut ancestors = String::new();
        for origin in origins {
            ancestors.push(' ');
            ancestors.push_str(origin.as_str());
        }
        if ancestors.is_empty() {
            ancestors.push_str(" 'none'");
        }
        policy(&format!("{}; frame-ancestors{ancestors}", self.callback))
    }

    /// `/assets/*`: public files, which pages of the apps import as modules from their own origins.
    pub fn assets(&self) -> DefaultHeaders {
        self.shared("no-referrer")
            .add((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .add((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
    }

    fn document(&self, referrer: &'static str) -> DefaultHeaders {
        self.shared(referrer).add((COOP, "same-origin")).add((
            header::PERMISSIONS_POLICY,
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ))
    }

    fn shared(&self, referrer: &'static str) -> DefaultHeaders {
        let headers = DefaultHeaders::new()
            .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .add((header::REFERRER_POLICY, referrer));
        if self.https {
            headers.add((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"))
        } else {
            headers
        }
    }
}

/// The origin of our sockets.
fn socket_origin(public_url: &Url) -> String {
    let origin = public_url.origin().ascii_serialization();
    // http becomes ws, https becomes wss.
    origin.replacen("http", "ws", 1)
}

/// A policy as a header; what cannot be written as one forbids everything.
fn policy(text: &str) -> HeaderValue {
    HeaderValue::from_str(text)
        .unwrap_or_else(|_unwritable| HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpResponse,
        http::header::HeaderMap,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;

    fn https() -> SecurityHeaders {
        let public = Url::parse("https://login.example").unwrap();
        let open = Url::parse("https://open.weixin.qq.com").unwrap();
        SecurityHeaders::new(&public, &open, false)
    }

    async fn sent(headers: DefaultHeaders) -> HeaderMap {
        let app = App::new()
            .wrap(headers)
            .route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app).await;
        let response = call_service(&app, TestRequest::get().to_request()).await;
        response.headers().clone()
    }

    #[tokio::test]
    async fn the_api_is_never_kept() {
        let headers = sent(https().api()).await;
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(headers.get(header::REFERRER_POLICY).unwrap(), "no-referrer");
        assert_eq!(
            headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(),
            "nosniff"
        );
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[tokio::test]
    async fn a_page_has_no_inline_code_and_names_its_socket() {
        let headers = sent(https().page()).await;
        assert_eq!(
            headers.get(header::CONTENT_SECURITY_POLICY).unwrap(),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
             base-uri 'none'; connect-src 'self' wss://login.example; \
             frame-src 'self' https://open.weixin.qq.com; form-action 'self'; frame-ancestors 'none'"
        );
        assert_eq!(headers.get(COOP).unwrap(), "same-origin");
        assert!(headers.contains_key(header::PERMISSIONS_POLICY));
    }

    #[tokio::test]
    async fn the_sandbox_serves_pictures_and_is_not_https() {
        let public = Url::parse("http://127.0.0.1:8080").unwrap();
        let open = Url::parse("http://127.0.0.1:8090").unwrap();
        let headers = sent(SecurityHeaders::new(&public, &open, true).page()).await;
        let policy = headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.contains("img-src 'self' data: https: http://127.0.0.1:8090;"));
        assert!(policy.contains("connect-src 'self' ws://127.0.0.1:8080;"));
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[tokio::test]
    async fn the_phones_forms_keep_their_origin_and_may_lead_to_wechat() {
        let headers = sent(https().phone()).await;
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(headers.get(header::REFERRER_POLICY).unwrap(), "same-origin");
        assert_eq!(headers.get(header::X_FRAME_OPTIONS).unwrap(), "DENY");
        let policy = headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.contains("form-action 'self' https://open.weixin.qq.com;"));
        assert!(policy.contains("frame-ancestors 'none'"));
    }

    #[tokio::test]
    async fn the_callback_is_framed_by_named_pages_only() {
        let headers = sent(https().callback()).await;
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(headers.get(header::REFERRER_POLICY).unwrap(), "no-referrer");
        let policy = headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'"));
        let shop = Origin::parse("https://shop.example").unwrap();
        let framed = https().framed_by([&shop]);
        let framed = framed.to_str().unwrap();
        assert!(framed.ends_with("frame-ancestors https://shop.example"));
    }
}
