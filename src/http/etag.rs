//! Answers that a caller may hold already.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, ETag, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch},
};

/// A 304 for who has what `tag` stands for (RFC 9110 section 13.1.2), else the 200 that `whole` makes.
pub fn unless_known(
    req: &HttpRequest,
    tag: EntityTag,
    cache: HeaderValue,
    whole: impl FnOnce(HttpResponseBuilder) -> HttpResponse,
) -> HttpResponse {
    let known = is_known(req, &tag);
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(ETag(tag))
        .insert_header((header::CACHE_CONTROL, cache));
    if known {
        response.finish()
    } else {
        whole(response)
    }
}

fn is_known(req: &HttpRequest, tag: &EntityTag) -> bool {
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
