//! A mini program's login: the code that `wx.login` gives it, and `/sns/jscode2session`.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ids,
    sandbox::{
        account::Kind,
        api::{self, Refusal},
        call::{Answer, Call, to_json},
        errcode::Errcode,
        ledger::{Grant, Scope},
        shared::{Shared, State},
    },
};

#[derive(Serialize)]
struct Body<'a> {
    session_key: &'a str,
    openid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unionid: Option<&'a str>,
}

pub(super) fn session(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_secret(call.param("appid"), call.param("secret"))?;
    if account.kind != Kind::MiniProgram {
        return Err(Errcode::INVALID_APPID);
    }
    let code = call
        .param("js_code")
        .ok_or(Errcode::CODE_MISSING)?
        .to_owned();
    call.check_grant_type("authorization_code")?;
    call.count(&account)?;
    let State {
        ledger,
        quotas,
        settings,
        ..
    } = &mut *call.state;
    // Who is refused by his limit may come again with the same code.
    let spent = ledger
        .look(&code, &account.app_id, call.now)
        .and_then(|grant| quotas.count_person(&account, &grant.user_id, call.now))
        .and_then(|()| ledger.spend(&code, &account.app_id, call.now));
    let grant = spent.map_err(|refusal| settings.as_said(refusal))?;
    Ok(to_json(&Body {
        session_key: &STANDARD.encode(ids::random::<16>()),
        openid: &grant.identity.openid,
        unionid: grant.identity.unionid.as_deref(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Login {
    user: Option<String>,
    app_id: String,
}

/// `POST /sandbox/api/js_code {user?, app_id}`: what `wx.login` gives the mini program on the user's phone.
pub(in crate::sandbox) async fn js_code(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> api::Answer {
    let Login { user, app_id } = api::read(body)?;
    let now = shared.clock.now();
    let mut state = shared.lock();
    let account = state
        .accounts
        .get(&app_id)
        .filter(|account| account.kind == Kind::MiniProgram)
        .ok_or_else(|| Refusal::bad_request("app_id: there is no mini program of that id"))?;
    let user = api::user(&state, user.as_deref(), &request)?;
    let grant = Grant {
        app_id,
        user_id: user.id.clone(),
        identity: user.identity(account),
        scope: Scope::Base,
    };
    let code = state.ledger.issue(grant, now);
    Ok(HttpResponse::Ok().json(json!({ "code": code })))
}
