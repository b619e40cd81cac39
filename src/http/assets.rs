//! The pages, the SDK and the documents, carried inside the binary.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, Resource, ResponseError,
    http::header::{self, EntityTag, HeaderValue},
    web,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{error::ApiError, etag::unless_known};
use crate::{code::Code, ids};

/// The files of `web/` that are for browsers. A checkout without `web/` still builds; its pages are 404.
#[derive(RustEmbed)]
#[folder = "web/"]
#[allow_missing = true]
#[include = "index.html"]
#[include = "app.html"]
#[include = "docs.html"]
#[include = "openapi.json"]
#[include = "asyncapi.json"]
#[include = "asyncapi.yaml"]
#[include = "src/**"]
#[exclude = "**/node_modules/**"]
#[exclude = "**/*.test.*"]
#[exclude = "**/*.ts"]
struct Web;

/// Neither names nor URLs carry a hash, so every use asks whether the file is still the same; 304 costs no body.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// As above, and never kept by a shared cache: the answer may set a cookie.
const REVALIDATE_PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// `web/src/**` under `/assets/**`; `/assets/src/**` is the same. To be wrapped with actix's `Compress` and
/// [`super::SecurityHeaders::assets`].
pub fn resource() -> Resource {
    web::resource("/assets/{path:.*}")
        .route(web::get().to(asset))
        .route(web::head().to(asset))
}

/// `web/index.html` or `web/app.html`, as an answer to `req`.
pub fn page(req: &HttpRequest, name: &str) -> HttpResponse {
    answer(req, name, Web::get(name), REVALIDATE_PRIVATE)
}

/// A file of `web/` that is the same for everybody, as an answer to `req`.
pub fn file(req: &HttpRequest, name: &str) -> HttpResponse {
    answer(req, name, Web::get(name), REVALIDATE)
}

async fn asset(req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let name = format!("src/{}", path.strip_prefix("src/").unwrap_or(&path));
    file(&req, &name)
}

fn answer(
    req: &HttpRequest,
    name: &str,
    file: Option<EmbeddedFile>,
    cache: HeaderValue,
) -> HttpResponse {
    let Some(file) = file else {
        return ApiError::new(Code::NotFound).error_response();
    };
    // Weak: the same tag stands for the file as it is and packed.
    let tag = EntityTag::new_weak(ids::hex(&file.metadata.sha256_hash()));
    unless_known(req, tag, cache, |mut response| {
        response.insert_header((header::CONTENT_TYPE, content_type(name)));
        match file.data {
            Cow::Borrowed(bytes) => response.body(web::Bytes::from_static(bytes)),
            Cow::Owned(bytes) => response.body(bytes),
        }
    })
}

/// The media type; texts are UTF-8, and scripts have the one type that `nosniff` lets run everywhere.
fn content_type(name: &str) -> String {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    match mime.essence_str() {
        "application/javascript" | "text/javascript" => "text/javascript; charset=utf-8".to_owned(),
        // RFC 9512.
        "text/x-yaml" => "application/yaml".to_owned(),
        essence if essence.starts_with("text/") => format!("{essence}; charset=utf-8"),
        essence @ ("image/svg+xml" | "application/json" | "application/manifest+json") => {
            format!("{essence}; charset=utf-8")
        }
        essence => essence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::to_bytes,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    fn file() -> EmbeddedFile {
        EmbeddedFile {
            data: Cow::Borrowed(b"export {}"),
            metadata: rust_embed::Metadata::__rust_embed_new([7; 32], None, None),
        }
    }

    fn asked(known: Option<&str>) -> HttpResponse {
        let mut req = TestRequest::get();
        if let Some(known) = known {
            req = req.insert_header((header::IF_NONE_MATCH, known));
        }
        answer(&req.to_http_request(), "src/a.js", Some(file()), REVALIDATE)
    }

    #[tokio::test]
    async fn a_file_comes_with_its_type_and_its_tag() {
        let response = asked(None);
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(
            headers.get(header::CONTENT_TYPE).unwrap(),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-cache");
        assert_eq!(
            headers.get(header::ETAG).unwrap(),
            &*format!("W/\"{}\"", "07".repeat(32))
        );
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(&body[..], b"export {}");
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let tag = "07".repeat(32);
        for known in [
            format!("W/\"{tag}\""),
            format!("\"x\", \"{tag}\""),
            "*".to_owned(),
        ] {
            let response = asked(Some(&known));
            assert_eq!(response.status(), 304, "{known}");
            assert!(response.headers().contains_key(header::ETAG));
        }
        for unknown in ["\"x\"", "garbage", ""] {
            assert_eq!(asked(Some(unknown)).status(), 200, "{unknown}");
        }
    }

    #[test]
    fn types_are_what_browsers_expect() {
        assert_eq!(content_type("index.html"), "text/html; charset=utf-8");
        assert_eq!(content_type("a.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("a.mjs"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("a.svg"), "image/svg+xml; charset=utf-8");
        assert_eq!(content_type("a.png"), "image/png");
        assert_eq!(content_type("a.yaml"), "application/yaml");
        assert_eq!(content_type("a"), "application/octet-stream");
    }

    #[test]
    fn only_what_browsers_need_is_carried() {
        for name in Web::iter() {
            let page = matches!(&*name, "index.html" | "app.html" | "docs.html");
            let document = name.starts_with("openapi.") || name.starts_with("asyncapi.");
            assert!(page || document || name.starts_with("src/"), "{name}");
            assert!(
                !name.contains("node_modules") && !name.contains(".test."),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn nothing_outside_is_served() {
        let app = init_service(App::new().service(resource())).await;
        for path in [
            "/assets/nothing.js",
            "/assets/../index.html",
            "/assets/",
            "/assets/%2e%2e/x",
        ] {
            let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
            assert_eq!(response.status(), 404, "{path}");
        }
        let post = TestRequest::post().uri("/assets/a.js").to_request();
        assert_eq!(call_service(&app, post).await.status(), 405);
    }
}
