//! `/sandbox/api/follow`, `unfollow`, `message`: what a person does to an official account, for tests.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Bytes},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Person,
    act::{self, NotSent},
};
use crate::sandbox::{
    account::Kind,
    api::{self, Answer, Refusal},
    push::Outcome,
    shared::{Shared, State},
};

pub(in crate::sandbox) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(api::resource("/follow").post(follow))
        .service(api::resource("/unfollow").post(unfollow))
        .service(api::resource("/message").post(message));
}

/// Who, and to which account; by default the phone's user and the sandbox's own official account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    user: Option<String>,
    app_id: Option<String>,
    text: Option<String>,
}

async fn follow(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    taken(&shared, &request, body, act::follow).await
}

async fn unfollow(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    taken(&shared, &request, body, act::unfollow).await
}

async fn taken(
    shared: &web::Data<Shared>,
    request: &HttpRequest,
    body: Result<Bytes, Error>,
    act: impl AsyncFnOnce(&web::Data<Shared>, &Person) -> Outcome,
) -> Answer {
    let call: Call = api::read(body)?;
    if call.text.is_some() {
        return Err(Refusal::bad_request("text: only a message has one"));
    }
    let person = person(&call, &shared.lock(), request)?;
    let outcome = act(shared, &person).await;
    Ok(HttpResponse::Ok().json(delivered(&outcome)))
}

async fn message(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    let call: Call = api::read(body)?;
    let person = person(&call, &shared.lock(), &request)?;
    let text = call.text.unwrap_or_default();
    let outcome = act::say(&shared, &person, &text).await.map_err(|why| {
        let status = match why {
            NotSent::Text => StatusCode::BAD_REQUEST,
            NotSent::NoFollower => StatusCode::CONFLICT,
        };
        Refusal::new(status, why.to_string())
    })?;
    Ok(HttpResponse::Ok().json(delivered(&outcome)))
}

/// `{replies: [{text}], problem?}`: the passive replies, and why there are none.
pub(in crate::sandbox) fn delivered(outcome: &Outcome) -> Map<String, Value> {
    let replies: Vec<_> = outcome
        .replies
        .iter()
        .map(|text| json!({ "text": text }))
        .collect();
    let mut answer = Map::new();
    answer.insert("replies".to_owned(), replies.into());
    if let Some(problem) = &outcome.problem {
        answer.insert("problem".to_owned(), problem.as_str().into());
    }
    answer
}

fn person(call: &Call, state: &State, request: &HttpRequest) -> Result<Person, Refusal> {
    let account = match &call.app_id {
        None => state.accounts.official(),
        Some(app_id) => state
            .accounts
            .get(app_id)
            .filter(|account| account.kind == Kind::OfficialAccount)
            .ok_or_else(|| Refusal::bad_request("app_id: not that of an official account here"))?,
    };
    let user = api::user(state, call.user.as_deref(), request)?;
    Ok(Person {
        app_id: account.app_id.clone(),
        user_id: user.id.clone(),
    })
}
