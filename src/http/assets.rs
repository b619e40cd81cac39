//! The pages, the SDK and the documents, carried inside the binary.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, Resource, ResponseError,
    http::header::{
        self, AcceptEncoding, ContentEncoding, Encoding, EntityTag, Header, HeaderValue,
    },
    web,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{error::ApiError, etag::unless_known};
use crate::{code::Code, ids};

/// The files of `web/` that are for browsers, as `web/build.rs` wrote them: a folder for each coding.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web/"]
struct Web;

const PLAIN: ContentEncoding = ContentEncoding::Identity;

/// Neither names nor URLs carry a hash, so every use asks whether the file is still the same; 304 costs no body.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// As above, and never kept by a shared cache: the answer may set a cookie.
const REVALIDATE_PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// `web/src/**` under `/assets/**`; `/assets/src/**` is the same. To be wrapped with [`super::SecurityHeaders::assets`].
pub fn resource() -> Resource {
    web::resource("/assets/{path:.*}")
        .route(web::get().to(asset))
        .route(web::head().to(asset))
}

/// `web/index.html` or `web/app.html`, as an answer to `req`.
pub fn page(req: &HttpRequest, name: &str) -> HttpResponse {
    answer(req, name, REVALIDATE_PRIVATE)
}

/// A file of `web/` that is the same for everybody, as an answer to `req`.
pub fn file(req: &HttpRequest, name: &str) -> HttpResponse {
    answer(req, name, REVALIDATE)
}

async fn asset(req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let name = format!("src/{}", path.strip_prefix("src/").unwrap_or(&path));
    file(&req, &name)
}

fn answer(req: &HttpRequest, name: &str, cache: HeaderValue) -> HttpResponse {
    let coding = preferred_coding(req);
    let (Some(plain), Some(coded)) = (coded(PLAIN, name), coded(coding, name)) else {
        return ApiError::new(Code::NotFound).error_response();
    };
    // Weak: the same tag stands for the file as it is and packed.
    let tag = EntityTag::new_weak(ids::hex(&plain.metadata.sha256_hash()));
    let mut response = unless_known(req, tag, cache, |mut response| {
        response.insert_header((header::CONTENT_TYPE, content_type(name)));
        if coding != PLAIN {
            response.insert_header((header::CONTENT_ENCODING, coding.as_str()));
        }
        match coded.data {
            Cow::Borrowed(bytes) => response.body(web::Bytes::from_static(bytes)),
            Cow::Owned(bytes) => response.body(bytes),
        }
    });
    // In a 304 as well (RFC 9110 section 15.4.5).
    let vary = HeaderValue::from_static("accept-encoding");
    response.headers_mut().insert(header::VARY, vary);
    response
}

fn coded(coding: ContentEncoding, name: &str) -> Option<EmbeddedFile> {
    Web::get(&format!("{}/{name}", coding.as_str()))
}

/// What the caller would rather have, or says to be able to read. Who refuses all of it gets the file as it is.
fn preferred_coding(req: &HttpRequest) -> ContentEncoding {
    const OFFERED: [Encoding; 3] = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(req).ok();
    match accepted.and_then(|accepted| accepted.negotiate(OFFERED.iter())) {
        Some(Encoding::Known(coding)) => coding,
        _ => PLAIN,
    }
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
    use std::io::Read;

    use actix_web::{
        App,
        body::to_bytes,
        test::{TestRequest, call_service, init_service},
    };
    use flate2::read::GzDecoder;
    use sha2::Digest;

    use super::*;

    const FILE: &str = "src/page/page.css";

    fn asked(name: header::HeaderName, value: &str) -> HttpResponse {
        let req = TestRequest::get().insert_header((name, value));
        answer(&req.to_http_request(), FILE, REVALIDATE)
    }

    fn says(response: &HttpResponse, name: header::HeaderName) -> &str {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn a_file_comes_with_its_type_and_its_tag() {
        let response = asked(header::ACCEPT_ENCODING, "");
        assert_eq!(response.status(), 200);
        let tag = says(&response, header::ETAG).to_owned();
        assert_eq!(
            says(&response, header::CONTENT_TYPE),
            "text/css; charset=utf-8"
        );
        assert_eq!(says(&response, header::CACHE_CONTROL), "no-cache");
        assert_eq!(says(&response, header::CONTENT_ENCODING), "");
        assert_eq!(says(&response, header::VARY), "accept-encoding");
        let body = to_bytes(response.into_body()).await.unwrap();
        let hash = ids::hex(&sha2::Sha256::digest(&body));
        assert_eq!(tag, format!("W/\"{hash}\""));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let whole = asked(header::ACCEPT_ENCODING, "br");
        let tag = says(&whole, header::ETAG).trim_start_matches("W/");
        for known in [&format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            let response = asked(header::IF_NONE_MATCH, known);
            assert_eq!(response.status(), 304, "{known}");
            assert_eq!(says(&response, header::ETAG), says(&whole, header::ETAG));
            assert_eq!(says(&response, header::VARY), "accept-encoding");
        }
        for unknown in ["\"x\"", "garbage", ""] {
            assert_eq!(asked(header::IF_NONE_MATCH, unknown).status(), 200);
        }
    }

    #[test]
    fn it_is_packed_as_the_caller_likes_best() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip", "gzip"),
            ("gzip;q=1.0, br;q=0.5", "gzip"),
            ("br;q=0, gzip;q=0.1", "gzip"),
            ("identity, br;q=0.5", ""),
            ("deflate, zstd", ""),
            ("*", ""),
            ("br;q=0", ""),
            ("identity;q=0", ""),
            ("garbage;;q=", ""),
            ("", ""),
        ] {
            let response = asked(header::ACCEPT_ENCODING, accepted);
            assert_eq!(
                says(&response, header::CONTENT_ENCODING),
                coding,
                "{accepted}"
            );
        }
    }

    #[tokio::test]
    async fn unpacked_it_is_the_file() {
        for name in ["index.html", FILE] {
            let plain = coded(PLAIN, name).unwrap().data;
            let gzip = coded(ContentEncoding::Gzip, name).unwrap().data;
            let brotli = coded(ContentEncoding::Brotli, name).unwrap().data;
            assert!(brotli.len() < gzip.len() && gzip.len() < plain.len());
            let mut unpacked = Vec::new();
            GzDecoder::new(&*gzip).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, *plain);
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut &*brotli, &mut unpacked).unwrap();
            assert_eq!(unpacked, *plain);
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
        for path in Web::iter() {
            let (coding, name) = path.split_once('/').unwrap();
            assert!(["br", "gzip", "identity"].contains(&coding), "{path}");
            let page = matches!(name, "index.html" | "app.html" | "docs.html");
            let document = name.starts_with("openapi.") || name.starts_with("asyncapi.");
            assert!(page || document || name.starts_with("src/"), "{path}");
            let kind = name.rsplit('.').next().unwrap();
            let kinds: &[_] = if document {
                &["json", "yaml"]
            } else {
                &["css", "html", "js", "svg"]
            };
            assert!(kinds.contains(&kind), "{path}");
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
