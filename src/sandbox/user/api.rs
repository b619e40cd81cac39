//! `/sandbox/api/users`: who there is, and who comes.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Bytes},
};
use serde_json::json;

use super::{User, UserRefused, Users};
use crate::{
    config::SANDBOX_APP_ID,
    sandbox::{
        api::{self, Answer, Refusal},
        page,
        shared::Shared,
    },
};

/// `GET /sandbox/api/users`
pub(in crate::sandbox) async fn list(
    shared: web::Data<Shared>,
    request: HttpRequest,
) -> HttpResponse {
    let base = shared.own.base(page::text(&request, header::HOST));
    let state = shared.lock();
    let people = state.users.iter();
    let users: Vec<_> = people
        .map(|user| shown(user, &state.users, &base))
        .collect();
    HttpResponse::Ok().json(json!({ "users": users }))
}

/// `POST /sandbox/api/users`
pub(in crate::sandbox) async fn add(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    let user: User = api::read(body)?;
    let base = shared.own.base(page::text(&request, header::HOST));
    let now = shared.clock.wall_s();
    let mut state = shared.lock();
    state.users.add(user.clone(), now).map_err(|why| {
        let status = match why {
            UserRefused::Taken | UserRefused::Full => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, why.to_string())
    })?;
    Ok(HttpResponse::Created().json(shown(&user, &state.users, &base)))
}

/// With the URL of the picture, and as a follower if he is one now.
fn shown(user: &User, users: &Users, base: &str) -> User {
    User {
        follower: users.follows(&user.id, SANDBOX_APP_ID),
        avatar: Some(user.picture(base)),
        ..user.clone()
    }
}
