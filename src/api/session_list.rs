//! Where somebody is signed in, and signing out there.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Serialize;
use serde_json::json;

use super::{Door, scenes::Nothing};
use crate::{
    clock::Millis,
    code::Code,
    config::AppId,
    http::{ApiError, Body, Cookies, Origins, RequestContext, SignedIn, ok},
    token::EndReason,
};

/// One session, as its owner sees it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ListedSession"))]
pub(super) struct Listed<'a> {
    /// What it is ended by.
    id: &'a str,
    /// Whether it is the one that asks.
    current: bool,
    /// The app it is of.
    app: &'a AppId,
    /// The browser, in words.
    browser: &'a str,
    /// The operating system, in words.
    system: &'a str,
    /// Where it was last refreshed.
    ip: &'a str,
    /// Where that is, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// When it was opened, epoch milliseconds.
    created_at: Millis,
    /// When it was last refreshed, epoch milliseconds.
    last_seen_at: Millis,
}

/// `GET /sessions`: all that the caller's user has, in every app, those seen last first.
pub(super) async fn list(
    request: HttpRequest,
    door: web::Data<Door>,
    SignedIn(current): SignedIn,
) -> Result<HttpResponse, ApiError> {
    let locale = RequestContext::of(&request).locale;
    let sessions = door.tokens.sessions_of(&current.user).await?;
    let listed = sessions.iter().map(|session| Listed {
        id: &session.id.0,
        current: session.id == current.id,
        app: &session.app,
        browser: &session.device.browser,
        system: &session.device.system,
        ip: &session.device.ip,
        place: door.login.place(&session.device.ip, locale),
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
    });
    let listed: Vec<_> = listed.collect();
    Ok(ok(&request, StatusCode::OK, listed))
}

/// `DELETE /sessions/{id}`: ends one of those listed. Another's session is as unknown as one that never was.
pub(super) async fn end(
    request: HttpRequest,
    path: web::Path<String>,
    door: web::Data<Door>,
    (origins, cookies): (web::Data<Origins>, web::Data<Cookies>),
    SignedIn(current): SignedIn,
    _: Body<Nothing>,
) -> Result<HttpResponse, ApiError> {
    origins.check(&current.app, request.headers())?;
    let own = door.tokens.sessions_of(&current.user).await?;
    let found = own.into_iter().find(|session| session.id.0 == *path);
    let session = found.ok_or(Code::NotFound)?;
    let is_current = session.id == current.id;
    let why = if is_current {
        EndReason::SignedOut
    } else {
        EndReason::SignedOutElsewhere
    };
    door.tokens.end(&session.id, why).await?;
    let mut response = ok(&request, StatusCode::OK, json!({}));
    if is_current {
        // Cannot fail: the cookie's text is ours.
        let _ = response.add_cookie(&cookies.clear_refresh(&current.app));
    }
    Ok(response)
}
