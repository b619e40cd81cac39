//! `/sandbox/api/push`: the switches, and how the last attempts went.

use actix_web::{
    Error, HttpResponse,
    web::{self, Bytes},
};
use serde_json::json;

use super::{Pusher, Switches};
use crate::sandbox::{
    api::{self, Answer, Refusal},
    shared::Shared,
};

pub(in crate::sandbox) fn configure(config: &mut web::ServiceConfig) {
    config.service(api::resource("/push").get(show).put(set));
}

async fn show(shared: web::Data<Shared>) -> HttpResponse {
    shown(&shared.lock().pusher)
}

/// Replaces all switches; absent ones are as at the start.
async fn set(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let switches: Switches = api::read(body)?;
    switches.check().map_err(Refusal::bad_request)?;
    let mut state = shared.lock();
    state.pusher.switch(switches);
    Ok(shown(&state.pusher))
}

/// The latest attempt is the last.
fn shown(pusher: &Pusher) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "switches": pusher.switches,
        "attempts": pusher.records,
    }))
}
