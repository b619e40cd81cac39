//! Opening, renewing and giving up a scene, for browsers whose network blocks `WebSocket`s.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Door;
use crate::{
    code::Code,
    config::AppId,
    http::{ApiError, Body, Command, Cookies, Limits, Origins, RequestContext, ok, originate},
    protocol::{Encoded, Start, Verify},
    scene::{Scene, Secret},
};

/// Nothing is asked for, or told.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Nothing {}

/// `POST /scenes`: 201 and the `pending` event.
pub(super) async fn open(
    request: HttpRequest,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    cookies: web::Data<Cookies>,
    Command(start): Command<Start>,
) -> Result<HttpResponse, ApiError> {
    let context = RequestContext::of(&request);
    let app = AppId::parse(&start.app).ok_or(Code::OriginRefused)?;
    let origin = origins.check(&app, request.headers())?;
    limits.scene(context.limit_key())?;
    let (browser, cookie) = cookies.browser_or_new(request.headers());
    let from = originate(&request, &context, origin.as_ref(), Some(browser.hash()));
    let opened = door.login.open(&start, from).await?;
    let mut response = event(&request, StatusCode::CREATED, &opened.event)?;
    if let Some(cookie) = cookie {
        // Cannot fail: the cookie's text is ours.
        let _ = response.add_cookie(&cookie);
    }
    Ok(response)
}

/// `POST /scenes/{scene}/refresh`: 201 and the new scene's `pending`.
pub(super) async fn refresh(
    request: HttpRequest,
    path: web::Path<String>,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    _: Body<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let owner = own_page(&request, &path, &door, &limits, &origins).await?;
    limits.scene(RequestContext::of(&request).limit_key())?;
    let opened = door.login.refresh(&owner.scene.id).await?;
    door.push.finish(owner.scene.id);
    event(&request, StatusCode::CREATED, &opened.event)
}

/// `POST /scenes/{scene}/verify`: 200 and what came of it, another `verifying` for wrong digits.
pub(super) async fn verify(
    request: HttpRequest,
    path: web::Path<String>,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    Command(verify): Command<Verify>,
) -> Result<HttpResponse, ApiError> {
    let owner = own_page(&request, &path, &door, &limits, &origins).await?;
    let scene = door.login.verify(&owner.scene.id, verify.code).await?;
    let encoded = door.login.event(&scene, &owner.secret, false);
    event(&request, StatusCode::OK, &encoded)
}

/// `POST /scenes/{scene}/cancel`: 200 and `cancelled`.
pub(super) async fn cancel(
    request: HttpRequest,
    path: web::Path<String>,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    _: Body<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let owner = own_page(&request, &path, &door, &limits, &origins).await?;
    let cancelled = door.login.cancel(&owner.scene.id).await?;
    let encoded = door.login.event(&cancelled, &owner.secret, false);
    event(&request, StatusCode::OK, &encoded)
}

/// A scene whose secret the caller holds.
pub(super) struct Owned {
    pub(super) scene: Scene,
    pub(super) secret: Secret,
}

/// The scene of the path, opened by `Authorization: Scene {secret}`.
pub(super) async fn own(
    request: &HttpRequest,
    path: &str,
    door: &Door,
    limits: &Limits,
) -> Result<Owned, ApiError> {
    let key = RequestContext::of(request).limit_key();
    limits.may_resume(key)?;
    let header = request.headers().get(header::AUTHORIZATION);
    let secret = header.and_then(|value| value.to_str().ok()?.strip_prefix("Scene "));
    let secret = Secret::claimed(secret.unwrap_or_default().to_owned());
    match door.login.find(path, &secret).await {
        Ok(scene) => Ok(Owned { scene, secret }),
        Err(error) => {
            if error.code == Code::SceneNotFound {
                limits.resume_failed(key);
            }
            Err(error.into())
        }
    }
}

/// [`own`], for a call that changes something: it must come from a page of the scene's app.
async fn own_page(
    request: &HttpRequest,
    path: &str,
    door: &Door,
    limits: &Limits,
    origins: &Origins,
) -> Result<Owned, ApiError> {
    let owner = own(request, path, door, limits).await?;
    origins.check(&owner.scene.opening.app, request.headers())?;
    Ok(owner)
}

/// An event in the envelope, as it was encoded for sockets.
pub(super) fn event(
    request: &HttpRequest,
    status: StatusCode,
    event: &Encoded,
) -> Result<HttpResponse, ApiError> {
    let raw = RawValue::from_string(event.json.to_string());
    let raw = raw.map_err(|error| ApiError::new(Code::Internal).because(error))?;
    Ok(ok(request, status, raw))
}
