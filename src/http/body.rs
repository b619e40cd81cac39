//! JSON bodies: bounded, and only where the caller says that it is JSON.

use std::{future::Future, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::code::Code;

/// The longest body of a call.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive; the server's own patience ends with the head of a request.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The body of a POST or DELETE: `Content-Type: application/json`, which no form of a foreign page can send. An
/// empty body is `{}`. Anything else is 40000, too much of it 41300.
pub struct Body<T>(pub T);

/// A [`Body`] that carries a command of the protocol: one that does not fit is 40001, as on the socket.
pub struct Command<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(req, payload);
        Box::pin(async move { parse(&bytes.await?, Code::BadRequest).map(Self) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(req, payload);
        Box::pin(async move { parse(&bytes.await?, Code::BadMessage).map(Self) })
    }
}

/// The bytes of the body. Not unpacked: a compressed one is no JSON, so there are no bombs.
fn read(
    req: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::BytesMut, ApiError>> + 'static {
    let refused = refusal(req.headers());
    let mut payload = payload.take();
    async move {
        if let Some(code) = refused {
            return Err(code.into());
        }
        let whole = async {
            let mut body = web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|cut| ApiError::new(Code::BadRequest).because(cut))?;
                if body.len() + chunk.len() > MAX_BODY {
                    return Err(Code::TooLarge.into());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        let in_time = tokio::time::timeout(BODY_WITHIN, whole).await;
        in_time.unwrap_or_else(|_elapsed| Err(Code::TooSlow.into()))
    }
}

/// Why this body need not be read at all.
fn refusal(headers: &HeaderMap) -> Option<Code> {
    if !is_json(headers) {
        return Some(Code::BadRequest);
    }
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    let over = length.parse::<usize>().ok()? > MAX_BODY;
    over.then_some(Code::TooLarge)
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8], misfit: Code) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    // serde's message repeats what was sent, which may be a secret.
    serde_json::from_slice(bytes).map_err(|_misfit| misfit.into())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Logout {
        #[serde(default)]
        everywhere: bool,
    }

    async fn sent(kind: &'static str, body: &[u8]) -> Result<Logout, Code> {
        let (req, mut payload) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, kind))
            .set_payload(body.to_vec())
            .to_http_parts();
        match Body::<Logout>::from_request(&req, &mut payload).await {
            Ok(Body(body)) => Ok(body),
            Err(error) => Err(error.code()),
        }
    }

    #[tokio::test]
    async fn json_is_read_and_nothing_is_an_empty_object() {
        let json = "application/json";
        let everywhere = Logout { everywhere: true };
        assert_eq!(
            sent(json, br#"{"everywhere":true,"x":1}"#).await,
            Ok(everywhere)
        );
        assert_eq!(sent(json, b"").await, Ok(Logout { everywhere: false }));
        assert_eq!(
            sent("Application/JSON; charset=utf-8", b"{}").await,
            Ok(Logout { everywhere: false })
        );
    }

    #[tokio::test]
    async fn what_a_foreign_form_can_send_is_refused() {
        for kind in [
            "text/plain",
            "application/jsonp",
            "text/plain; application/json",
            "",
        ] {
            assert_eq!(sent(kind, b"{}").await, Err(Code::BadRequest), "{kind}");
        }
        let (req, mut payload) = TestRequest::post().to_http_parts();
        let untyped = Body::<Logout>::from_request(&req, &mut payload).await;
        assert_eq!(
            untyped.err().map(|error| error.code()),
            Some(Code::BadRequest)
        );
    }

    #[tokio::test]
    async fn a_misfit_is_a_bad_request_or_a_bad_message() {
        let json = "application/json";
        assert_eq!(sent(json, b"{").await, Err(Code::BadRequest));
        assert_eq!(
            sent(json, br#"{"everywhere":1}"#).await,
            Err(Code::BadRequest)
        );
        let (req, mut payload) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, json))
            .set_payload("[")
            .to_http_parts();
        let command = Command::<Logout>::from_request(&req, &mut payload).await;
        assert_eq!(
            command.err().map(|error| error.code()),
            Some(Code::BadMessage)
        );
    }

    #[tokio::test]
    async fn too_much_is_too_large_whether_announced_or_not() {
        let much = vec![b' '; MAX_BODY + 1];
        assert_eq!(sent("application/json", &much).await, Err(Code::TooLarge));
        let (req, mut payload) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CONTENT_LENGTH, "65537"))
            .to_http_parts();
        let announced = Body::<Logout>::from_request(&req, &mut payload).await;
        assert_eq!(
            announced.err().map(|error| error.code()),
            Some(Code::TooLarge)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_not_waited_for() {
        let (req, _) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CONTENT_LENGTH, "10"))
            .to_http_parts();
        let mut never: Payload = Payload::Stream {
            payload: Box::pin(futures_util::stream::pending()),
        };
        let late = Body::<Logout>::from_request(&req, &mut never).await;
        assert_eq!(late.err().map(|error| error.code()), Some(Code::TooSlow));
    }
}
