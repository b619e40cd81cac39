//! `GET /avatars/{id}`.

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::header::{self, EntityTag, HeaderValue},
    web,
};

use super::Avatars;
use crate::{
    code::Code,
    http::{ApiError, Limits, RequestContext, unless_known},
    user::AvatarId,
};

/// A day: the name changes with the picture.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=86400, immutable");

/// To be wrapped with [`crate::http::SecurityHeaders::avatars`]. It finds [`Avatars`] and [`Limits`] in the app's data.
pub(crate) fn resource() -> Resource {
    web::resource("/avatars/{id}")
        .get(picture)
        .route(web::head().to(picture))
}

/// The picture; 404 for names that are nobody's, that cannot be one, and for pictures that cannot be had.
async fn picture(
    request: HttpRequest,
    context: RequestContext,
    id: web::Path<String>,
    avatars: web::Data<Avatars>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, ApiError> {
    limits.avatar(context.limit_key())?;
    let id = AvatarId::parse(&id).ok_or(Code::NotFound)?;
    let picture = avatars.get(&id).await?.ok_or(Code::NotFound)?;
    let tag = EntityTag::new_strong(picture.tag.clone());
    Ok(unless_known(&request, tag, CACHE, |mut response| {
        response
            .content_type(picture.kind)
            .insert_header((header::CONTENT_DISPOSITION, "inline"))
            .body(picture.bytes.clone())
    }))
}
