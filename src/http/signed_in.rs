//! Who calls, for calls that take an access token and nothing else.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use futures_util::future::LocalBoxFuture;

use super::error::ApiError;
use crate::{
    code::Code,
    token::{Session, Tokens},
};

/// The caller's live session, proved by `Authorization: Bearer`. A cookie alone counts for nothing here, because a
/// browser would send it for any page that asks.
///
/// Its [`Tokens`] come from the `App`'s data. Refusals: 40100 without a good token, 40101 for one that has expired,
/// 40102 when the session was ended, 50300 when its store is away.
pub struct SignedIn(pub Session);

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let tokens = request.app_data::<web::Data<Tokens>>().cloned();
        let caller = match (tokens, bearer(request.headers())) {
            (None, _) => Err(Code::Internal.into()),
            (Some(_), None) => Err(Code::Unauthenticated.into()),
            (Some(tokens), Some(token)) => match tokens.authenticate(token) {
                Ok(caller) => Ok((tokens, caller)),
                Err(error) => Err(ApiError::from(error)),
            },
        };
        Box::pin(async move {
            let (tokens, caller) = caller?;
            Ok(Self(tokens.session_of(&caller).await?))
        })
    }
}

/// The token of exactly one `Authorization: Bearer` (RFC 6750 section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_is_read_and_nothing_else() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer a.b.c"]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&["bearer a.b.c"]).as_deref(), Some("a.b.c"));
        for none in [
            &[][..],
            &["Bearer"],
            &["Basic a"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
