//! `/cgi-bin/user/info`: what an official account may know of somebody; and `/cgi-bin/getcallbackip`.

use serde::Serialize;
use serde_json::json;

use crate::sandbox::{
    account::Kind,
    call::{Answer, Call, to_json},
    errcode::Errcode,
};

/// A follower. Since 2021 WeChat gives neither name nor picture.
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
    let user = state
        .users
        .iter()
        .find(|user| user.openid(&account.app_id) == openid)
        .ok_or(Errcode::INVALID_OPENID)?;
    let unionid = user.unionid_on(&account);
    if !state.users.follows(&user.id, &account.app_id) {
        return Ok(to_json(&json!({ "subscribe": 0, "openid": openid })));
    }
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
        subscribe_time: call.now / 1000,
        unionid: unionid.as_deref(),
        remark: "",
        groupid: 0,
        tagid_list: [],
        subscribe_scene: "ADD_SCENE_SEARCH",
        qr_scene: 0,
        qr_scene_str: "",
    }))
}

/// Where pushes come from.
pub(super) fn callback_ip(call: &mut Call<'_>) -> Answer {
    call.account_by_token()?;
    Ok(to_json(&json!({ "ip_list": ["127.0.0.1"] })))
}
