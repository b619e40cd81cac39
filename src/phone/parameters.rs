//! What the phone's browser sends along: WeChat's query and our own forms. Nothing is guessed; a parameter that is
//! there twice has no value.

use std::borrow::Cow;

use actix_web::{
    http::header::{self, HeaderMap},
    web,
};
use futures_util::StreamExt;

use crate::{code::Code, http::BODY_WITHIN, login::LINK_KEY};

/// Our forms have one field of 32 characters.
const MAX_FORM: usize = 4 * 1024;
/// WeChat's codes have 32 characters, and may grow.
const MAX_CODE: usize = 512;
/// The field that only a page of ours can hold.
pub(super) const FORM_TOKEN: &str = "form_token";

/// What WeChat adds to the callback's address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Returned<'a> {
    pub(super) code: Option<Cow<'a, str>>,
    pub(super) state: Option<Cow<'a, str>>,
}

impl<'a> Returned<'a> {
    /// Reads the query as it came; parameters of others are left alone.
    pub(super) fn parse(query: &'a str) -> Result<Self, Code> {
        let returned = Self {
            code: once(query.as_bytes(), "code")?,
            state: once(query.as_bytes(), "state")?,
        };
        match &returned.code {
            Some(code) if code.len() > MAX_CODE => Err(Code::BadRequest),
            _ => Ok(returned),
        }
    }
}

/// The key of a link that is its own proof, in a query or in a form.
pub(super) fn link_key(encoded: &[u8]) -> Result<Option<String>, Code> {
    Ok(once(encoded, LINK_KEY)?.map(Cow::into_owned))
}

/// The anti-CSRF field of a form.
pub(super) fn form_token(body: &[u8]) -> Result<Option<String>, Code> {
    Ok(once(body, FORM_TOKEN)?.map(Cow::into_owned))
}

/// The bytes of a form: urlencoded, whole, and not too many.
pub(super) async fn read_form(
    headers: &HeaderMap,
    mut payload: web::Payload,
) -> Result<web::BytesMut, Code> {
    if !is_form(headers) {
        return Err(Code::BadRequest);
    }
    let whole = async {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_cut| Code::BadRequest)?;
            if body.len() + chunk.len() > MAX_FORM {
                return Err(Code::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let in_time = tokio::time::timeout(BODY_WITHIN, whole).await;
    in_time.unwrap_or(Err(Code::TooSlow))
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| {
        let form = "application/x-www-form-urlencoded";
        essence.trim().eq_ignore_ascii_case(form)
    })
}

fn once<'a>(encoded: &'a [u8], name: &str) -> Result<Option<Cow<'a, str>>, Code> {
    let mut values = url::form_urlencoded::parse(encoded)
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Code::BadRequest),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{FromRequest, test::TestRequest};
    use proptest::prelude::*;

    use super::*;

    fn parsed(query: &str) -> Result<(Option<String>, Option<String>), Code> {
        let returned = Returned::parse(query)?;
        let owned = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
        Ok((owned(returned.code), owned(returned.state)))
    }

    #[test]
    fn a_callback_has_a_code_and_a_state() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            parsed("code=021abc&state=1xyz"),
            Ok((text("021abc"), text("1xyz")))
        );
        assert_eq!(
            parsed("from=x&state=1&code=a%2Bb&from=y"),
            Ok((text("a+b"), text("1")))
        );
        assert_eq!(parsed("state=1"), Ok((None, text("1"))));
        assert_eq!(parsed("code=&state"), Ok((text(""), text(""))));
        assert_eq!(parsed(""), Ok((None, None)));
        assert_eq!(
            parsed("Code=1&STATE=2"),
            Ok((None, None)),
            "names are exact"
        );
    }

    #[test]
    fn a_doubled_parameter_is_refused_however_it_is_written() {
        for query in [
            "code=1&code=1&state=2",
            "code=1&state=2&state=3",
            "code=1&%63ode=2&state=3",
            "state&state=",
        ] {
            assert_eq!(parsed(query), Err(Code::BadRequest), "{query}");
        }
    }

    #[test]
    fn an_endless_code_is_not_sent_to_wechat() {
        let query = |length| format!("state=1&code={}", "a".repeat(length));
        assert!(parsed(&query(MAX_CODE)).is_ok());
        assert_eq!(parsed(&query(MAX_CODE + 1)), Err(Code::BadRequest));
    }

    #[test]
    fn a_form_has_one_token() {
        assert_eq!(form_token(b"form_token=ab&x=1"), Ok(Some("ab".to_owned())));
        assert_eq!(form_token(b""), Ok(None));
        assert_eq!(
            form_token(b"form_token=a&form_token=a"),
            Err(Code::BadRequest)
        );
    }

    async fn sent(kind: &'static str, body: Vec<u8>) -> Result<usize, Code> {
        let (request, mut payload) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, kind))
            .set_payload(body)
            .to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload)
            .await
            .unwrap();
        let body = read_form(request.headers(), payload).await?;
        Ok(body.len())
    }

    #[tokio::test]
    async fn forms_are_urlencoded_and_bounded() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(sent(form, b"a=b".to_vec()).await, Ok(3));
        assert_eq!(
            sent(
                "application/x-www-form-urlencoded; charset=UTF-8",
                Vec::new()
            )
            .await,
            Ok(0)
        );
        assert_eq!(sent(form, vec![b'a'; MAX_FORM]).await, Ok(MAX_FORM));
        assert_eq!(
            sent(form, vec![b'a'; MAX_FORM + 1]).await,
            Err(Code::TooLarge)
        );
        for kind in ["text/plain", "application/json", "multipart/form-data", ""] {
            assert_eq!(
                sent(kind, b"a=b".to_vec()).await,
                Err(Code::BadRequest),
                "{kind}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_panic(query in "\\PC{0,300}") {
            let _whatever = parsed(&query);
        }
    }
}
