//! api.weixin.qq.com's `/sns`: tokens of users, and who they are.

mod js_code;

use actix_web::web;
use serde::Serialize;

pub(super) use self::js_code::js_code;
use super::{
    account::{Account, Kind},
    call::{self, Answer, Call, get, to_json},
    errcode::Errcode,
    ledger::{ACCESS_TTL_S, Grant, Scope, Tokens},
    user::{SNAPSHOT_NAME, User},
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(get("/sns/oauth2/access_token", access_token))
        .service(get("/sns/oauth2/refresh_token", refresh_token))
        .service(get("/sns/auth", auth))
        .service(get("/sns/userinfo", userinfo))
        .service(get("/sns/jscode2session", js_code::session))
        .service(web::scope("/sns").default_service(web::to(call::unknown)));
}

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    expires_in: u64,
    refresh_token: &'a str,
    openid: &'a str,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_snapshotuser: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unionid: Option<&'a str>,
}

fn access_token(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_secret(call.param("appid"), call.param("secret"))?;
    check_kind(&account)?;
    let code = call.param("code").ok_or(Errcode::CODE_MISSING)?.to_owned();
    call.check_grant_type("authorization_code")?;
    call.count(&account)?;
    let tokens = call
        .state
        .ledger
        .exchange(&code, &account.app_id, call.now)
        .map_err(|refusal| call.state.settings.as_said(refusal))?;
    let identity = &tokens.grant.identity;
    let unionid = identity
        .unionid
        .as_deref()
        .filter(|_| tokens.grant.scope != Scope::Base);
    Ok(to_json(&TokenBody {
        is_snapshotuser: identity.snapshot.then_some(1),
        unionid,
        ..TokenBody::of(&tokens)
    }))
}

fn refresh_token(call: &mut Call<'_>) -> Answer {
    let account = call.account(call.param("appid"))?;
    check_kind(&account)?;
    call.check_grant_type("refresh_token")?;
    call.count(&account)?;
    let token = call
        .param("refresh_token")
        .ok_or(Errcode::REFRESH_TOKEN_MISSING)?
        .to_owned();
    let tokens = call
        .state
        .ledger
        .refresh(&token, &account.app_id, call.now)?;
    Ok(to_json(&TokenBody::of(&tokens)))
}

fn auth(call: &mut Call<'_>) -> Answer {
    grant_by_token(call)?;
    Ok(call::ok())
}

fn userinfo(call: &mut Call<'_>) -> Answer {
    let grant = grant_by_token(call)?;
    if grant.scope == Scope::Base {
        return Err(Errcode::UNAUTHORIZED);
    }
    let user = call
        .state
        .users
        .get(&grant.user_id)
        .ok_or(Errcode::INVALID_OPENID)?;
    let picture = user.picture(&call.base);
    let rest = to_json(&Profile {
        sex: 0,
        language: "zh_CN",
        city: "",
        province: "",
        country: "",
        headimgurl: &picture,
        privilege: [],
        unionid: grant.identity.unionid.as_deref(),
    });
    let mut body = br#"{"openid":"#.to_vec();
    body.extend(to_json(&grant.identity.openid));
    body.extend(br#","nickname":"#);
    body.extend(nickname(user));
    body.push(b',');
    // Behind the opening brace.
    body.extend(rest.into_iter().skip(1));
    Ok(body)
}

/// What follows the nickname; since 2021 WeChat leaves sex and region empty.
#[derive(Serialize)]
struct Profile<'a> {
    sex: u8,
    language: &'a str,
    city: &'a str,
    province: &'a str,
    country: &'a str,
    headimgurl: &'a str,
    privilege: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    unionid: Option<&'a str>,
}

/// With its quotes; a raw one goes out as it is, broken or not.
fn nickname(user: &User) -> Vec<u8> {
    match user.raw_nickname {
        Some(raw) => [b"\"", raw, b"\""].concat(),
        None if user.snapshot => to_json(&SNAPSHOT_NAME),
        None => to_json(&user.name),
    }
}

/// Mini programs have calls of their own.
fn check_kind(account: &Account) -> Result<(), Errcode> {
    match account.kind {
        Kind::OfficialAccount | Kind::Website => Ok(()),
        Kind::MiniProgram => Err(Errcode::INVALID_APPID),
    }
}

/// What the token and the openid in the query stand for; the call counts for the quota.
fn grant_by_token(call: &mut Call<'_>) -> Result<Grant, Errcode> {
    let token = call.param("access_token");
    let token = token.ok_or(Errcode::ACCESS_TOKEN_MISSING)?.to_owned();
    let openid = call.param("openid").ok_or(Errcode::OPENID_MISSING)?;
    let openid = openid.to_owned();
    let grant = call.state.ledger.grant(&token, call.now)?.clone();
    let account = call.account(Some(&grant.app_id))?;
    call.count(&account)?;
    if grant.identity.openid == openid {
        Ok(grant)
    } else {
        Err(Errcode::INVALID_OPENID)
    }
}

impl<'a> TokenBody<'a> {
    fn of(tokens: &'a Tokens) -> Self {
        Self {
            access_token: &tokens.access_token,
            expires_in: ACCESS_TTL_S,
            refresh_token: &tokens.refresh_token,
            openid: &tokens.grant.identity.openid,
            scope: tokens.grant.scope.as_str(),
            is_snapshotuser: None,
            unionid: None,
        }
    }
}
