//! Entity tags: whoever has the body already is not sent it again.

use actix_web::{
    HttpRequest,
    http::header::{self, EntityTag, Header, HeaderName, IfNoneMatch},
};

/// Whether the client has what this tag stands for (RFC 9110 section 13.1.2); then 304 is the answer.
pub fn is_known(req: &HttpRequest, tag: &EntityTag) -> bool {
    const NAME: HeaderName = header::IF_NONE_MATCH;
    if !req.headers().contains_key(NAME) {
        return false;
    }
    match IfNoneMatch::parse(req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_unreadable) => false,
    }
}
