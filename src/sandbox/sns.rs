//! api.weixin.qq.com's `/sns`: tokens of users, and who they are.

use actix_web::{HttpRequest, HttpResponse, Resource, web};
use serde::Serialize;
use url::form_urlencoded;

use super::{
    account::Account,
    errcode::{self, Errcode},
    ledger::{ACCESS_TTL_S, Scope, Tokens},
    shared::{Shared, State},
    user::{SNAPSHOT_NAME, User},
};
use crate::clock::Millis;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(endpoint("/sns/oauth2/access_token", access_token))
        .service(endpoint("/sns/oauth2/refresh_token", refresh_token))
        .service(endpoint("/sns/auth", auth))
        .service(endpoint("/sns/userinfo", userinfo))
        .service(web::scope("/sns").default_service(web::to(unknown)));
}

/// One call, read.
struct Call<'a> {
    params: Vec<(String, String)>,
    state: &'a mut State,
    /// Where the caller reached the sandbox.
    base: String,
    now: Millis,
}

type Answer = Result<Vec<u8>, Errcode>;

fn endpoint(path: &str, rule: fn(&mut Call<'_>) -> Answer) -> Resource {
    let get = move |shared: web::Data<Shared>, request: HttpRequest| async move {
        let now = shared.clock.now();
        let host = request
            .headers()
            .get("host")
            .and_then(|host| host.to_str().ok());
        let mut call = Call {
            params: form_urlencoded::parse(request.query_string().as_bytes())
                .into_owned()
                .collect(),
            state: &mut shared.lock(),
            base: shared.own.base(host),
            now,
        };
        respond(rule(&mut call), &request, now)
    };
    let other = |shared: web::Data<Shared>, request: HttpRequest| async move {
        respond(Err(Errcode::GET_REQUIRED), &request, shared.clock.now())
    };
    web::resource(path).get(get).default_service(web::to(other))
}

async fn unknown(shared: web::Data<Shared>, request: HttpRequest) -> HttpResponse {
    respond(Err(Errcode::INVALID_URL), &request, shared.clock.now())
}

fn respond(answer: Answer, request: &HttpRequest, now: Millis) -> HttpResponse {
    match answer {
        Ok(body) => errcode::json(request.path(), body),
        Err(refusal) => refusal.respond(request, now),
    }
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
    let account = account(call)?;
    let secret = call.param("secret").ok_or(Errcode::SECRET_MISSING)?;
    if secret != account.app_secret {
        return Err(Errcode::INVALID_SECRET);
    }
    let code = call.param("code").ok_or(Errcode::CODE_MISSING)?.to_owned();
    call.check_grant_type("authorization_code")?;
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
    let account = account(call)?;
    call.check_grant_type("refresh_token")?;
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
    let (token, openid) = call.token_and_openid()?;
    let grant = call.state.ledger.grant(&token, call.now)?;
    if grant.identity.openid != openid {
        return Err(Errcode::INVALID_OPENID);
    }
    Ok(br#"{"errcode":0,"errmsg":"ok"}"#.to_vec())
}

fn userinfo(call: &mut Call<'_>) -> Answer {
    let (token, openid) = call.token_and_openid()?;
    let grant = call.state.ledger.grant(&token, call.now)?.clone();
    if grant.scope == Scope::Base {
        return Err(Errcode::UNAUTHORIZED);
    }
    if grant.identity.openid != openid {
        return Err(Errcode::INVALID_OPENID);
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
    body.extend(to_json(&openid));
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

/// `appid`: an account that is here.
fn account(call: &Call<'_>) -> Result<Account, Errcode> {
    let app_id = call.param("appid").ok_or(Errcode::APPID_MISSING)?;
    let account = call.state.accounts.get(app_id);
    account.cloned().ok_or(Errcode::INVALID_APPID)
}

impl Call<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn check_grant_type(&self, wanted: &str) -> Result<(), Errcode> {
        if self.param("grant_type") == Some(wanted) {
            Ok(())
        } else {
            Err(Errcode::INVALID_GRANT_TYPE)
        }
    }

    fn token_and_openid(&self) -> Result<(String, String), Errcode> {
        let token = self
            .param("access_token")
            .ok_or(Errcode::ACCESS_TOKEN_MISSING)?;
        let openid = self.param("openid").ok_or(Errcode::OPENID_MISSING)?;
        Ok((token.to_owned(), openid.to_owned()))
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

fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default()
}
