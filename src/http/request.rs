//! What is known of every request, and the span it runs in.

use std::{
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, RequestHead, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
// Not std's: a paused runtime pauses this one too.
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use super::{
    client_address::{LimitKey, TrustedProxies},
    error::{ApiError, Told},
};
use crate::{
    code::Locale,
    ids::{self, TraceId},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is known of a request before its handler runs.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// Also the trace id.
    pub request_id: TraceId,
    /// The caller's language.
    pub locale: Locale,
    /// The caller's address; see [`TrustedProxies::client_address`].
    pub address: IpAddr,
}

impl RequestContext {
    /// This request's.
    pub fn of(req: &HttpRequest) -> Self {
        if let Some(context) = req.extensions().get::<Self>() {
            return *context;
        }
        let context = Self::read(req.head(), req.query_string(), proxies(req));
        req.extensions_mut().insert(context);
        context
    }

    /// What limits count this caller by.
    pub const fn limit_key(&self) -> LimitKey {
        LimitKey::new(self.address)
    }

    fn read(head: &RequestHead, query: &str, proxies: Option<&TrustedProxies>) -> Self {
        let address = match proxies {
            Some(proxies) => proxies.client_address(head),
            None => TrustedProxies::default().client_address(head),
        };
        Self {
            request_id: inbound_trace(head.headers()).unwrap_or_else(TraceId::random),
            locale: locale(head.headers(), query),
            address,
        }
    }
}

impl FromRequest for RequestContext {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}

/// The outermost middleware: gives a request its context and its span, and an error its last form.
///
/// # Errors
/// What an inner middleware failed with, dressed as the envelope.
pub async fn context<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let started = Instant::now();
    let context = RequestContext::of(req.request());
    let span = tracing::info_span!(
        "request",
        request_id = %context.request_id,
        method = %req.method(),
        route = field::Empty,
        status = field::Empty,
        elapsed_us = field::Empty,
    );
    let answer = next.call(req).instrument(span.clone()).await;
    let _inside = span.enter();
    match answer {
        Ok(answer) => {
            // Looking the pattern up costs; nobody reads it when the span is off.
            let route = (!span.is_disabled()).then(|| answer.request().match_pattern());
            let error = answer.response().error();
            record(
                &span,
                started,
                route.flatten().as_deref(),
                answer.status(),
                error,
            );
            Ok(finish(answer, context))
        }
        Err(mut error) => {
            let status = error.as_response_error().status_code();
            record(&span, started, None, status, Some(&error));
            error.add_response_mapper(move |response| {
                let told = told(&response, true);
                dress(response, told, context).map_into_boxed_body()
            });
            Err(error)
        }
    }
}

/// Writes down how it ended: the pattern of the route, never the path or the query, which hold ids and codes.
fn record(
    span: &Span,
    started: Instant,
    route: Option<&str>,
    status: StatusCode,
    error: Option<&Error>,
) {
    let elapsed = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    span.record("route", route.unwrap_or("unmatched"));
    span.record("status", status.as_u16());
    span.record("elapsed_us", elapsed);
    match error.and_then(Error::as_error::<ApiError>) {
        Some(error) if status.is_server_error() => {
            tracing::error!(
                code = error.code().name(),
                causes = error.causes(),
                "request failed"
            );
        }
        Some(error) => tracing::debug!(code = error.code().name(), "request refused"),
        None if status.is_server_error() => tracing::error!("request failed"),
        None => tracing::debug!("request answered"),
    }
}

fn finish<B: MessageBody>(
    answer: ServiceResponse<B>,
    context: RequestContext,
) -> ServiceResponse<EitherBody<B>> {
    let empty = matches!(
        answer.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    );
    let (req, response) = answer.into_parts();
    let told = told(&response, empty);
    ServiceResponse::new(req, dress(response, told, context))
}

/// What to say instead of the body: for our errors, for those of extractors, and for the empty 404 and 405 with
/// which actix answers what is not routed.
fn told<B>(response: &HttpResponse<B>, empty: bool) -> Option<Told> {
    if let Some(told) = response.extensions().get::<Told>() {
        return Some(*told);
    }
    let unrouted = matches!(response.status().as_u16(), 404 | 405) && empty;
    (unrouted || response.error().is_some()).then(|| Told::from_status(response.status()))
}

fn dress<B>(
    mut response: HttpResponse<B>,
    told: Option<Told>,
    context: RequestContext,
) -> HttpResponse<EitherBody<B>> {
    if let Ok(id) = HeaderValue::try_from(context.request_id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let Some(told) = told else {
        return response.map_into_left_body();
    };
    *response.status_mut() = told.status();
    told.head(response.headers_mut());
    response
        .headers_mut()
        .insert(header::CONTENT_LANGUAGE, language(context.locale));
    let body = told.body(context.locale, Some(context.request_id));
    response.set_body(BoxBody::new(body)).map_into_right_body()
}

const fn language(locale: Locale) -> HeaderValue {
    HeaderValue::from_static(locale.tag())
}

fn proxies(req: &HttpRequest) -> Option<&TrustedProxies> {
    req.app_data::<web::Data<TrustedProxies>>()
        .map(|proxies| proxies.get_ref())
}

/// The trace id of exactly one valid `traceparent` (W3C Trace Context section 3.2).
fn inbound_trace(headers: &HeaderMap) -> Option<TraceId> {
    let mut values = headers.get_all(TRACEPARENT);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let mut fields = value.to_str().ok()?.split('-');
    let [version, trace, parent, flags] = [
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    ];
    let [version] = ids::from_hex::<1>(version)?;
    ids::from_hex::<1>(flags)?;
    // Only later versions may carry more, and 255 is none.
    let known = version != 0xff && (version != 0 || fields.next().is_none());
    let named = ids::from_hex::<8>(parent)? != [0; 8];
    TraceId::parse(trace).filter(|_| known && named)
}

/// `locale` or `lang` of the query, else the first known of `Accept-Language`, else Chinese.
fn locale(headers: &HeaderMap, query: &str) -> Locale {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| matches!(&**key, "locale" | "lang"))
        .find_map(|(_, tag)| Locale::from_tag(&tag))
        .or_else(|| {
            let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            Locale::from_accept_language(accepted)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn traced(value: &str) -> String {
        let req = TestRequest::get()
            .insert_header(("traceparent", value))
            .to_http_request();
        RequestContext::of(&req).request_id.to_string()
    }

    #[test]
    fn a_valid_traceparent_names_the_request() {
        assert_eq!(traced(&format!("00-{TRACE}-00f067aa0ba902b7-01")), TRACE);
        assert_eq!(
            traced(&format!("01-{TRACE}-00f067aa0ba902b7-01-more")),
            TRACE
        );
    }

    #[test]
    fn any_other_traceparent_is_ignored() {
        let zeros = "0".repeat(32);
        for bad in [
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            "é".to_owned(),
            String::new(),
        ] {
            let id = traced(&bad);
            assert_ne!(id, TRACE, "{bad}");
            assert!(ids::from_hex::<16>(&id).is_some());
        }
    }

    #[test]
    fn the_query_wins_over_the_header_and_chinese_is_the_default() {
        let read = |uri: &str, accepted: &str| {
            let req = TestRequest::get()
                .uri(uri)
                .insert_header((header::ACCEPT_LANGUAGE, accepted))
                .to_http_request();
            RequestContext::of(&req).locale
        };
        assert_eq!(read("/?lang=en", "zh-CN"), Locale::En);
        assert_eq!(read("/?locale=zh-CN", "en"), Locale::ZhCn);
        assert_eq!(read("/?locale=xx", "en-US,en;q=0.9"), Locale::En);
        assert_eq!(read("/", "fr"), Locale::ZhCn);
    }

    #[test]
    fn a_request_keeps_its_context() {
        let req = TestRequest::get().to_http_request();
        let (first, second) = (RequestContext::of(&req), RequestContext::of(&req));
        assert_eq!(first.request_id, second.request_id);
    }
}
