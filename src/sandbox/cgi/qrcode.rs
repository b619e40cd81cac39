//! `/cgi-bin/qrcode/create` and `/cgi-bin/showqrcode`: parametric codes and their pictures.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{object, text};
use crate::sandbox::{
    account::Kind,
    call::{Answer, Call, to_json},
    errcode::Errcode,
    qr_image,
    query::Query,
    shared::Shared,
    ticket::{MAX_EXPIRE_S, Scene},
};

/// Seconds that a temporary code lives when nobody says so.
const DEFAULT_EXPIRE_S: u64 = 60;
/// The largest `scene_id` of a permanent code.
const MAX_PERMANENT_ID: u64 = 100_000;
/// Characters of a `scene_str` at most.
const MAX_SCENE_STR: usize = 64;

#[derive(Serialize)]
struct Body<'a> {
    ticket: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_seconds: Option<u64>,
    url: &'a str,
}

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_token()?;
    if account.kind != Kind::OfficialAccount || !account.is_verified {
        return Err(Errcode::UNAUTHORIZED);
    }
    let body = object(call.body)?;
    let action = Action::read(&body)?;
    let scene = action.scene(&body)?;
    let expire_s = match action.is_permanent {
        true => None,
        false => Some(expire_seconds(&body)?),
    };
    let tickets = &mut call.state.tickets;
    let code = tickets.create(&account.app_id, scene, expire_s, call.now);
    // Where a forgotten scene object shows.
    tracing::debug!(
        app_id = account.app_id,
        event_key = code.scene.event_key(),
        "a parametric code is made"
    );
    let json = to_json(&Body {
        ticket: &code.ticket,
        expire_seconds: expire_s,
        url: &code.url,
    });
    // WeChat's JSON escapes slashes; here they stand in texts only.
    Ok(String::from_utf8_lossy(&json).replace('/', "\\/").into())
}

/// `action_name`
struct Action {
    is_permanent: bool,
    by_text: bool,
}

impl Action {
    fn read(body: &Map<String, Value>) -> Result<Self, Errcode> {
        let (is_permanent, by_text) = match text(body, "action_name") {
            Some("QR_SCENE") => (false, false),
            Some("QR_STR_SCENE") => (false, true),
            Some("QR_LIMIT_SCENE") => (true, false),
            Some("QR_LIMIT_STR_SCENE") => (true, true),
            _ => return Err(Errcode::INVALID_ACTION),
        };
        Ok(Self {
            is_permanent,
            by_text,
        })
    }

    /// Who forgets the `scene` object inside `action_info` is not told: the code says 0.
    fn scene(&self, body: &Map<String, Value>) -> Result<Scene, Errcode> {
        let info = body.get("action_info").and_then(Value::as_object);
        let info = info.ok_or(Errcode::INVALID_ACTION_INFO)?;
        let Some(scene) = info.get("scene") else {
            return Ok(Scene::Number(0));
        };
        let scene = if self.by_text {
            scene
                .get("scene_str")
                .and_then(Value::as_str)
                .filter(|text| (1..=MAX_SCENE_STR).contains(&text.chars().count()))
                .map(|text| Scene::Text(text.to_owned()))
        } else {
            let max = if self.is_permanent {
                MAX_PERMANENT_ID
            } else {
                u64::from(u32::MAX)
            };
            scene
                .get("scene_id")
                .and_then(Value::as_u64)
                .filter(|id| (1..=max).contains(id))
                .and_then(|id| u32::try_from(id).ok())
                .map(Scene::Number)
        };
        scene.ok_or(Errcode::INVALID_ACTION_INFO)
    }
}

/// What WeChat says to more than thirty days is not written down; here it is refused, so that nobody relies on it.
fn expire_seconds(body: &Map<String, Value>) -> Result<u64, Errcode> {
    match body.get("expire_seconds") {
        None | Some(Value::Null) => Ok(DEFAULT_EXPIRE_S),
        Some(value) => value
            .as_u64()
            .filter(|seconds| (1..=MAX_EXPIRE_S).contains(seconds))
            .ok_or(Errcode::INVALID_ARGUMENTS),
    }
}

/// The picture of a ticket, to anybody; 404 when it is unknown or over.
pub(super) async fn show(shared: web::Data<Shared>, request: HttpRequest) -> HttpResponse {
    let query = Query::read(request.query_string());
    let code = query.get("ticket").and_then(|ticket| {
        let mut state = shared.lock();
        state.tickets.find_by_ticket(ticket, shared.clock.now())
    });
    match code.and_then(|code| qr_image::draw(&code.url, qr_image::WIDTH)) {
        Some(picture) => HttpResponse::Ok().content_type("image/jpg").body(picture),
        None => HttpResponse::NotFound()
            .content_type("text/html")
            .body("<html><body><h1>404 Not Found</h1></body></html>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_scene_object_the_code_says_0() {
        for (info, scene) in [
            (r#"{"scene_str":"abc"}"#, Ok("0")),
            (r#"{"scene":{"scene_str":"abc"}}"#, Ok("abc")),
            (r#"{"scene":{}}"#, Err(Errcode::INVALID_ACTION_INFO)),
            ("null", Err(Errcode::INVALID_ACTION_INFO)),
        ] {
            let body = format!(r#"{{"action_name":"QR_STR_SCENE","action_info":{info}}}"#);
            let body = object(body.as_bytes()).unwrap();
            let found = Action::read(&body).and_then(|action| action.scene(&body));
            assert_eq!(
                found.map(|scene| scene.event_key()),
                scene.map(str::to_owned),
                "{info}"
            );
        }
    }
}
