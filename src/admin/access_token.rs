//! `POST /wechat/access-token`: the account's access token, for the company's other services.
//!
//! A service that fetched its own would end the gateway's. It asks here instead, with `Authorization: Bearer` and
//! `server.admin_token`; without that setting the call does not exist (404).
//!
//! - `{}` or nothing → `{"access_token","expires_in","appid"}`. Ask for each use: the answer comes from memory, and
//!   the token changes before its end.
//! - `{"stale_sha256":"…"}`, the hex SHA-256 of a token that WeChat refused with 40001, 40014 or 42001 → another one,
//!   fetched only when that is still the current one, and not more often than every 30 s
//!   (see [`Authority::heal`]).
//! - an error → `{"error":{"code","name","message"}}` with the status of the code, `errcode` and `advice` when it is
//!   WeChat's, and `Retry-After` when nothing is asked before.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, Resource,
    http::{
        StatusCode,
        header::{self, CacheControl, CacheDirective},
    },
    web,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::Door;
use crate::{
    code::{Code, Locale},
    ids,
    wechat::{Authority, WeChatError},
};

/// The longest body; a digest has 64 characters.
const MAX_BODY: usize = 1024;

/// Who gives the token out, and to whom.
pub(crate) struct Handout {
    /// `None` where there is no service account.
    pub(crate) authority: Option<Authority>,
    /// `server.admin_token`
    pub(crate) admin_token: Option<SecretString>,
}

#[derive(Default, Deserialize)]
struct Ask {
    stale_sha256: Option<String>,
}

pub(super) fn resource() -> Resource {
    web::resource("/wechat/access-token")
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .post(access_token)
}

async fn access_token(
    door: web::Data<Door>,
    req: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    door.handout.answer(&req, body).await
}

impl Handout {
    async fn answer(
        &self,
        req: &HttpRequest,
        body: Result<web::Bytes, actix_web::Error>,
    ) -> HttpResponse {
        let asked = self
            .admit(req)
            .and_then(|authority| Ok((authority, read(body)?)));
        let (authority, stale) = match asked {
            Ok(asked) => asked,
            Err(code) => return refusal(code),
        };
        let token = match &stale {
            None => authority.token().await,
            Some(sha256) => {
                tracing::info!("a service asks for another access token in place of a stale one");
                authority.heal(sha256).await
            }
        };
        match token {
            Ok(token) => builder(StatusCode::OK).json(json!({
                "access_token": token.token.expose_secret(),
                "expires_in": token.expires_in.as_secs(),
                "appid": authority.app_id(),
            })),
            Err(error) => failure(&error),
        }
    }

    fn admit(&self, req: &HttpRequest) -> Result<&Authority, Code> {
        let due = self.admin_token.as_ref().map(SecretString::expose_secret);
        let due = due.filter(|due| !due.is_empty()).ok_or(Code::NotFound)?;
        let shown = bearer(req).unwrap_or_default();
        let fits: bool = shown.as_bytes().ct_eq(due.as_bytes()).into();
        if fits {
            self.authority.as_ref().ok_or(Code::NotFound)
        } else {
            tracing::warn!("somebody asked for the access token without server.admin_token");
            Err(Code::Unauthenticated)
        }
    }
}

/// RFC 6750 section 2.1.
fn bearer(req: &HttpRequest) -> Option<&str> {
    let shown = req.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = shown.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// The digest of the stale token, if the body names one.
fn read(body: Result<web::Bytes, actix_web::Error>) -> Result<Option<[u8; 32]>, Code> {
    let body = body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::BadRequest,
    })?;
    let ask = if body.is_empty() {
        Ask::default()
    } else {
        serde_json::from_slice(&body).map_err(|_misfit| Code::BadRequest)?
    };
    let digest = ask.stale_sha256.map(|digest| digest.to_ascii_lowercase());
    digest
        .map(|digest| ids::from_hex(&digest).ok_or(Code::BadRequest))
        .transpose()
}

fn refusal(code: Code) -> HttpResponse {
    let mut response = builder(status(code));
    if code == Code::Unauthenticated {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    response.json(json!({ "error": described(code) }))
}

fn failure(error: &WeChatError) -> HttpResponse {
    let mut response = builder(status(error.code()));
    if let Some(wait) = error.retry_after() {
        let seconds = wait.as_secs_f64().ceil();
        response.insert_header((header::RETRY_AFTER, format!("{seconds:.0}")));
    }
    let mut described = described(error.code());
    described["errcode"] = error.errcode().into();
    described["advice"] = error.advice(Locale::En).into();
    response.json(json!({ "error": described }))
}

fn described(code: Code) -> Value {
    json!({ "code": code.number(), "name": code.name(), "message": code.message(Locale::En) })
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header(CacheControl(vec![CacheDirective::NoStore]));
    response
}

#[cfg(test)]
mod tests;
