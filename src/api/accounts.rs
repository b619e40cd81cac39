//! Accounts with a password; only there where they are enabled.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::Cookie,
    http::{StatusCode, header},
    web,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    Door, app_of,
    sessions::{Redeem, opened, who},
};
use crate::{
    code::Code,
    config::AppId,
    http::{ApiError, Body, Cookies, Limits, Origins, RequestContext, SignedIn, ok, originate},
    password::{Passwords, Visit},
    token::Device,
};

/// The calls below `/api/v1`; they find [`Passwords`] in the app's data.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/auth/register").post(register))
        .service(web::resource("/auth/login").post(login))
        .service(web::resource("/auth/join").post(join))
        .service(web::resource("/auth/password").post(change));
}

/// A user name and its password.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Credentials {
    /// 3 to 64 of `a-z`, `0-9` and `._@-`; large letters count as small ones.
    username: String,
    /// At most 128 characters of any script, no control characters.
    #[cfg_attr(test, schemars(with = "String"))]
    password: SecretString,
    /// Else `default`.
    app: Option<String>,
}

/// A password and the one to come after it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PasswordBody"))]
pub(super) struct Change {
    /// That of now.
    #[cfg_attr(test, schemars(with = "String"))]
    current: SecretString,
    /// That of the future.
    #[cfg_attr(test, schemars(with = "String"))]
    new: SecretString,
}

type Checks = (web::Data<Limits>, web::Data<Origins>, web::Data<Cookies>);

/// `POST /auth/register`: a new user, signed in; with Bearer, a user name and a password for who is signed in.
async fn register(
    request: HttpRequest,
    door: web::Data<Door>,
    passwords: web::Data<Passwords>,
    (limits, origins, cookies): Checks,
    Body(body): Body<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let address = RequestContext::of(&request).limit_key();
    limits.token(address)?;
    if request.headers().contains_key(header::AUTHORIZATION) {
        let SignedIn(session) = SignedIn::extract(&request).await?;
        origins.check(&session.app, request.headers())?;
        passwords.must_be_of_default_app(&session)?;
        passwords.must_be_fresh(&session)?;
        let proposal = passwords.propose(&body.username, &body.password).await?;
        limits.registration(address)?;
        let user = passwords.add(&session, proposal).await?;
        let data = who(&door, &user, &session);
        return Ok(ok(&request, StatusCode::CREATED, data));
    }
    let app = app_of(body.app.as_deref()).ok_or(Code::OriginRefused)?;
    origins.check(&app, request.headers())?;
    let proposal = passwords.propose(&body.username, &body.password).await?;
    limits.registration(address)?;
    let (visit, cookie) = visit(&request, &cookies, app);
    let issued = passwords.register(proposal, &visit).await?;
    let response = opened(&request, &door, &cookies, &visit.app, &issued, "register");
    let mut response = remembered(response.await, cookie);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `POST /auth/login`: a session for a user name and its password.
async fn login(
    request: HttpRequest,
    door: web::Data<Door>,
    passwords: web::Data<Passwords>,
    (limits, origins, cookies): Checks,
    Body(body): Body<Credentials>,
) -> Result<HttpResponse, ApiError> {
    limits.token(RequestContext::of(&request).limit_key())?;
    let app = app_of(body.app.as_deref()).ok_or(Code::OriginRefused)?;
    origins.check(&app, request.headers())?;
    let (visit, cookie) = visit(&request, &cookies, app);
    let signed_in = passwords.sign_in(&body.username, &body.password, &visit);
    let issued = signed_in.await?;
    let response = opened(&request, &door, &cookies, &visit.app, &issued, "password");
    Ok(remembered(response.await, cookie))
}

/// `POST /auth/join`: who scanned becomes one with who is signed in.
async fn join(
    request: HttpRequest,
    door: web::Data<Door>,
    passwords: web::Data<Passwords>,
    (limits, origins, _): Checks,
    SignedIn(session): SignedIn,
    Body(body): Body<Redeem>,
) -> Result<HttpResponse, ApiError> {
    limits.token(RequestContext::of(&request).limit_key())?;
    let origin = origins.check(&session.app, request.headers())?;
    let admits = |app: &AppId| origins.admits(app, origin.as_ref()).is_ok();
    let joined = passwords.join(&session, &body.grant, &body.verifier, admits);
    let user = joined.await?;
    Ok(ok(&request, StatusCode::OK, who(&door, &user, &session)))
}

/// `POST /auth/password`: another password; every other session of the user ends.
async fn change(
    request: HttpRequest,
    door: web::Data<Door>,
    passwords: web::Data<Passwords>,
    (limits, origins, cookies): Checks,
    SignedIn(session): SignedIn,
    Body(body): Body<Change>,
) -> Result<HttpResponse, ApiError> {
    limits.token(RequestContext::of(&request).limit_key())?;
    origins.check(&session.app, request.headers())?;
    let (browser, _) = cookies.browser_or_new(request.headers());
    let browser = browser.hash();
    let changed = passwords.change(&session, &body.current, &body.new, &browser);
    let user = changed.await?;
    Ok(ok(&request, StatusCode::OK, who(&door, &user, &session)))
}

/// Where the call comes from, and the browser cookie to set where there was none.
fn visit(request: &HttpRequest, cookies: &Cookies, app: AppId) -> (Visit, Option<Cookie<'static>>) {
    let (browser, cookie) = cookies.browser_or_new(request.headers());
    let asker = originate(request, &RequestContext::of(request), None, None).asker;
    let visit = Visit {
        app,
        device: Device {
            browser: asker.browser.into_owned(),
            system: asker.system.into_owned(),
            ip: asker.ip.into_string(),
        },
        browser: browser.hash(),
    };
    (visit, cookie)
}

fn remembered(mut response: HttpResponse, cookie: Option<Cookie<'static>>) -> HttpResponse {
    if let Some(cookie) = cookie {
        // Cannot fail: the cookie's text is ours.
        let _ = response.add_cookie(&cookie);
    }
    response
}
