//! Redeeming a grant, and living with the session it opened.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{Door, app_of};
use crate::{
    code::Code,
    config::AppId,
    http::{
        ApiError, Body, Cookies, Limits, Origins, RequestContext, SecurityHeaders, SignedIn,
        bearer, ok,
    },
    telemetry::NameLabel,
    token::{EndReason, Issued, Session, TokenError},
    user::User,
};

/// What a grant is redeemed with.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "GrantBody"))]
pub(super) struct Redeem {
    /// Of the event `authorized`.
    pub(super) grant: String,
    /// That of the challenge in `start`.
    pub(super) verifier: String,
}

/// Whose cookie is to be refreshed.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RefreshBody"))]
pub(super) struct Refresh {
    /// Else `default`.
    app: Option<String>,
}

/// What to sign out of.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LogoutBody"))]
pub(super) struct Logout {
    /// Else `default`.
    app: Option<String>,
    /// Whether all sessions of the user end, in all apps.
    #[serde(default)]
    everywhere: bool,
}

/// A session and its access token.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Issued"))]
pub(super) struct IssuedData<'a> {
    /// A JWT, for `Authorization: Bearer`. Keep it in memory only.
    access_token: &'a str,
    /// Always `Bearer`.
    #[cfg_attr(test, schemars(extend("const" = "Bearer")))]
    token_type: &'static str,
    /// Seconds until it has to be refreshed.
    expires_in: u64,
    /// The session's id.
    session_id: &'a str,
    /// Who is signed in.
    user: UserData<'a>,
}

/// A user, as they see themselves.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "User"))]
struct UserData<'a> {
    /// Never used again, whatever becomes of the user.
    id: &'a str,
    /// What they call themselves in WeChat.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The address of their picture, at the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
}

/// Who is signed in, and in which session.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SignedIn"))]
pub(super) struct WhoData<'a> {
    /// Who is signed in.
    user: UserData<'a>,
    /// The session's id.
    session_id: &'a str,
}

impl<'a> UserData<'a> {
    fn of(user: &'a User, public_url: &Url) -> Self {
        Self {
            id: &user.id.0,
            name: user.name.as_deref(),
            avatar: user.avatar.as_ref().map(|avatar| avatar.url(public_url)),
        }
    }
}

/// `POST /auth/token`: a session for a grant and its verifier. The app is the grant's.
pub(super) async fn redeem(
    request: HttpRequest,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    cookies: web::Data<Cookies>,
    Body(body): Body<Redeem>,
) -> Result<HttpResponse, ApiError> {
    limits.token(RequestContext::of(&request).limit_key())?;
    let origin = origins.any_app(request.headers())?;
    let admits = |app: &AppId| origins.admits(app, origin.as_ref()).is_ok();
    let (issued, app) = door
        .login
        .redeem(&body.grant, &body.verifier, admits)
        .await?;
    Ok(opened(&request, &door, &cookies, &app, &issued, "grant").await)
}

/// `POST /auth/refresh`: the app's cookie in, a new access token and the next cookie out.
///
/// A cookie that is refused is left where it is. It opens nothing, goes with its time, and the next login replaces it;
/// clearing it would take the cookie of a login that another tab has made while this answer was on its way.
pub(super) async fn refresh(
    request: HttpRequest,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    limits: web::Data<Limits>,
    cookies: web::Data<Cookies>,
    Body(body): Body<Refresh>,
) -> Result<HttpResponse, ApiError> {
    let app = app_of(body.app.as_deref()).ok_or(Code::OriginRefused)?;
    origins.check(&app, request.headers())?;
    let context = RequestContext::of(&request);
    let token = cookies.refresh(request.headers(), &app);
    let token = token.filter(|token| door.tokens.is_genuine(token.expose_secret()));
    let Some(token) = token else {
        // Only guesses count: a house full of people must not sign itself out.
        limits.token(context.limit_key())?;
        return Err(Code::Unauthenticated.into());
    };
    let ip = context.address.to_string();
    let issued = door.tokens.refresh(&app, token.expose_secret(), ip).await?;
    Ok(answer(&request, &door, &cookies, &app, &issued, "refresh"))
}

/// `POST /auth/logout`: ends this session, or all of its user's; 200 also when it is over already.
pub(super) async fn logout(
    request: HttpRequest,
    door: web::Data<Door>,
    origins: web::Data<Origins>,
    (cookies, headers): (web::Data<Cookies>, web::Data<SecurityHeaders>),
    Body(body): Body<Logout>,
) -> Result<HttpResponse, ApiError> {
    let app = app_of(body.app.as_deref()).ok_or(Code::OriginRefused)?;
    origins.check(&app, request.headers())?;
    for session in sessions_of(&request, &door, &cookies, &app).await? {
        if body.everywhere {
            // In one step: it must not end here and live on elsewhere.
            let why = EndReason::SignedOutEverywhere;
            door.tokens.end_all(&session.user, None, why).await?;
        } else {
            door.tokens.end(&session.id, EndReason::SignedOut).await?;
        }
    }
    let mut response = ok(&request, StatusCode::OK, json!({}));
    // Cannot fail: the cookie's text is ours.
    let _ = response.add_cookie(&cookies.clear_refresh(&app));
    // A page of another origin has nothing here; what others have is not for it to clear.
    let own_page = origins.own_page(request.headers()).is_ok();
    if let Some(forget) = headers.forget().filter(|_| own_page) {
        response
            .headers_mut()
            .insert(header::CLEAR_SITE_DATA, forget);
    }
    Ok(response)
}

/// The caller's live sessions: that of the token, and that of the cookie, which is another one's when somebody has signed
/// in since in another tab.
async fn sessions_of(
    request: &HttpRequest,
    door: &Door,
    cookies: &Cookies,
    app: &AppId,
) -> Result<Vec<Session>, ApiError> {
    let token = bearer(request.headers()).map(|token| door.tokens.authenticate(token));
    let cookie = cookies.refresh(request.headers(), app);
    let by_token = match token {
        Some(Ok(caller)) => Some(door.tokens.session_of(&caller).await),
        Some(Err(error)) if cookie.is_none() => return Err(error.into()),
        Some(Err(_)) | None => None,
    };
    let by_cookie = match &cookie {
        Some(token) => {
            let found = door.tokens.session_of_cookie(app, token.expose_secret());
            Some(found.await)
        }
        None => None,
    };
    let mut sessions = Vec::new();
    for found in [by_token, by_cookie].into_iter().flatten() {
        match found {
            Ok(session) => sessions.push(session),
            Err(TokenError::SessionRevoked(_) | TokenError::Unauthenticated) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sessions)
}

/// `GET /me`: who is signed in, as long as the session lives.
pub(super) async fn me(
    request: HttpRequest,
    door: web::Data<Door>,
    SignedIn(session): SignedIn,
) -> Result<HttpResponse, ApiError> {
    let user = door.tokens.user(&session.user).await?;
    let user = user.ok_or(TokenError::Unauthenticated)?;
    Ok(ok(&request, StatusCode::OK, who(&door, &user, &session)))
}

/// Who is signed in, and in which session.
pub(super) fn who<'a>(door: &Door, user: &'a User, session: &'a Session) -> WhoData<'a> {
    WhoData {
        user: UserData::of(user, &door.page.public_url),
        session_id: &session.id.0,
    }
}

/// The answer to a login. The session that this browser had in the app ends with it: nobody could sign out of it there.
pub(super) async fn opened(
    request: &HttpRequest,
    door: &Door,
    cookies: &Cookies,
    app: &AppId,
    issued: &Issued,
    by: &'static str,
) -> HttpResponse {
    if let Some(held) = cookies.refresh(request.headers(), app) {
        let held = held.expose_secret();
        let replaced = door.tokens.replace(app, held, &issued.session_id).await;
        if let Err(error) = replaced {
            let session = &issued.session_id.0;
            tracing::error!(%error, session, "the session that a login replaces could not be ended");
        }
    }
    answer(request, door, cookies, app, issued, by)
}

fn answer(
    request: &HttpRequest,
    door: &Door,
    cookies: &Cookies,
    app: &AppId,
    issued: &Issued,
    by: &'static str,
) -> HttpResponse {
    door.metrics
        .tokens_issued
        .get_or_create(&NameLabel { name: by })
        .inc();
    let data = IssuedData {
        access_token: issued.access_token.expose_secret(),
        token_type: "Bearer",
        expires_in: issued.expires_in,
        session_id: &issued.session_id.0,
        user: UserData::of(&issued.user, &door.page.public_url),
    };
    let mut response = ok(request, StatusCode::OK, data);
    if let Some(token) = &issued.refresh_token {
        let token = token.expose_secret();
        // Cannot fail: the cookie's text is ours.
        let _ = response.add_cookie(&cookies.set_refresh(app, token, issued.refresh_max_age));
    }
    response
}
