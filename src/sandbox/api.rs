//! `/sandbox/api/*`: what tests and the phone's developer drawer turn.

use std::time::Duration;

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn},
    web::{self, Bytes},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    account, chat, fault, page, push, quota, scan, settings,
    shared::{Shared, State},
    sns,
    user::{self, User},
};

/// A year: no test needs more.
const MAX_ADVANCE_S: f64 = 366.0 * 86_400.0;
pub(super) fn configure(config: &mut web::ServiceConfig) {
    let scope = web::scope("/sandbox/api")
        .wrap(from_fn(guard))
        .service(resource("/scan").post(scan::scan))
        .service(resource("/users").get(user::list).post(user::add))
        .service(resource("/accounts").get(account::list).put(account::put))
        .service(resource("/quotas").get(quota::show).put(quota::set))
        .service(resource("/js_code").post(sns::js_code))
        .service(
            resource("/settings")
                .get(settings::show)
                .put(settings::change),
        )
        .service(resource("/faults").get(fault::show).put(fault::set))
        .configure(chat::configure_api)
        .configure(push::configure)
        .service(resource("/clock").post(advance_clock))
        .service(resource("/reset").post(reset))
        .default_service(web::to(async || {
            Refusal::new(StatusCode::NOT_FOUND, "no such endpoint").respond()
        }));
    config.service(scope);
}

pub(super) fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(async || {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this method is not allowed here",
        )
        .respond()
    }))
}

/// An error of the API: `{error}`.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

pub(super) type Answer = Result<HttpResponse, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    pub(super) fn bad_request(text: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text.to_string())
    }

    fn respond(&self) -> HttpResponse {
        HttpResponse::build(self.status).json(json!({ "error": self.text }))
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.respond()
    }
}

/// Keeps out pages of other sites.
async fn guard(
    shared: web::Data<Shared>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Err(refusal) = check(&shared, request.request()) {
        return Ok(request.into_response(refusal.respond()));
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let no_store = header::HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn check(shared: &Shared, request: &HttpRequest) -> Result<(), Refusal> {
    if !page::is_own_form(request, shared.own) {
        let text = "Origin must be absent or the sandbox's own";
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    let kind = page::text(request, header::CONTENT_TYPE).unwrap_or_default();
    let is_json = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if request.method() != Method::GET && !is_json {
        let text = "Content-Type must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(())
}

/// The user that a call names; by default the phone's.
pub(super) fn user<'a>(
    state: &'a State,
    id: Option<&str>,
    request: &HttpRequest,
) -> Result<&'a User, Refusal> {
    match id {
        None => Ok(state
            .users
            .get_or_first(page::phone_user(request).as_deref())),
        Some(id) => state
            .users
            .get(id)
            .ok_or_else(|| Refusal::bad_request("user: there is no user of that id")),
    }
}

/// An absent body is `{}`.
pub(super) fn read<T: DeserializeOwned>(body: Result<Bytes, Error>) -> Result<T, Refusal> {
    let body = body.map_err(|error| {
        let status = error.as_response_error().status_code();
        Refusal::new(
            status,
            "the body could not be read, or is larger than 64 KiB",
        )
    })?;
    let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
    serde_json::from_slice(text).map_err(Refusal::bad_request)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: f64,
}

async fn advance_clock(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let Advance { advance_s } = read(body)?;
    if !(0.0..=MAX_ADVANCE_S).contains(&advance_s) {
        let text = format!("advance_s: 0 to {MAX_ADVANCE_S} is allowed");
        return Err(Refusal::bad_request(text));
    }
    shared.clock.advance(Duration::from_secs_f64(advance_s));
    Ok(HttpResponse::Ok().json(json!({ "now": shared.clock.now() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Everything but the clock, which cannot go back.
async fn reset(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let Nothing {} = read(body)?;
    shared.reset();
    Ok(HttpResponse::Ok().json(json!({})))
}
