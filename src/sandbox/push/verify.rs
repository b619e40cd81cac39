//! The check of a callback URL when it is set up: a signed GET whose `echostr` must come back.

use std::time::Duration;

use super::{ANSWER_TIMEOUT, Target, request::Failure};
use crate::sandbox::{account::Account, shared::Shared};

/// Why WeChat's console does not take a callback URL, in its words and in English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum NotVerified {
    #[error("请求URL超时 (callback_url: no answer within 5 seconds)")]
    Timeout,
    #[error("请求URL失败 (callback_url: it could not be reached)")]
    Unreachable,
    #[error("token验证失败 (callback_url: the answer must be 200 and echostr, byte for byte)")]
    Token,
}

/// Asks the account's callback to prove that it knows the token. An account without a callback passes.
///
/// # Errors
/// When it did not.
pub(in crate::sandbox) async fn verify_callback(
    shared: &Shared,
    account: &Account,
) -> Result<(), NotVerified> {
    let Some(target) = Target::of(account) else {
        return Ok(());
    };
    let limit = Duration::from_millis(ANSWER_TIMEOUT);
    tokio::select! {
        verified = ask(shared, target) => verified,
        () = shared.clock.sleep(limit) => Err(NotVerified::Timeout),
    }
}

async fn ask(shared: &Shared, target: Target) -> Result<(), NotVerified> {
    let now = shared.clock.wall_s();
    match target.ask_for_echo(&shared.http, now).await {
        Ok((echo, 200, body)) if body == echo.as_bytes() => Ok(()),
        Ok(_) | Err(Failure::TooLarge) => Err(NotVerified::Token),
        Err(Failure::Timeout) => Err(NotVerified::Timeout),
        Err(_) => Err(NotVerified::Unreachable),
    }
}
