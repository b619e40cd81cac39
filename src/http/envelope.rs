//! The one shape of a JSON answer.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use serde::Serialize;

use super::{
    error::{ApiError, Told},
    request::RequestContext,
};
use crate::{
    code::{Code, Locale},
    ids::TraceId,
    token::EndReason,
};

/// An answer that is none of errors.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Answer"))]
struct Success<T> {
    /// Always 0.
    #[cfg_attr(test, schemars(extend("const" = 0)))]
    code: u32,
    /// Always `ok`.
    #[cfg_attr(test, schemars(extend("const" = "ok")))]
    message: &'static str,
    /// What was asked for.
    data: T,
    /// Quote it when you ask for help.
    #[cfg_attr(test, schemars(with = "String"))]
    request_id: TraceId,
}

/// An answer that says what is wrong.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Failure {
    /// Its number: the HTTP status times 100, plus n.
    code: u32,
    /// Its name.
    name: Code,
    /// The sentence for the person.
    message: &'static str,
    /// When to come back, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// Why the session was ended, of 40102.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<EndReason>,
    /// Quote it when you ask for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    request_id: Option<TraceId>,
}

/// The shapes of both, for the documents.
#[cfg(test)]
pub(crate) fn shapes(answers: &mut schemars::SchemaGenerator) {
    answers.subschema_for::<Success<serde_json::Value>>();
    answers.subschema_for::<Failure>();
}

/// `data` in the envelope.
pub fn ok<T: Serialize>(req: &HttpRequest, status: StatusCode, data: T) -> HttpResponse {
    let context = RequestContext::of(req);
    let envelope = Success {
        code: 0,
        message: "ok",
        data,
        request_id: context.request_id,
    };
    match serde_json::to_vec(&envelope) {
        Ok(body) => HttpResponse::build(status)
            .content_type("application/json")
            .body(body),
        Err(error) => ApiError::new(Code::Internal)
            .because(error)
            .error_response(),
    }
}

/// An error in the envelope.
pub(super) fn error(told: Told, locale: Locale, request_id: Option<TraceId>) -> web::Bytes {
    let Told {
        code,
        retry_after,
        reason,
    } = told;
    let envelope = Failure {
        code: code.number(),
        name: code,
        message: code.message(locale),
        retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        reason,
        request_id,
    };
    // Numbers and strings always serialise.
    serde_json::to_vec(&envelope).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn data_comes_in_the_envelope() {
        let req = TestRequest::get().to_http_request();
        let response = ok(&req, StatusCode::CREATED, json!({"a": 1}));
        assert_eq!(response.status(), 201);
        let body = to_bytes(response.into_body()).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            json!({
                "code": 0,
                "message": "ok",
                "data": {"a": 1},
                "request_id": RequestContext::of(&req).request_id,
            })
        );
    }
}
