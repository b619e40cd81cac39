//! An error on its way to a caller.

use std::{error::Error as StdError, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};

use super::envelope;
use crate::{
    code::{Code, Locale},
    ids::TraceId,
    token::EndReason,
};

/// What a handler refuses or fails with. The caller reads the code's sentence; the log keeps the source.
#[derive(Debug)]
pub struct ApiError {
    told: Told,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Left on the response, so that [`super::context`] can say it again in the caller's language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) code: Code,
    pub(super) retry_after: Option<Duration>,
    pub(super) reason: Option<EndReason>,
}

impl ApiError {
    /// An error that waiting does not mend.
    pub const fn new(code: Code) -> Self {
        Self {
            told: Told::new(code),
            source: None,
        }
    }

    /// Tells the caller when to come back.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.told.retry_after = Some(wait);
        self
    }

    /// Tells the caller why the session was ended.
    #[must_use]
    pub const fn reason(mut self, reason: Option<EndReason>) -> Self {
        self.told.reason = reason;
        self
    }

    /// Keeps the cause for the log. It must hold no secret and nothing that a caller sent.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller is told.
    pub const fn code(&self) -> Code {
        self.told.code
    }

    /// The causes, outermost first, on one line.
    pub(super) fn causes(&self) -> String {
        let mut line = String::new();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.code.fmt(f)
    }
}

impl StdError for ApiError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.told.status()
    }

    fn error_response(&self) -> HttpResponse {
        let told = self.told;
        let mut response = HttpResponse::new(told.status());
        told.head(response.headers_mut());
        response.extensions_mut().insert(told);
        response.set_body(BoxBody::new(told.body(Locale::default(), None)))
    }
}

impl Told {
    const fn new(code: Code) -> Self {
        Self {
            code,
            retry_after: None,
            reason: None,
        }
    }

    /// The code for a refusal that was not made here: an extractor's, actix's own.
    pub(super) fn from_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            404 => Code::NotFound,
            405 => Code::MethodNotAllowed,
            413 => Code::TooLarge,
            426 => Code::VersionUnsupported,
            400..500 => Code::BadRequest,
            _ => Code::Internal,
        };
        Self::new(code)
    }

    /// The status that the code stands for.
    pub(super) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The envelope.
    pub(super) fn body(self, locale: Locale, request_id: Option<TraceId>) -> web::Bytes {
        envelope::error(self, locale, request_id)
    }

    /// Writes the headers that go with the envelope; headers that say how the old body was packed go.
    pub(super) fn head(self, headers: &mut HeaderMap) {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        headers.remove(header::CONTENT_ENCODING);
        headers.insert(header::CONTENT_TYPE, JSON);
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            insert_new(headers, name, HeaderValue::from_static(value));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.insert(header::RETRY_AFTER, seconds_value(seconds));
        }
        if let Some(challenge) = self.challenge() {
            // RFC 9110 section 15.5.2: a 401 names the scheme that would help.
            let value = HeaderValue::from_static(challenge);
            insert_new(headers, header::WWW_AUTHENTICATE, value);
        }
    }

    const fn challenge(self) -> Option<&'static str> {
        match self.code {
            Code::Unauthenticated | Code::BadCredentials => Some("Bearer"),
            // RFC 9470 section 3.
            Code::LoginTooOld => Some("Bearer error=\"insufficient_user_authentication\""),
            Code::TokenExpired | Code::SessionRevoked => Some("Bearer error=\"invalid_token\""),
            _ => None,
        }
    }
}

fn seconds_value(seconds: u128) -> HeaderValue {
    HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX))
}

fn insert_new(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

/// Answers what actix's own extractors refuse. Their messages repeat the input, so they go nowhere.
pub(super) fn install(app: &mut web::ServiceConfig) {
    app.app_data(
        web::PathConfig::default()
            .error_handler(|_refused, _req| ApiError::new(Code::NotFound).into()),
    )
    .app_data(
        web::QueryConfig::default()
            .error_handler(|_refused, _req| ApiError::new(Code::BadRequest).into()),
    );
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::Value;

    use super::*;
    use crate::token::TokenError;

    #[tokio::test]
    async fn an_error_is_an_envelope_with_its_status_and_its_wait() {
        let error = ApiError::new(Code::RateLimited).retry_after(Duration::from_millis(1_001));
        let response = error.error_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "2");
        assert_eq!(
            response.headers().get(header::CACHE_CONTROL).unwrap(),
            "no-store"
        );
        let body = to_bytes(response.into_body()).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], 42_900);
        assert_eq!(body["name"], "rate_limited");
        assert_eq!(body["retry_after_ms"], 1_001);
        assert_eq!(body["message"], Code::RateLimited.message(Locale::ZhCn));
    }

    #[tokio::test]
    async fn it_says_why_a_session_was_ended() {
        for (error, reason) in [
            (
                TokenError::SessionRevoked(EndReason::Merged),
                "merged".into(),
            ),
            (TokenError::Unauthenticated, Value::Null),
        ] {
            let response = ApiError::from(error).error_response();
            let body = to_bytes(response.into_body()).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["reason"], reason);
        }
    }

    #[test]
    fn causes_are_for_the_log_only() {
        let cause = std::io::Error::other("disk full");
        let error = ApiError::new(Code::Internal).because(cause);
        assert_eq!(error.causes(), "disk full");
        assert_eq!(error.to_string(), "internal");
    }

    #[test]
    fn a_401_names_the_scheme() {
        let challenge = |code| {
            ApiError::new(code)
                .error_response()
                .headers()
                .get(header::WWW_AUTHENTICATE)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(challenge(Code::Unauthenticated), "Bearer");
        assert!(challenge(Code::TokenExpired).contains("invalid_token"));
    }

    #[test]
    fn every_code_has_its_status() {
        for code in Code::ALL {
            assert_eq!(ApiError::new(*code).status_code().as_u16(), code.status());
        }
    }
}
