//! `/sandbox/api/faults`

use actix_web::{
    Error, HttpResponse,
    web::{self, Bytes},
};
use serde_json::{Value, json};

use super::{Fault, Faults};
use crate::sandbox::{
    api::{self, Answer, Refusal},
    shared::{Shared, State},
};

/// `GET`
pub(in crate::sandbox) async fn show(shared: web::Data<Shared>) -> HttpResponse {
    shown(&shared.lock())
}

fn shown(state: &State) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "faults": state.faults.list() }))
}

/// `PUT`: replaces the list; takes the list itself, and what `GET` shows.
pub(in crate::sandbox) async fn set(
    shared: web::Data<Shared>,
    body: Result<Bytes, Error>,
) -> Answer {
    let mut value: Value = api::read(body)?;
    if let Some(object) = value.as_object_mut()
        && object.len() == 1
        && let Some(list) = object.remove("faults")
    {
        value = list;
    }
    let list: Vec<Fault> = serde_json::from_value(value).map_err(Refusal::bad_request)?;
    let faults = Faults::checked(list).map_err(Refusal::bad_request)?;
    let mut state = shared.lock();
    state.faults = faults;
    Ok(shown(&state))
}
