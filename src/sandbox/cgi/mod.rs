//! api.weixin.qq.com's `/cgi-bin` and `/wxa`, and mp.weixin.qq.com's `/cgi-bin`: what an account does itself.

mod clear_quota;
mod qrcode;
mod token;
mod user;
mod wxa;

use actix_web::web;
use serde_json::{Map, Value};

pub(super) use self::wxa::HOST as MINI_PROGRAM_HOST;
use super::{
    call::{self, get, post, post_for_jpeg},
    errcode::Errcode,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(get("/cgi-bin/token", token::token))
        .service(post("/cgi-bin/stable_token", token::stable_token))
        .service(post("/cgi-bin/qrcode/create", qrcode::create))
        .service(web::resource("/cgi-bin/showqrcode").get(qrcode::show))
        .service(get("/cgi-bin/user/info", user::info))
        .service(get("/cgi-bin/getcallbackip", user::callback_ip))
        .service(post("/cgi-bin/clear_quota", clear_quota::clear_quota))
        .service(post_for_jpeg("/wxa/getwxacodeunlimit", wxa::code_unlimited))
        .service(web::scope("/cgi-bin").default_service(web::to(call::unknown)))
        .service(web::scope("/wxa").default_service(web::to(call::unknown)));
}

/// The object that a body holds, whatever its content type.
fn object(body: &[u8]) -> Result<Map<String, Value>, Errcode> {
    if body.is_empty() {
        return Err(Errcode::EMPTY_BODY);
    }
    serde_json::from_slice(body).ok().ok_or(Errcode::NOT_JSON)
}

/// A text that is there and not empty.
fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}
