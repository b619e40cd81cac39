//! An echo on the gateway's own sockets: what Autobahn's test suite speaks to (`tests/autobahn/run.sh`).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for one test fails by panicking, and tells where it listens"
)]

use std::net::TcpListener;

use actix_http::{HttpService, ws::OpCode};
use actix_service::map_config;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{AppConfig, Server},
    error::ErrorBadRequest,
    web,
};
use actix_ws::{AggregatedMessage, CloseCode};
use scangate::{
    clock::Clock,
    http::{Bare, Upgrade, upgrade},
    rfc6455::{Broken, Incoming, Line, Rules},
    tasks::Tasks,
};
use tokio_util::sync::CancellationToken;

const MIB: u32 = 1024 * 1024;
/// The suite sends 16 MiB at most, and as many frames as it likes.
const RULES: Rules = Rules {
    max_message: 16 * MIB,
    frames_per_s: u32::MAX,
    frame_burst: u32::MAX,
};
/// It may send a message before it reads the echo of the one before.
const MAX_UNREAD: u32 = 64 * MIB;

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("ws://{}", listener.local_addr().unwrap());
    let tasks = web::Data::new(Tasks::new());
    let app = move || {
        let app = App::new().app_data(tasks.clone());
        map_config(app.route("/", web::get().to(accept)), |()| {
            AppConfig::default()
        })
    };
    let server = Server::build()
        .workers(1)
        .listen("echo", listener, move || {
            HttpService::build()
                .tcp_nodelay(true)
                .upgrade(upgrade::through(app()))
                .finish(app())
                .tcp()
        });
    server.unwrap().run().await.unwrap();
}

async fn accept(request: HttpRequest, tasks: web::Data<Tasks>) -> Result<HttpResponse, Error> {
    let mut handshake = actix_http::ws::handshake(request.head())?;
    let upgrade = Upgrade::of(&request).ok_or_else(|| ErrorBadRequest("no upgrade"))?;
    upgrade.then(move |bare| {
        let stopping = tasks.stopping().clone();
        tasks.spawn_connection(echo(bare, stopping));
    });
    Ok(HttpResponse::from(handshake.finish().map_into_boxed_body()))
}

async fn echo(bare: Bare, stopping: CancellationToken) {
    let (clock, mut incoming) = (Clock::new(), Incoming::default());
    incoming.put(&bare.read);
    let line = Line::open(bare.io, MAX_UNREAD).await.unwrap();
    while let Some(heard) = incoming.next(&line, &RULES, &clock).await {
        let sent = match heard {
            Ok(AggregatedMessage::Text(text)) => line.send(OpCode::Text, text.as_bytes()),
            Ok(AggregatedMessage::Binary(bytes)) => line.send(OpCode::Binary, &bytes),
            Ok(AggregatedMessage::Ping(payload)) => line.send(OpCode::Pong, &payload),
            Ok(AggregatedMessage::Pong(_)) => Ok(()),
            Ok(AggregatedMessage::Close(reason)) => {
                line.close(reason);
                Ok(())
            }
            Err(broken) => {
                line.close(Some(code(broken).into()));
                Ok(())
            }
        };
        if sent.is_err() {
            break;
        }
    }
    line.part(&mut incoming, &RULES, &clock, &stopping).await;
}

fn code(broken: Broken) -> CloseCode {
    match broken {
        Broken::Protocol => CloseCode::Protocol,
        Broken::NotUtf8 => CloseCode::Invalid,
        Broken::TooBig => CloseCode::Size,
        Broken::TooMany => CloseCode::Policy,
    }
}
