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
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    account,
    chat::{self, Person},
    fault::{Fault, Faults},
    page,
    push::{self, Code, Outcome},
    quota, settings,
    shared::{Shared, State},
    sns,
    user::{User, UserRefused},
};

/// A year: no test needs more.
const MAX_ADVANCE_S: f64 = 366.0 * 86_400.0;
/// Bytes of a scanned text at most, as many as the largest QR code holds.
pub(super) const MAX_SCAN: usize = 2953;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    let scope = web::scope("/sandbox/api")
        .wrap(from_fn(guard))
        .service(resource("/scan").post(scan))
        .service(resource("/users").get(users).post(add_user))
        .service(resource("/accounts").get(account::list).put(account::put))
        .service(resource("/quotas").get(quota::show).put(quota::set))
        .service(resource("/js_code").post(sns::js_code))
        .service(
            resource("/settings")
                .get(settings::show)
                .put(settings::change),
        )
        .service(resource("/faults").get(faults).put(set_faults))
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

/// Keeps out pages of other sites, also those whose name was pointed here.
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
    let host = page::text(request, header::HOST).unwrap_or_default();
    if !shared.own.is(host) {
        let text = format!("Host must be {}", shared.own.0);
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text));
    }
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
struct Scan {
    user: Option<String>,
    text: String,
}

/// What a scan leads to.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Scanned {
    Page {
        url: String,
    },
    /// The chat with an account.
    Message {
        #[serde(flatten)]
        delivered: Map<String, Value>,
        /// Nothing was sent: the person has to follow first.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        follow: bool,
    },
}

async fn scan(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    let scan: Scan = read(body)?;
    if let Some(id) = &scan.user
        && shared.lock().users.get(id).is_none()
    {
        return Err(Refusal::bad_request("user: there is no user of that id"));
    }
    let url = read_link(&scan.text)
        .ok_or_else(|| Refusal::bad_request("text: an http or https link is allowed"))?;
    let scanned = if is_parametric(&url) {
        let user = scan.user.clone().or_else(|| page::phone_user(&request));
        scan_parametric(&shared, &scan.text, user.as_deref()).await?
    } else {
        Scanned::Page { url: url.into() }
    };
    let mut response = HttpResponse::Ok();
    if let Some(id) = scan.user {
        response.cookie(page::user_cookie(id));
    }
    Ok(response.json(scanned))
}

async fn scan_parametric(
    shared: &web::Data<Shared>,
    text: &str,
    user: Option<&str>,
) -> Result<Scanned, Refusal> {
    let (code, person) = {
        let mut state = shared.lock();
        let code = state
            .tickets
            .find_by_url(text, shared.clock.now())
            .ok_or_else(|| Refusal::bad_request("text: this code is unknown or has expired"))?;
        let person = Person {
            app_id: code.app_id.clone(),
            user_id: state.users.get_or_first(user).id.clone(),
        };
        (code, person)
    };
    Ok(match chat::scan(shared, &person, Code::from(&code)).await {
        chat::Scanned::Pushed(outcome) => Scanned::Message {
            delivered: chat::delivered(&outcome),
            follow: false,
        },
        chat::Scanned::MustFollow => Scanned::Message {
            delivered: chat::delivered(&Outcome::default()),
            follow: true,
        },
    })
}

/// Whether it is the link of a parametric code: it leads to an account, never to a page.
pub(super) fn is_parametric(url: &Url) -> bool {
    url.host_str() == Some("weixin.qq.com") && url.path().starts_with("/q/")
}

/// The link that a QR code holds.
pub(super) fn read_link(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.len() > MAX_SCAN {
        return None;
    }
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}

async fn users(shared: web::Data<Shared>, request: HttpRequest) -> HttpResponse {
    let base = shared.own.base(page::text(&request, header::HOST));
    let users: Vec<_> = shared
        .lock()
        .users
        .iter()
        .map(|user| shown(user, &base))
        .collect();
    HttpResponse::Ok().json(json!({ "users": users }))
}

async fn add_user(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    let user: User = read(body)?;
    let base = shared.own.base(page::text(&request, header::HOST));
    shared.lock().users.add(user.clone()).map_err(|why| {
        let status = match why {
            UserRefused::Taken | UserRefused::Full => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, why.to_string())
    })?;
    Ok(HttpResponse::Created().json(shown(&user, &base)))
}

/// With the URL of the picture.
fn shown(user: &User, base: &str) -> User {
    User {
        avatar: Some(user.picture(base)),
        ..user.clone()
    }
}

async fn faults(shared: web::Data<Shared>) -> HttpResponse {
    show_faults(&shared.lock())
}

fn show_faults(state: &State) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "faults": state.faults.list() }))
}

/// Replaces the list; takes the list itself, and what `GET` shows.
async fn set_faults(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let mut value: Value = read(body)?;
    if let Some(object) = value.as_object_mut()
        && object.len() == 1
        && let Some(list) = object.remove("faults")
    {
        value = list;
    }
    let list: Vec<Fault> = serde_json::from_value(value).map_err(Refusal::bad_request)?;
    let faults = Faults::checked(list).map_err(Refusal::bad_request)?;
    let mut state = shared.lock();
    state.faults = faults;
    Ok(show_faults(&state))
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
