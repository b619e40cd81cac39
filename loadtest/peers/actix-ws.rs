//! A peer of the load tests: actix-ws in its usual pattern, a task and an interval for each socket.
//!
//! `GET /ws?scene=ID` holds a socket, `POST /callback?scene=ID` sends its body to it and closes it, `GET /status?scene=ID`
//! is what a polling page asks.

#![expect(
    clippy::disallowed_methods,
    reason = "a peer is written as its library's readers write it"
)]

use std::{sync::Arc, time::Duration};

use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, Session};
use dashmap::DashMap;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::{select, time::interval};

const HEARTBEAT: Duration = Duration::from_secs(25);
const MAX_MESSAGE: usize = 64 * 1024;

type Sockets = Arc<DashMap<String, Session>>;

#[derive(Deserialize)]
struct Query {
    scene: String,
}

fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let sockets = Sockets::default();
    let app = move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&sockets)))
            .route("/ws", web::get().to(open))
            .route("/callback", web::post().to(callback))
            .route("/status", web::get().to(status))
    };
    let server = HttpServer::new(app).bind(("127.0.0.1", port))?;
    Ok(rt::System::new().block_on(server.run())?)
}

async fn open(
    request: HttpRequest,
    payload: web::Payload,
    query: web::Query<Query>,
    sockets: web::Data<DashMap<String, Session>>,
) -> Result<HttpResponse, Error> {
    let (response, session, messages) = actix_ws::handle(&request, payload)?;
    let messages = messages
        .max_frame_size(MAX_MESSAGE)
        .aggregate_continuations();
    let scene = query.into_inner().scene;
    sockets.insert(scene.clone(), session.clone());
    rt::spawn(async move {
        hold(session, messages).await;
        sockets.remove(&scene);
    });
    Ok(response)
}

/// Until either side closes.
async fn hold(mut session: Session, mut messages: AggregatedMessageStream) {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.reset();
    let reason = loop {
        select! {
            message = messages.next() => match message {
                Some(Ok(AggregatedMessage::Ping(bytes))) => {
                    if session.pong(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(AggregatedMessage::Close(reason))) => break reason,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break None,
            },
            _ = heartbeat.tick() => {
                if session.ping(b"").await.is_err() {
                    return;
                }
            }
        }
    };
    // Whoever is gone hears nothing.
    let _ = session.close(reason).await;
}

async fn callback(
    query: web::Query<Query>,
    event: String,
    sockets: web::Data<DashMap<String, Session>>,
) -> HttpResponse {
    let Some((_, mut session)) = sockets.remove(&query.scene) else {
        return HttpResponse::NotFound().finish();
    };
    if session.text(event).await.is_err() {
        return HttpResponse::Gone().finish();
    }
    // It may go by itself at this very moment.
    let _ = session.close(Some(CloseCode::Normal.into())).await;
    HttpResponse::Ok().body("ok")
}

async fn status(
    query: web::Query<Query>,
    sockets: web::Data<DashMap<String, Session>>,
) -> HttpResponse {
    let is_open = sockets.contains_key(&query.scene);
    HttpResponse::Ok().json(serde_json::json!({"status": "waiting", "socket": is_open}))
}
