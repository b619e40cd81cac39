//! What the doors tell the login about a request, and what it tells them back.

use actix_web::{HttpRequest, http::header};

use super::{ApiError, RequestContext, user_agent};
use crate::{
    config::Origin,
    login::{LoginError, Origination},
    scene::Asker,
    token::TokenError,
};

/// Who opens a scene: browser, system and address as the gateway sees them, not as the caller says, and the page's origin,
/// which it has checked.
pub fn originate(
    request: &HttpRequest,
    context: &RequestContext,
    origin: Option<&Origin>,
    browser_cookie: Option<[u8; 32]>,
) -> Origination {
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    let (browser, system) = user_agent::device(user_agent.unwrap_or_default());
    Origination {
        asker: Asker {
            browser: browser.into(),
            system: system.into(),
            ip: context.address.to_string().into(),
            host: origin.map(|origin| origin.host().into()),
        },
        browser_cookie,
        locale: context.locale,
        trace_id: context.request_id,
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        let answer = Self::new(error.code);
        match error.retry_after {
            Some(wait) => answer.retry_after(wait),
            None => answer,
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let reason = error.end_reason();
        Self::from(LoginError::from(error)).reason(reason)
    }
}
