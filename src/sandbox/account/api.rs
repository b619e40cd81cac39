//! `/sandbox/api/accounts`: the accounts as tests set them up.

use actix_web::{
    Error, HttpResponse,
    http::StatusCode,
    web::{self, Bytes},
};
use serde_json::{Map, Value, json};

use super::{Account, AccountRefused};
use crate::sandbox::{
    api::{self, Answer, Refusal},
    push,
    shared::Shared,
};

/// All accounts, whole: their secrets open nothing outside the sandbox.
pub(in crate::sandbox) async fn list(shared: web::Data<Shared>) -> HttpResponse {
    let state = shared.lock();
    let accounts: Vec<_> = state.accounts.iter().collect();
    HttpResponse::Ok().json(json!({ "accounts": accounts }))
}

/// Adds the account, or changes those keys of the one with that `app_id` which are given. A callback is asked for
/// its proof first, as WeChat's console does.
pub(in crate::sandbox) async fn put(
    shared: web::Data<Shared>,
    body: Result<Bytes, Error>,
) -> Answer {
    let given: Map<String, Value> = api::read(body)?;
    let sets_callback = ["callback_url", "token"]
        .iter()
        .any(|key| given.contains_key(*key));
    let (account, status) = {
        let state = shared.lock();
        let known = given
            .get("app_id")
            .and_then(Value::as_str)
            .and_then(|app_id| state.accounts.get(app_id));
        let status = match known {
            Some(_) => StatusCode::OK,
            None => StatusCode::CREATED,
        };
        let account = laid_over(known, given).map_err(Refusal::bad_request)?;
        state
            .accounts
            .clone()
            .put(account.clone())
            .map_err(refusal)?;
        (account, status)
    };
    if sets_callback {
        push::verify_callback(&shared, &account)
            .await
            .map_err(Refusal::bad_request)?;
    }
    let app_id = account.app_id.clone();
    let mut state = shared.lock();
    state.accounts.put(account).map_err(refusal)?;
    Ok(HttpResponse::build(status).json(state.accounts.get(&app_id)))
}

fn refusal(why: AccountRefused) -> Refusal {
    let status = match why {
        AccountRefused::Full => StatusCode::CONFLICT,
        AccountRefused::Key(..) | AccountRefused::Kind => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, why.to_string())
}

fn laid_over(
    known: Option<&Account>,
    given: Map<String, Value>,
) -> Result<Account, serde_json::Error> {
    let mut whole = match known.map(serde_json::to_value).transpose()? {
        Some(Value::Object(keys)) => keys,
        _ => Map::new(),
    };
    whole.extend(given);
    serde_json::from_value(Value::Object(whole))
}
