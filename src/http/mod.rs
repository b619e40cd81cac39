//! What every HTTP door stands on: the envelope, the request's context, origins, addresses, limits, cookies,
//! headers and the embedded pages.
//!
//! [`Http`] is built once from the configuration and given to each worker's `App`. The order of the middlewares
//! matters: the one wrapped last runs first, and errors get their last form in [`context`].
//!
//! ```
//! use actix_web::{App, HttpRequest, HttpResponse, http::StatusCode, middleware::from_fn, web};
//! use scangate::{config::AppId, http::{self, ApiError, Body, Http, Limits, Origins, RequestContext}};
//!
//! #[derive(serde::Deserialize)]
//! struct Redeem { grant: String }
//!
//! async fn redeem(
//!     req: HttpRequest,
//!     context: RequestContext,
//!     (limits, origins): (web::Data<Limits>, web::Data<Origins>),
//!     Body(redeem): Body<Redeem>,
//! ) -> Result<HttpResponse, ApiError> {
//!     limits.token(context.limit_key())?;
//!     origins.check(&AppId::default_app(), req.headers())?;
//!     Ok(http::ok(&req, StatusCode::OK, redeem.grant.len()))
//! }
//!
//! let http = Http::new(&scangate::config::load(&Default::default())?);
//! let _app = App::new()
//!     .configure(|app| http.install(app))
//!     .wrap(from_fn(http::hosts))
//!     .wrap(from_fn(http::context))
//!     .service(
//!         web::scope("/api/v1")
//!             .wrap(http.headers.api())
//!             .wrap(http::cors(http.origins.clone()))
//!             .service(web::resource("/auth/token").post(redeem)),
//!     );
//! # Ok::<(), scangate::config::ConfigError>(())
//! ```

pub mod assets;
mod body;
mod client_address;
mod connections;
pub mod cookies;
mod envelope;
mod error;
mod etag;
pub mod headers;
mod host;
pub mod limits;
mod login;
mod origin;
pub mod ownership;
mod request;
mod signed_in;
mod sockets;
pub mod upgrade;
pub mod user_agent;

use actix_web::web;

use crate::config::{Config, Mode};

#[cfg(test)]
pub(crate) use self::envelope::shapes;
pub use self::{
    body::{BODY_WITHIN, Body, Command, MAX_BODY},
    client_address::{LimitKey, TrustedProxies},
    connections::{Connections, Place},
    cookies::Cookies,
    envelope::ok,
    error::ApiError,
    etag::unless_known,
    headers::SecurityHeaders,
    host::{GUARD, Hosts, hosts},
    limits::{Limited, Limits},
    login::originate,
    origin::{OriginRefused, Origins, cors},
    ownership::Ownership,
    request::{RequestContext, context},
    signed_in::{SignedIn, bearer},
    sockets::SocketPermit,
    upgrade::{Bare, Upgrade},
};

/// Everything of this module that is made from the configuration. Clones share it.
#[derive(Clone)]
pub struct Http {
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: web::Data<TrustedProxies>,
    /// The names this gateway answers to.
    pub hosts: web::Data<Hosts>,
    /// Which pages may speak for which app.
    pub origins: web::Data<Origins>,
    /// Names and attributes of cookies.
    pub cookies: web::Data<Cookies>,
    /// Policies for browsers.
    pub headers: web::Data<SecurityHeaders>,
    /// Floods.
    pub limits: web::Data<Limits>,
    /// What WeChat is shown.
    pub ownership: web::Data<Ownership>,
}

impl Http {
    /// One gateway's; two of them share nothing.
    pub fn new(config: &Config) -> Self {
        let public_url = config.server.public_url();
        let open_base = config.wechat.open_base(&config.sandbox);
        let sandbox = config.wechat.mode == Mode::Sandbox;
        Self {
            proxies: web::Data::new(TrustedProxies::new(config.server.trusted_proxies.clone())),
            hosts: web::Data::new(Hosts::new(&public_url, sandbox)),
            origins: web::Data::new(Origins::new(&config.apps, &public_url)),
            cookies: web::Data::new(Cookies::new(&public_url)),
            headers: web::Data::new(SecurityHeaders::new(&public_url, &open_base)),
            limits: web::Data::new(Limits::new(&config.limits, config.server.max_connections)),
            ownership: web::Data::new(Ownership(config.verify_dir())),
        }
    }

    /// Gives an `App` this module's parts, and answers its extractors' refusals in the envelope.
    pub fn install(&self, app: &mut web::ServiceConfig) {
        app.app_data(self.proxies.clone())
            .app_data(self.hosts.clone())
            .app_data(self.origins.clone())
            .app_data(self.cookies.clone())
            .app_data(self.headers.clone())
            .app_data(self.limits.clone())
            .app_data(self.ownership.clone());
        error::install(app);
    }
}

#[cfg(test)]
mod tests;
