//! `/cgi-bin/user/info`: what an official account may know of somebody; and `/cgi-bin/getcallbackip`.

use serde::Serialize;
use serde_json::json;

use crate::sandbox::{
    account::{Account, Kind},
    call::{Answer, Call, to_json},
    errcode::Errcode,
    shared::State,
    ticket::Scene,
    user::{OPENID, User},
};

/// A follower. Since the end of 2021 WeChat gives neither name nor picture.
#[derive(Serialize)]
struct Follower<'a> {
    subscribe: u8,
    openid: &'a str,
    nickname: &'a str,
    sex: u8,
    language: &'a str,
    city: &'a str,
    province: &'a str,
    country: &'a str,
    headimgurl: &'a str,
    subscribe_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    unionid: Option<&'a str>,
    remark: &'a str,
    groupid: u32,
    tagid_list: [u32; 0],
    subscribe_scene: &'a str,
    qr_scene: u32,
    qr_scene_str: &'a str,
}

pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_token()?;
    if account.kind != Kind::OfficialAccount {
        return Err(Errcode::UNAUTHORIZED);
    }
    let openid = call.param("openid").ok_or(Errcode::OPENID_MISSING)?;
    let state = &*call.state;
    let user = find(state, openid, &account.app_id)?;
    let unionid = user.unionid_on(&account);
    let Some(follow) = state.users.follow_of(&user.id, &account.app_id) else {
        return Ok(to_json(&json!({ "subscribe": 0, "openid": openid })));
    };
    let (subscribe_scene, qr_scene, qr_scene_str) = match &follow.by {
        None => ("ADD_SCENE_SEARCH", 0, ""),
        Some(Scene::Number(number)) => ("ADD_SCENE_QR_CODE", *number, ""),
        Some(Scene::Text(text)) => ("ADD_SCENE_QR_CODE", 0, text.as_str()),
    };
    Ok(to_json(&Follower {
        subscribe: 1,
        openid,
        nickname: "",
        sex: 0,
        language: call.param("lang").unwrap_or("zh_CN"),
        city: "",
        province: "",
        country: "",
        headimgurl: "",
        subscribe_time: follow.since,
        unionid: unionid.as_deref(),
        remark: "",
        groupid: 0,
        tagid_list: [],
        subscribe_scene,
        qr_scene,
        qr_scene_str,
    }))
}

/// Whose openid it is.
///
/// # Errors
/// 49003 when it is that of somebody, but to another account; else 40003.
fn find<'a>(state: &'a State, openid: &str, app_id: &str) -> Result<&'a User, Errcode> {
    let is = |user: &&User, app_id: &str| user.openid(app_id) == openid;
    if let Some(user) = state.users.iter().find(|user| is(user, app_id)) {
        return Ok(user);
    }
    let is_elsewhere =
        |account: &Account| state.users.iter().any(|user| is(&user, &account.app_id));
    // Nothing else has its length, and the search is long.
    if openid.len() == OPENID && state.accounts.iter().any(is_elsewhere) {
        return Err(Errcode::OPENID_OF_ANOTHER);
    }
    Err(Errcode::INVALID_OPENID)
}

/// Where pushes come from.
pub(super) fn callback_ip(call: &mut Call<'_>) -> Answer {
    call.account_by_token()?;
    Ok(to_json(&json!({ "ip_list": ["127.0.0.1"] })))
}
