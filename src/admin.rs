//! The admin listener: health and numbers, for operators and balancers, not for browsers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpResponse, http::header, web};
use serde_json::json;

use crate::{login::Login, telemetry::Metrics};

/// What the admin listener knows.
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) metrics: Arc<Metrics>,
    /// Set once every listener serves.
    pub(crate) is_up: Arc<AtomicBool>,
}

pub(crate) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/livez").get(livez))
        .service(web::resource("/readyz").get(readyz))
        .service(web::resource("/metrics").get(metrics));
}

/// The process runs.
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// 503 only while starting and draining; a store that is away shows in the body and does not take the node out: the
/// others would be no better off.
async fn readyz(door: web::Data<Door>) -> HttpResponse {
    let is_up = door.is_up.load(Ordering::Acquire);
    let status = match (is_up, door.login.is_draining()) {
        (false, _) => "starting",
        (true, true) => "draining",
        (true, false) => "ready",
    };
    let stores = json!({ "users": door.login.is_user_store_up().await });
    let body = json!({ "status": status, "stores": stores });
    if status == "ready" {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

/// Every metric (`OpenMetrics` 1.0).
async fn metrics(door: web::Data<Door>) -> HttpResponse {
    match door.metrics.encode() {
        Ok(text) => HttpResponse::Ok()
            .insert_header((
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
