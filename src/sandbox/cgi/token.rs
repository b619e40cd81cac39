//! `/cgi-bin/token` and `/cgi-bin/stable_token`: an account's global token, to whoever has its secret.

use serde::Serialize;
use serde_json::Value;

use super::{object, text};
use crate::sandbox::{
    account::Account,
    call::{Answer, Call, to_json},
    errcode::Errcode,
};

#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    expires_in: u64,
}

/// A new token at each call; the one before stays good for five minutes more.
pub(super) fn token(call: &mut Call<'_>) -> Answer {
    call.check_grant_type("client_credential")?;
    let account = call.account_by_secret(call.param("appid"), call.param("secret"))?;
    check_caller(call, &account)?;
    call.count(&account)?;
    let issued = call.state.global_tokens.issue(&account.app_id, call.now);
    Ok(to_json(&Body {
        access_token: &issued.token,
        expires_in: issued.expires_in(call.now),
    }))
}

/// The same token until five minutes before its end, then a new one; a forced one kills the old.
pub(super) fn stable_token(call: &mut Call<'_>) -> Answer {
    let body = object(call.body)?;
    if text(&body, "grant_type") != Some("client_credential") {
        return Err(Errcode::INVALID_GRANT_TYPE);
    }
    let account = call.account_by_secret(text(&body, "appid"), text(&body, "secret"))?;
    check_caller(call, &account)?;
    call.count(&account)?;
    let force = body.get("force_refresh").is_some_and(is_true);
    let tokens = &mut call.state.global_tokens;
    let issued = tokens.issue_stable(&account.app_id, force, call.now);
    Ok(to_json(&Body {
        access_token: &issued.token,
        expires_in: issued.expires_in(call.now),
    }))
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

fn check_caller(call: &Call<'_>, account: &Account) -> Result<(), Errcode> {
    let listed = |ip| account.ip_allow_list.iter().any(|net| net.contains(&ip));
    if account.ip_allow_list.is_empty() || call.caller.is_some_and(listed) {
        Ok(())
    } else {
        Err(Errcode::IP_NOT_LISTED)
    }
}
