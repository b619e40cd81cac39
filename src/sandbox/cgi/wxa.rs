//! `/wxa/getwxacodeunlimit`: a mini program's code.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::text;
use crate::sandbox::{
    account::{Account, Kind},
    call::{Answer, Call},
    errcode::Errcode,
    qr_image,
};

/// Where the codes of mini programs lead.
pub(in crate::sandbox) const HOST: &str = "servicewechat.com";
/// Characters of `scene` at most.
const MAX_SCENE: usize = 32;
/// What may stand in `scene` besides letters and digits.
const PUNCTUATION: &str = "!#$&'()*+,/:;=?@-._~";
/// Pixels from side to side.
const DEFAULT_WIDTH: u64 = 430;
const MIN_WIDTH: u64 = 280;
const MAX_WIDTH: u64 = 1280;

/// A picture: not WeChat's round one, but a QR code that any camera reads.
pub(super) fn code_unlimited(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_token()?;
    if account.kind != Kind::MiniProgram {
        return Err(Errcode::UNAUTHORIZED);
    }
    if call.body.is_empty() {
        return Err(Errcode::EMPTY_BODY);
    }
    // WeChat gives what is no JSON the error of a scene that is too long.
    let body: Map<String, Value> = serde_json::from_slice(call.body)
        .ok()
        .ok_or(Errcode::INVALID_SCENE_LENGTH)?;
    let scene = text(&body, "scene")
        .filter(|scene| scene.chars().count() <= MAX_SCENE)
        .ok_or(Errcode::INVALID_SCENE_LENGTH)?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || PUNCTUATION.contains(letter);
    if !scene.chars().all(fits) {
        return Err(Errcode::INVALID_SCENE);
    }
    let page = text(&body, "page").unwrap_or_default();
    check_page(page, &body, &account)?;
    let width = match body.get("width") {
        None | Some(Value::Null) => DEFAULT_WIDTH,
        Some(width) => width.as_u64().ok_or(Errcode::INVALID_ARGUMENTS)?,
    };
    let width = usize::try_from(width.clamp(MIN_WIDTH, MAX_WIDTH)).unwrap_or(0);
    let scene: String = form_urlencoded::byte_serialize(scene.as_bytes()).collect();
    let url = format!("https://{HOST}/{}/{page}?scene={scene}", account.app_id);
    qr_image::draw(&url, width).ok_or(Errcode::INVALID_PAGE)
}

/// `page` has neither a slash in front nor a query, and is published unless `check_path` is off.
fn check_page(page: &str, body: &Map<String, Value>, account: &Account) -> Result<(), Errcode> {
    let check_path = body.get("check_path").and_then(Value::as_bool);
    let is_published = page.is_empty()
        || account.pages.is_empty()
        || account.pages.iter().any(|published| published == page);
    if page.starts_with('/') || page.contains('?') || check_path.unwrap_or(true) && !is_published {
        return Err(Errcode::INVALID_PAGE);
    }
    Ok(())
}
