//! Which address leads to which door.

use actix_web::web;

use super::services::Services;
use crate::{api, avatar, callback, docs, http, phone, websocket};

impl Services {
    /// What one worker serves.
    pub(super) fn routes(&self, app: &mut web::ServiceConfig) {
        let headers = &self.http.headers;
        self.http.install(app);
        app.app_data(web::Data::from(self.tokens.clone()))
            .app_data(self.websocket.clone())
            .app_data(self.api.clone())
            .app_data(self.phone.clone())
            .app_data(self.callback.clone())
            .app_data(self.avatars.clone())
            .configure(api::guard(headers))
            .service(
                web::scope("/api/v1")
                    .wrap(headers.api())
                    .wrap(http::cors(self.http.origins.clone()))
                    .service(web::resource("/ws").get(websocket::upgrade))
                    .configure(api::routes)
                    .configure(|api| self.account_routes(api)),
            )
            .service(
                web::resource("/.well-known/jwks.json")
                    .get(api::jwks)
                    .route(web::head().to(api::jwks)),
            )
            .configure(phone::routes(headers))
            .configure(callback::routes)
            .configure(docs::routes(headers))
            .service(http::ownership::resource().wrap(headers.api()))
            .service(avatar::resource().wrap(headers.avatars()))
            .service(http::assets::resource().wrap(headers.assets()))
            .service(
                web::resource(["/", "/app"])
                    .wrap(headers.page())
                    .get(api::page)
                    .route(web::head().to(api::page)),
            );
    }

    /// Without accounts their calls do not exist.
    fn account_routes(&self, api: &mut web::ServiceConfig) {
        if let Some(passwords) = &self.passwords {
            api.app_data(passwords.clone())
                .configure(api::account_routes);
        }
    }
}
