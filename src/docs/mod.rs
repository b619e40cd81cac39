//! The door for developers: `/openapi.json` has every call, `/asyncapi.yaml` what is said on sockets and streams (the
//! same as JSON beside it), and `/docs` shows both.
//!
//! People write `openapi.yaml` and `asyncapi.yaml` in this folder. The tests of this module add what the code knows
//! better and write the files that are served; the rest of the tests hold those to the routes, to what a gateway answers
//! and to what it says.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::{SecurityHeaders, assets};

#[cfg(test)]
mod tests;

/// The documents are for tools and pages of any site; like the files of the pages, they are embedded.
pub(crate) fn routes(headers: &SecurityHeaders) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let (documents, page) = (headers.assets(), headers.page());
    move |app| {
        let files = ["/openapi.json", "/asyncapi.yaml", "/asyncapi.json"];
        app.service(
            web::resource(files)
                .wrap(documents)
                .get(document)
                .route(web::head().to(document)),
        )
        .service(
            web::resource("/docs")
                .wrap(page)
                .get(viewer)
                .route(web::head().to(viewer)),
        );
    }
}

async fn document(request: HttpRequest) -> HttpResponse {
    assets::file(&request, request.path().trim_start_matches('/'))
}

async fn viewer(request: HttpRequest) -> HttpResponse {
    assets::file(&request, "docs.html")
}
