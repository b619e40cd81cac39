//! What a person can do to an official account, and what it makes WeChat push.

use actix_web::web;

use super::{Line, Person};
use crate::{
    ids,
    sandbox::{
        push::{Code, Kind, Outcome, push},
        shared::Shared,
        user::Follow,
    },
};

/// Bytes of a message at most.
pub(super) const MAX_TEXT: usize = 2048;

/// What follows the scan of a parametric code.
#[derive(Debug)]
pub(in crate::sandbox) enum Scanned {
    /// A follower: the event was pushed.
    Pushed(Outcome),
    /// Somebody else: nothing is pushed before he follows.
    MustFollow,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSent {
    #[error("text: 1 to {MAX_TEXT} bytes are allowed")]
    Text,
    #[error("user: only a follower can send messages")]
    NoFollower,
}

/// Scans a parametric code of the account.
pub(in crate::sandbox) async fn scan(
    shared: &web::Data<Shared>,
    person: &Person,
    code: Code,
) -> Scanned {
    {
        let now = shared.clock.now();
        let mut state = shared.lock();
        if !state.users.follows(&person.user_id, &person.app_id) {
            state.chats.wait(person, code, now);
            return Scanned::MustFollow;
        }
    }
    Scanned::Pushed(push(shared, person, Kind::Scan(code)).await)
}

/// Follows the account, by the code scanned last if there was one; nothing happens when he does already.
pub(super) async fn follow(shared: &web::Data<Shared>, person: &Person) -> Outcome {
    let code = {
        let now = shared.clock.now();
        let mut state = shared.lock();
        if state.users.follows(&person.user_id, &person.app_id) {
            return Outcome::default();
        }
        state.chats.add(person, Line::Followed);
        let code = state.chats.take_waiting(person, now);
        let follow = Follow {
            since: shared.clock.wall_s(),
            by: code.as_ref().map(|code| code.scene.clone()),
        };
        state.users.follow(&person.user_id, &person.app_id, follow);
        code
    };
    push(shared, person, Kind::Subscribe(code)).await
}

/// Leaves the account.
pub(super) async fn unfollow(shared: &web::Data<Shared>, person: &Person) -> Outcome {
    {
        let mut state = shared.lock();
        if !state.users.follows(&person.user_id, &person.app_id) {
            return Outcome::default();
        }
        state.users.unfollow(&person.user_id, &person.app_id);
        state.chats.add(person, Line::Left);
    }
    push(shared, person, Kind::Unsubscribe).await
}

/// Sends a message.
pub(super) async fn say(
    shared: &web::Data<Shared>,
    person: &Person,
    text: &str,
) -> Result<Outcome, NotSent> {
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(NotSent::Text);
    }
    {
        let mut state = shared.lock();
        if !state.users.follows(&person.user_id, &person.app_id) {
            return Err(NotSent::NoFollower);
        }
        state.chats.add(person, Line::Sent(text.to_owned()));
    }
    let kind = Kind::Text {
        content: text.to_owned(),
        // WeChat's are positive 64-bit numbers of 17 digits and more.
        msg_id: 20_000_000_000_000_000 + ids::below(9_000_000_000_000_000_000),
    };
    Ok(push(shared, person, kind).await)
}
