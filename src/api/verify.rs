//! The guard for any back end: reverse proxies ask here, for each request, who calls.
//!
//! Its callers are proxies and not pages: nothing depends on `Origin`, and there is no CORS, whose answer to a
//! preflight a proxy would take for a yes. It is not limited by address either: no store is asked before a MAC or a
//! signature fits, and a limit could shut out everybody behind one proxy.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use secrecy::ExposeSecret;

use super::{AppQuery, Door, app_of};
use crate::{
    config::AppId,
    http::{Cookies, GUARD, SecurityHeaders, bearer},
    login::LoginError,
    token::{Caller, TokenError},
};

/// Seconds until a proxy may ask again, where nothing better is known.
const RETRY_AFTER_S: u64 = 5;

/// `/api/v1/auth/verify` and what is below it. To be registered before the scope of the API.
pub(crate) fn guard(headers: &SecurityHeaders) -> impl FnOnce(&mut web::ServiceConfig) {
    let headers = headers.guard();
    move |app| {
        app.service(
            web::scope(GUARD)
                .wrap(headers)
                .service(
                    web::resource("")
                        .get(by_query)
                        .route(web::head().to(by_query)),
                )
                .service(web::resource(["/{app}", "/{app}/{path:.*}"]).to(by_path)),
        );
    }
}

/// `GET /auth/verify?app=`: who calls, as headers; 401 when nobody does. The answer has no body.
async fn by_query(
    request: HttpRequest,
    query: Option<web::Query<AppQuery>>,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
) -> HttpResponse {
    let app = query.and_then(|query| app_of(query.app.as_deref()));
    answer(&request, app, &door, &cookies).await
}

/// `/auth/verify/{app}/{path}`, any method: the same for proxies that put a prefix before the path they were asked
/// for. The query is the visitor's there, so the app stands in the prefix.
async fn by_path(
    request: HttpRequest,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
) -> HttpResponse {
    let app = request.match_info().get("app").and_then(AppId::parse);
    answer(&request, app, &door, &cookies).await
}

async fn answer(
    request: &HttpRequest,
    app: Option<AppId>,
    door: &Door,
    cookies: &Cookies,
) -> HttpResponse {
    // Sessions of an app that is not configured any more are nobody's.
    let Some(app) = app.filter(|app| door.page.apps.get(app).is_some()) else {
        return challenge("Bearer");
    };
    let token = bearer(request.headers());
    let cookie = cookies.refresh(request.headers(), &app);
    let caller = match (token, cookie) {
        (Some(token), _) => by_token(door, &app, token).await,
        (None, Some(cookie)) => door.tokens.read_cookie(&app, cookie.expose_secret()).await,
        (None, None) => return challenge("Bearer"),
    };
    match caller {
        Ok(caller) => passed(&caller),
        Err(error) => refused(error),
    }
}

/// A token decides alone: who shows a bad one is not let in by the cookie beside it.
async fn by_token(door: &Door, app: &AppId, token: &str) -> Result<Caller, TokenError> {
    let caller = door.tokens.authenticate(token)?;
    if caller.app != *app {
        return Err(TokenError::Unauthenticated);
    }
    door.tokens.session_of(&caller).await?;
    Ok(caller)
}

fn passed(caller: &Caller) -> HttpResponse {
    let named = [
        ("x-auth-user", caller.user_id.0.as_str()),
        ("x-auth-session", &caller.session_id.0),
        ("x-auth-app", caller.app.as_str()),
    ];
    let mut response = HttpResponse::new(StatusCode::OK);
    for (name, value) in named {
        let Ok(value) = HeaderValue::from_str(value) else {
            return refused(TokenError::Internal(format!("{name} cannot be a header")));
        };
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, value);
    }
    response
}

/// RFC 6750 section 3.1: what was shown is expired, revoked or no token at all. A store that is away says nothing about
/// the caller, whom a 401 would sign out.
fn refused(error: TokenError) -> HttpResponse {
    let error = LoginError::from(error);
    if error.code.status() == 401 {
        return challenge("Bearer error=\"invalid_token\"");
    }
    let wait = error
        .retry_after
        .map_or(RETRY_AFTER_S, |wait| wait.as_secs());
    let mut response = HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    response
}

fn challenge(scheme: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::UNAUTHORIZED);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}
