//! WeChat's door: `/callback/wechat/message`, where it pushes what happens to the official account.
//!
//! Every answer but a reply is plain text that tells nothing; what was refused, and why, is in the log.

mod wording;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::StreamExt;

use crate::{
    clock::Millis,
    login::{Login, PushError},
    telemetry::Metrics,
};

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive: WeChat itself gives up after 5 s.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// "Heard": the body that ends WeChat's repeats, never encrypted.
const SUCCESS: &str = "success";

/// A stranger's messages are worth one line of the log in so many milliseconds; the metric counts them all.
const LOG_EVERY: Millis = 1_000;

/// What the door works with.
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) metrics: Arc<Metrics>,
    /// When a refusal was last logged.
    pub(crate) logged_at: AtomicU64,
}

/// The door's one address. It finds [`Door`] in the app's data.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    let resource = web::resource("/callback/wechat/message")
        .get(verify)
        .post(receive);
    app.service(resource);
}

/// The console asks whether this address is ours.
async fn verify(request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    match door.login.verify_push_url(request.query_string()).await {
        Ok(echo) => plain(HttpResponse::Ok(), echo),
        Err(error) => door.refuse(&error),
    }
}

/// A message: heard before it is answered, so that what WeChat takes as delivered has happened.
async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
) -> HttpResponse {
    let Some(body) = read(payload).await else {
        return plain(HttpResponse::PayloadTooLarge(), String::new());
    };
    match door.answer(request.query_string(), &body).await {
        Ok(Some(reply)) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("text/xml; charset=utf-8")
            .body(reply),
        Ok(None) => plain(HttpResponse::Ok(), SUCCESS.to_owned()),
        Err(error) => door.refuse(&error),
    }
}

impl Door {
    async fn answer(&self, query: &str, body: &[u8]) -> Result<Option<String>, PushError> {
        let received = self.login.receive(query, body).await?;
        self.metrics.heard("ok");
        let text = self.login.hear(&received, wording::reply).await?;
        text.map(|text| self.login.seal_reply(&received, &text))
            .transpose()
    }

    /// Anything but 200 makes WeChat send again, which is right only when a store is away.
    fn refuse(&self, error: &PushError) -> HttpResponse {
        match error {
            PushError::Off => {
                self.metrics.heard("off");
                plain(HttpResponse::NotFound(), String::new())
            }
            PushError::Refused(refused) => {
                let stage = refused.stage();
                if self.may_log() {
                    tracing::warn!(stage, "a message was refused: {refused}");
                }
                self.metrics.heard(stage);
                plain(HttpResponse::Forbidden(), String::new())
            }
            PushError::Replayed => {
                if self.may_log() {
                    tracing::warn!(
                        "a message was refused: its signature was used before for another one"
                    );
                }
                self.metrics.heard("replayed");
                plain(HttpResponse::Forbidden(), String::new())
            }
            PushError::Away(error) => {
                tracing::error!(%error, "a message could not be heard; WeChat sends it again");
                self.metrics.heard("away");
                plain(HttpResponse::ServiceUnavailable(), String::new())
            }
        }
    }
}

impl Door {
    fn may_log(&self) -> bool {
        let now = self.login.clock().now();
        let last = self.logged_at.load(Ordering::Relaxed);
        let is_due = now >= last.saturating_add(LOG_EVERY);
        is_due
            && self
                .logged_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

fn plain(mut answer: actix_web::HttpResponseBuilder, text: String) -> HttpResponse {
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/plain; charset=utf-8")
        .body(text)
}

/// The whole body, unless it is too large, too slow or cut off.
async fn read(mut payload: web::Payload) -> Option<web::BytesMut> {
    let whole = async {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.ok()?;
            if body.len() + chunk.len() > MAX_BODY {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        Some(body)
    };
    tokio::time::timeout(BODY_WITHIN, whole)
        .await
        .ok()
        .flatten()
}
