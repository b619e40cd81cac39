//! One call of api.weixin.qq.com: how it is read, and how it is answered.

use std::net::IpAddr;

use actix_web::{
    Error, HttpRequest, HttpResponse, Resource,
    http::Method,
    web::{self, Bytes},
};
use serde::Serialize;

use super::{
    account::Account,
    errcode::{self, Errcode},
    page,
    query::Query,
    shared::{Shared, State},
};
use crate::clock::Millis;

/// One call, read.
pub(super) struct Call<'a> {
    query: Query,
    /// Whatever its content type says: clients post JSON without any.
    pub(super) body: &'a [u8],
    pub(super) path: &'a str,
    pub(super) state: &'a mut State,
    /// Where the caller reached the sandbox.
    pub(super) base: String,
    pub(super) caller: Option<IpAddr>,
    pub(super) now: Millis,
}

/// The body of a success, or the refusal.
pub(super) type Answer = Result<Vec<u8>, Errcode>;
/// What an endpoint does.
pub(super) type Rule = fn(&mut Call<'_>) -> Answer;

/// An endpoint that only answers `GET`, with JSON.
pub(super) fn get(path: &str, rule: Rule) -> Resource {
    endpoint(path, Method::GET, None, rule)
}

/// An endpoint that only answers `POST`, with JSON.
pub(super) fn post(path: &str, rule: Rule) -> Resource {
    endpoint(path, Method::POST, None, rule)
}

/// An endpoint that only answers `POST`, with a picture, or JSON when it refuses.
pub(super) fn post_for_jpeg(path: &str, rule: Rule) -> Resource {
    endpoint(path, Method::POST, Some("image/jpeg"), rule)
}

fn endpoint(
    path: &str,
    method: Method,
    content_type: Option<&'static str>,
    rule: Rule,
) -> Resource {
    let wrong_method = match method {
        Method::GET => Errcode::GET_REQUIRED,
        _ => Errcode::POST_REQUIRED,
    };
    let handler = move |shared: web::Data<Shared>,
                        request: HttpRequest,
                        body: Result<Bytes, Error>| async move {
        let body = match body {
            Ok(body) => body,
            Err(error) => return error.error_response(),
        };
        let now = shared.clock.now();
        match answer(&shared, &request, &body, rule, now) {
            Ok(body) => match content_type {
                Some(kind) => HttpResponse::Ok().content_type(kind).body(body),
                None => errcode::json(request.path(), body),
            },
            Err(refusal) => refusal.respond(&request, now),
        }
    };
    let other = move |shared: web::Data<Shared>, request: HttpRequest| async move {
        wrong_method.respond(&request, shared.clock.now())
    };
    web::resource(path)
        .route(web::method(method).to(handler))
        .default_service(web::to(other))
}

fn answer(shared: &Shared, request: &HttpRequest, body: &[u8], rule: Rule, now: Millis) -> Answer {
    let host = page::text(request, actix_web::http::header::HOST);
    let mut call = Call {
        query: Query::read(request.query_string()),
        body,
        path: request.path(),
        state: &mut shared.lock(),
        base: shared.own.base(host),
        caller: errcode::caller(request),
        now,
    };
    rule(&mut call)
}

/// No such endpoint.
pub(super) async fn unknown(shared: web::Data<Shared>, request: HttpRequest) -> HttpResponse {
    Errcode::INVALID_URL.respond(&request, shared.clock.now())
}

impl Call<'_> {
    /// A parameter of the query; an empty one counts as absent.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// `grant_type`
    pub(super) fn check_grant_type(&self, wanted: &str) -> Result<(), Errcode> {
        if self.param("grant_type") == Some(wanted) {
            Ok(())
        } else {
            Err(Errcode::INVALID_GRANT_TYPE)
        }
    }

    /// The account of that app id.
    pub(super) fn account(&self, app_id: Option<&str>) -> Result<Account, Errcode> {
        let app_id = app_id.ok_or(Errcode::APPID_MISSING)?;
        let account = self.state.accounts.get(app_id);
        account.cloned().ok_or(Errcode::INVALID_APPID)
    }

    /// The same, by its own secret.
    pub(super) fn account_by_secret(
        &self,
        app_id: Option<&str>,
        secret: Option<&str>,
    ) -> Result<Account, Errcode> {
        let account = self.account(app_id)?;
        let secret = secret.ok_or(Errcode::SECRET_MISSING)?;
        if secret == account.app_secret {
            Ok(account)
        } else {
            Err(Errcode::INVALID_SECRET)
        }
    }

    /// The account whose global token stands in the query; the call counts for its quota.
    pub(super) fn account_by_token(&mut self) -> Result<Account, Errcode> {
        let token = self
            .param("access_token")
            .ok_or(Errcode::ACCESS_TOKEN_MISSING)?
            .to_owned();
        let app_id = self.state.global_tokens.check(&token, self.now)?;
        let account = self.account(Some(&app_id))?;
        self.count(&account)?;
        Ok(account)
    }

    /// Counts this call for the account's quota.
    pub(super) fn count(&mut self, account: &Account) -> Result<(), Errcode> {
        self.state.quotas.count(account, self.path, self.now)
    }
}

/// The body of an answer.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default()
}

/// What an endpoint that answers nothing answers.
pub(super) fn ok() -> Vec<u8> {
    br#"{"errcode":0,"errmsg":"ok"}"#.to_vec()
}
