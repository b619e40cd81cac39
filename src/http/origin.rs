//! Which pages may speak for which app: the one comparison of `Origin`, for CORS, calls and sockets.

use std::collections::{BTreeMap, BTreeSet};

use actix_cors::Cors;
use actix_web::{
    http::{
        Method,
        header::{self, HeaderMap},
    },
    web,
};
use url::Url;

use super::error::ApiError;
use crate::{
    code::Code,
    config::{AppId, Apps, Origin},
};

/// How long a browser may remember what a preflight said.
const PREFLIGHT_S: usize = 600;

/// The lists of `apps.<id>.origins`.
#[derive(Debug)]
pub struct Origins {
    apps: BTreeMap<AppId, Rule>,
    public: Option<Origin>,
}

#[derive(Debug)]
struct Rule {
    origins: BTreeSet<Origin>,
    missing: bool,
}

/// No listed `Origin`, or more than one, or no such app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("origin refused")]
pub struct OriginRefused;

impl From<OriginRefused> for ApiError {
    fn from(_: OriginRefused) -> Self {
        Self::new(Code::OriginRefused)
    }
}

impl Origins {
    /// The configured lists; the default app's also holds the origin of `public_url`.
    pub fn new(apps: &Apps, public_url: &Url) -> Self {
        let public = Origin::of(public_url);
        let apps = apps.iter().map(|(id, app)| {
            let own = public.as_ref().filter(|_| id.is_default());
            let origins = app.origins.iter().chain(own);
            let rule = Rule {
                origins: origins.cloned().collect(),
                missing: app.allow_missing_origin,
            };
            (id.clone(), rule)
        });
        Self {
            apps: apps.collect(),
            public,
        }
    }

    /// Whether a caller with these headers may speak for `app`.
    ///
    /// # Errors
    /// [`OriginRefused`]: it may not, or there is no such app.
    pub fn check(&self, app: &AppId, headers: &HeaderMap) -> Result<Option<Origin>, OriginRefused> {
        let rule = self.apps.get(app).ok_or(OriginRefused)?;
        rule.admitted(read(headers)?)
    }

    /// Whether a caller with these headers may speak for some app: the question before an upgrade. What it
    /// answers is to be given to [`Origins::admits`] once the app is known.
    ///
    /// # Errors
    /// [`OriginRefused`]: it may speak for none.
    pub fn any_app(&self, headers: &HeaderMap) -> Result<Option<Origin>, OriginRefused> {
        let origin = read(headers)?;
        let mut admitted = self.apps.values().map(|rule| rule.admitted(origin));
        admitted.find(Result::is_ok).unwrap_or(Err(OriginRefused))
    }

    /// Whether a caller of that origin, or of none, may speak for `app`.
    ///
    /// # Errors
    /// [`OriginRefused`]: it may not, or there is no such app.
    pub fn admits(&self, app: &AppId, origin: Option<&Origin>) -> Result<(), OriginRefused> {
        let rule = self.apps.get(app).ok_or(OriginRefused)?;
        rule.admitted(origin.map(Origin::as_str)).map(drop)
    }

    /// Whether the caller is a page of the gateway itself: the question before a form of `/s/*` is read.
    ///
    /// # Errors
    /// [`OriginRefused`]: it is another's, or unknown.
    pub fn own_page(&self, headers: &HeaderMap) -> Result<(), OriginRefused> {
        let origin = read(headers)?.ok_or(OriginRefused)?;
        let own = self.public.as_ref().map(Origin::as_str) == Some(origin);
        own.then_some(()).ok_or(OriginRefused)
    }
}

impl Rule {
    /// The listed origin of that text: there is one text for each.
    fn admitted(&self, origin: Option<&str>) -> Result<Option<Origin>, OriginRefused> {
        match origin.map(|text| self.origins.get(text)) {
            Some(Some(listed)) => Ok(Some(listed.clone())),
            None if self.missing => Ok(None),
            Some(None) | None => Err(OriginRefused),
        }
    }
}

/// The `Origin` header, of which there may be one.
fn read(headers: &HeaderMap) -> Result<Option<&str>, OriginRefused> {
    let mut values = headers.get_all(header::ORIGIN);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str();
            text.map(Some).map_err(|_not_ascii| OriginRefused)
        }
        (Some(_), Some(_)) => Err(OriginRefused),
    }
}

/// CORS for the API: lets the listed pages read the answers. It refuses nothing; the handlers do, for the app
/// they are asked about.
pub fn cors(origins: web::Data<Origins>) -> Cors {
    Cors::default()
        .allowed_origin_fn(move |_first, head| origins.any_app(head.headers()).is_ok())
        .block_on_origin_mismatch(false)
        .supports_credentials()
        .allowed_methods([Method::GET, Method::POST, Method::DELETE])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::HeaderName::from_static("x-request-id"),
            header::RETRY_AFTER,
        ])
        .max_age(PREFLIGHT_S)
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpResponse,
        dev::ServiceResponse,
        test::{TestRequest, call_service, init_service},
    };
    use serde_json::json;

    use super::*;

    const SHOP: &str = "https://shop.example";
    const OWN: &str = "https://login.example";

    fn origins() -> Origins {
        let apps: Apps = serde_json::from_value(json!({
            "default": {"name": "d", "flows": ["h5"]},
            "shop": {"name": "s", "flows": ["h5"], "origins": [SHOP]},
            "native": {"name": "n", "flows": ["h5"], "allow_missing_origin": true},
        }))
        .unwrap();
        Origins::new(&apps, &Url::parse("https://login.example/").unwrap())
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ORIGIN, value.parse().unwrap());
        }
        headers
    }

    fn app(id: &str) -> AppId {
        AppId::parse(id).unwrap()
    }

    #[test]
    fn a_page_speaks_for_its_app_only() {
        let origins = origins();
        let shop = Origin::parse(SHOP);
        assert_eq!(
            origins.check(&app("shop"), &headers(&[SHOP])),
            Ok(shop.clone())
        );
        assert_eq!(origins.any_app(&headers(&[SHOP])), Ok(shop));
        assert!(origins.check(&app("default"), &headers(&[OWN])).is_ok());
        for (id, origin) in [("default", SHOP), ("shop", OWN), ("nobody", SHOP)] {
            assert_eq!(
                origins.check(&app(id), &headers(&[origin])),
                Err(OriginRefused)
            );
        }
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let origins = origins();
        for bad in [
            "null",
            "https://shop.example.evil.com",
            "https://shop.example:8443",
            "http://shop.example",
            "https://shop.example/",
            "https://SHOP.example",
            "https://shop.example https://shop.example",
            "",
        ] {
            let headers = headers(&[bad]);
            assert_eq!(
                origins.check(&app("shop"), &headers),
                Err(OriginRefused),
                "{bad}"
            );
            assert_eq!(origins.any_app(&headers), Err(OriginRefused), "{bad}");
        }
        let twice = headers(&[SHOP, SHOP]);
        assert_eq!(origins.any_app(&twice), Err(OriginRefused));
    }

    #[test]
    fn a_missing_origin_is_for_native_apps() {
        let origins = origins();
        let none = headers(&[]);
        assert_eq!(origins.check(&app("native"), &none), Ok(None));
        assert_eq!(origins.check(&app("shop"), &none), Err(OriginRefused));
        assert_eq!(origins.any_app(&none), Ok(None));
        assert_eq!(origins.admits(&app("shop"), None), Err(OriginRefused));
    }

    #[test]
    fn a_form_of_the_phone_comes_from_our_own_page() {
        let origins = origins();
        assert_eq!(origins.own_page(&headers(&[OWN])), Ok(()));
        for bad in [&[][..], &["null"], &[SHOP], &[OWN, OWN]] {
            assert_eq!(origins.own_page(&headers(bad)), Err(OriginRefused));
        }
    }

    async fn answered(req: TestRequest) -> ServiceResponse {
        let app = App::new()
            .wrap(cors(web::Data::new(origins())))
            .route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app).await;
        call_service(&app, req.to_request())
            .await
            .map_into_boxed_body()
    }

    #[tokio::test]
    async fn a_listed_page_may_read_the_answer() {
        let response = answered(TestRequest::get().insert_header((header::ORIGIN, SHOP))).await;
        let headers = response.headers();
        assert_eq!(
            headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(),
            SHOP
        );
        assert_eq!(
            headers
                .get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS)
                .unwrap(),
            "true"
        );
        assert!(
            headers
                .get(header::VARY)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Origin")
        );
        let exposed = headers
            .get(header::ACCESS_CONTROL_EXPOSE_HEADERS)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(exposed.contains("x-request-id") && exposed.contains("retry-after"));
    }

    #[tokio::test]
    async fn an_unlisted_page_may_not() {
        for origin in ["https://evil.example", "null"] {
            let response =
                answered(TestRequest::get().insert_header((header::ORIGIN, origin))).await;
            assert_eq!(response.status(), 200, "the handler decides");
            let headers = response.headers();
            assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
            assert!(
                headers
                    .get(header::VARY)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .contains("Origin")
            );
        }
    }

    #[tokio::test]
    async fn a_preflight_lists_what_is_allowed() {
        let preflight = |origin, wanted| {
            TestRequest::with_uri("/")
                .method(Method::OPTIONS)
                .insert_header((header::ORIGIN, origin))
                .insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "DELETE"))
                .insert_header((header::ACCESS_CONTROL_REQUEST_HEADERS, wanted))
        };
        let wanted = "authorization, content-type, last-event-id";
        let response = answered(preflight(SHOP, wanted)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            response
                .headers()
                .get(header::ACCESS_CONTROL_MAX_AGE)
                .unwrap(),
            "600"
        );
        assert_eq!(answered(preflight(SHOP, "x-other")).await.status(), 400);
        let foreign = answered(preflight("https://evil.example", wanted)).await;
        assert_eq!(foreign.status(), 400);
    }
}
