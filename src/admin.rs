//! The admin listener: health and numbers, for operators and balancers, not for browsers; and the account's access
//! token for the company's other services.

mod access_token;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpResponse, http::header, web};
use serde_json::json;

pub(crate) use self::access_token::Handout;
use crate::{
    login::Login,
    telemetry::Metrics,
    token::{KeyAgreement, KeyStanding},
    wechat::{Api, Health, OfficialAccount},
};

/// What the admin listener knows.
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) wechat: Api,
    /// `None` where no flow needs one.
    pub(crate) official_account: Option<OfficialAccount>,
    pub(crate) handout: Handout,
    /// `None` for a gateway that is alone.
    pub(crate) keys: Option<Arc<KeyAgreement>>,
    /// Set once every listener serves.
    pub(crate) is_up: Arc<AtomicBool>,
}

pub(crate) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/livez").get(livez))
        .service(web::resource("/readyz").get(readyz))
        .service(web::resource("/metrics").get(metrics))
        .service(access_token::resource());
}

/// The process runs.
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// 503 only while starting and draining, and while the keys are not those of the other gateways; a store that is away
/// shows in the body and does not take the node out: the others would be no better off.
async fn readyz(door: web::Data<Door>) -> HttpResponse {
    let is_up = door.is_up.load(Ordering::Acquire);
    let keys = door.keys.as_ref().map(|keys| keys.standing());
    let status = match (is_up, door.login.is_draining(), keys) {
        (false, ..) => "starting",
        (true, true, _) => "draining",
        (true, false, Some(KeyStanding::Unknown)) => "keys not compared",
        (true, false, Some(KeyStanding::Differ)) => "keys differ",
        (true, false, Some(KeyStanding::Same) | None) => "ready",
    };
    let (users, scenes) = tokio::join!(
        door.login.is_user_store_up(),
        door.login.is_scene_store_up()
    );
    let stores = json!({ "users": users, "scenes": scenes });
    let body = json!({ "status": status, "stores": stores });
    if status == "ready" {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

/// Every metric (`OpenMetrics` 1.0).
async fn metrics(door: web::Data<Door>) -> HttpResponse {
    door.read_wechat();
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

impl Door {
    /// Reads what is not counted when it happens.
    fn read_wechat(&self) {
        let metrics = &self.metrics;
        metrics.wechat_breaker.set(self.wechat.breaker() as i64);
        let Some(account) = &self.official_account else {
            return;
        };
        let health = account.authority().health();
        let left_ms = match health {
            Health::Ok { expires_at } => expires_at.saturating_sub(self.login.clock().now()),
            Health::Unknown | Health::Stopped { .. } => 0,
        };
        let is_stopped = matches!(health, Health::Stopped { .. });
        let held = account.qr_retry_after().unwrap_or_default();
        metrics.wechat_token_stopped.set(i64::from(is_stopped));
        metrics.wechat_token_left.set(seconds(left_ms / 1000));
        metrics.wechat_qr_codes.set(account.qr_codes_today().into());
        metrics.wechat_qr_held.set(seconds(held.as_secs()));
    }
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
