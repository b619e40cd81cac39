//! The JSON door: `/api/v1`, except its WebSocket.

mod accounts;
mod events;
mod poll;
mod scenes;
mod session_list;
mod sessions;
mod verify;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, EntityTag, HeaderValue},
    },
    web,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

pub(crate) use self::accounts::routes as account_routes;
use crate::{
    code::Code,
    config::{AppId, Apps, ConfirmInBrowser, Flow},
    http::{ApiError, Cookies, assets, ok, unless_known},
    ids,
    login::Login,
    push::{Drain, Registry},
    telemetry::Metrics,
    token::Tokens,
};

pub(crate) use self::verify::guard;

/// What the calls work with.
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) push: Arc<Registry>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) page: Page,
}

/// What pages are told of the configuration.
pub(crate) struct Page {
    pub(crate) apps: Apps,
    /// What people type.
    pub(crate) public_url: Url,
    pub(crate) default_flow: Flow,
    /// Where the simulated phone is, in sandbox mode.
    pub(crate) phone_url: Option<String>,
    /// Whether there are accounts with a password.
    pub(crate) accounts: bool,
}

/// The calls below `/api/v1`.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/config").get(config))
        .service(web::resource("/scenes").post(scenes::open))
        .service(web::resource("/scenes/{scene}").get(poll::poll))
        .service(web::resource("/scenes/{scene}/events").get(events::stream))
        .service(web::resource("/scenes/{scene}/refresh").post(scenes::refresh))
        .service(web::resource("/scenes/{scene}/verify").post(scenes::verify))
        .service(web::resource("/scenes/{scene}/cancel").post(scenes::cancel))
        .service(web::resource("/auth/token").post(sessions::redeem))
        .service(web::resource("/auth/refresh").post(sessions::refresh))
        .service(web::resource("/auth/logout").post(sessions::logout))
        .service(web::resource("/sessions").get(session_list::list))
        .service(web::resource("/sessions/{id}").delete(session_list::end))
        .service(web::resource("/me").get(sessions::me));
}

/// `GET /.well-known/jwks.json`: the public keys, not in the envelope (RFC 7517).
pub(crate) async fn jwks(request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    let body = door.tokens.jwks().to_string();
    let tag = EntityTag::new_strong(ids::hex(&Sha256::digest(&body)));
    let cache = HeaderValue::from_static("public, max-age=300");
    let mut response = unless_known(&request, tag, cache, |mut whole| {
        whole.content_type("application/jwk-set+json").body(body)
    });
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

/// `/` and `/app`: the pages, and the browser cookie for whoever has none. What they will ask for first is on its way
/// before their scripts are.
pub(crate) async fn page(request: HttpRequest, cookies: web::Data<Cookies>) -> HttpResponse {
    let name = if request.path() == "/app" {
        "app.html"
    } else {
        "index.html"
    };
    let mut response = assets::page(&request, name);
    if let Some(config) = preload_config(request.query_string()) {
        response.headers_mut().insert(header::LINK, config);
    }
    if let (_, Some(cookie)) = cookies.browser_or_new(request.headers()) {
        // Cannot fail: the cookie's text is ours.
        let _ = response.add_cookie(&cookie);
    }
    response
}

/// The request that the page's scripts make for the configuration of the app in its query, to the letter: a browser
/// takes no other for it.
fn preload_config(query: &str) -> Option<HeaderValue> {
    let app = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "app");
    let query = match app {
        Some((_, id)) if !id.is_empty() => format!("?app={}", AppId::parse(&id)?),
        _ => String::new(),
    };
    let link =
        format!("</api/v1/config{query}>; rel=preload; as=fetch; crossorigin=use-credentials");
    HeaderValue::from_str(&link).ok()
}

#[derive(Deserialize)]
struct AppQuery {
    app: Option<String>,
}

/// What a login page needs to begin.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PageConfig"))]
struct ConfigData<'a> {
    /// For whom it signs in.
    app: AppData<'a>,
    /// Those that `start` may ask for.
    flows: &'a [Flow],
    /// What `start` without a flow takes.
    default_flow: Flow,
    /// Whether the page asks before it redeems.
    confirm_in_browser: ConfirmInBrowser,
    /// Only ever `true`: there are accounts with a password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, schemars(extend("const" = true)))]
    accounts: bool,
    /// In sandbox mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<SandboxData<'a>>,
}

/// One product that signs people in here.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "App"))]
struct AppData<'a> {
    /// What calls name it by.
    id: &'a AppId,
    /// What people call it.
    name: &'a str,
}

/// What there is in sandbox mode alone.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SandboxConfig"))]
struct SandboxData<'a> {
    /// The simulated phone; with `?scan=` and the text of a code it has it scanned.
    phone_url: &'a str,
}

/// `GET /config?app=`: what a page needs to begin.
async fn config(
    request: HttpRequest,
    query: web::Query<AppQuery>,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, ApiError> {
    let id = app_of(query.app.as_deref()).ok_or(Code::NotFound)?;
    let app = door.page.apps.get(&id).ok_or(Code::NotFound)?;
    let data = ConfigData {
        app: AppData {
            id: &id,
            name: &app.name,
        },
        flows: &app.flows,
        default_flow: door.page.default_flow,
        confirm_in_browser: app.confirm_in_browser,
        accounts: door.page.accounts,
        sandbox: door
            .page
            .phone_url
            .as_deref()
            .map(|phone_url| SandboxData { phone_url }),
    };
    let mut response = ok(&request, StatusCode::OK, data);
    if let (_, Some(cookie)) = cookies.browser_or_new(request.headers()) {
        let _ = response.add_cookie(&cookie);
    }
    Ok(response)
}

/// The shapes of what is answered and of what is sent, for the documents.
#[cfg(test)]
pub(crate) fn shapes(
    answers: &mut schemars::SchemaGenerator,
    bodies: &mut schemars::SchemaGenerator,
) {
    answers.subschema_for::<ConfigData<'_>>();
    answers.subschema_for::<sessions::IssuedData<'_>>();
    answers.subschema_for::<sessions::WhoData<'_>>();
    answers.subschema_for::<session_list::Listed<'_>>();
    bodies.subschema_for::<scenes::Nothing>();
    bodies.subschema_for::<sessions::Redeem>();
    bodies.subschema_for::<sessions::Refresh>();
    bodies.subschema_for::<sessions::Logout>();
    bodies.subschema_for::<accounts::Credentials>();
    bodies.subschema_for::<accounts::Change>();
}

/// The app a caller names, or `default`; `None` for what cannot be one.
fn app_of(name: Option<&str>) -> Option<AppId> {
    name.map_or_else(|| Some(AppId::default_app()), AppId::parse)
}
