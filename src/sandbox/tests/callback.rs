//! The callback of an account, as a test plays it: it checks what WeChat signs, and answers by a script.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};
use tokio::{sync::watch, time::timeout};

use crate::{
    config::{SANDBOX_APP_ID, SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN},
    sandbox::push::envelope::{Key, sign},
};

/// How long a test waits for a fact.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the callback does with one push.
#[derive(Clone)]
pub(super) enum Play {
    Answer(u16, &'static str),
    /// A text reply in the clear.
    Clear(&'static str),
    /// A text reply, sealed and signed by that token.
    Sealed(&'static str, &'static str),
    Silence,
}

/// One push as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) query: HashMap<String, String>,
    pub(super) body: String,
    /// The whole event: the body, or what was sealed in it.
    pub(super) event: String,
}

pub(super) struct Callback {
    pub(super) url: String,
    stage: web::Data<Stage>,
    server: ServerHandle,
}

struct Stage {
    /// `success` when it is over.
    script: Mutex<VecDeque<Play>>,
    received: watch::Sender<Vec<Received>>,
}

impl Callback {
    pub(super) async fn start() -> Self {
        let stage = web::Data::new(Stage {
            script: Mutex::default(),
            received: watch::Sender::default(),
        });
        let played = stage.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(played.clone())
                .service(web::resource("/callback").get(echo).post(play))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let url = format!("http://{}/callback?a=b", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "a test ends with its runtime")]
        tokio::spawn(server);
        Self {
            url,
            stage,
            server: handle,
        }
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }

    /// What it does with the next pushes.
    pub(super) fn plays(&self, script: impl IntoIterator<Item = Play>) {
        *self.stage.script.lock().unwrap() = script.into_iter().collect();
    }

    /// All pushes so far, once there are `count`.
    pub(super) async fn received(&self, count: usize) -> Vec<Received> {
        let mut all = self.stage.received.subscribe();
        let enough = all.wait_for(|all| all.len() >= count);
        let enough = timeout(PATIENCE, enough).await;
        enough.expect("the pushes came").unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.stage.received.borrow().len()
    }
}

/// The check of the URL: `echostr`, but only to whom the token is known.
async fn echo(query: web::Query<HashMap<String, String>>) -> HttpResponse {
    let signature = sign(&[SANDBOX_TOKEN, &query["timestamp"], &query["nonce"]]);
    if signature != query["signature"] || query["a"] != "b" {
        return HttpResponse::Forbidden().finish();
    }
    HttpResponse::Ok().body(query["echostr"].clone())
}

async fn play(
    stage: web::Data<Stage>,
    request: HttpRequest,
    query: web::Query<HashMap<String, String>>,
    body: String,
) -> HttpResponse {
    assert_eq!(request.headers().get("content-type").unwrap(), "text/xml");
    let query = query.into_inner();
    let (timestamp, nonce) = (&query["timestamp"], &query["nonce"]);
    assert_eq!(query["signature"], sign(&[SANDBOX_TOKEN, timestamp, nonce]));
    let event = match between(&body, "<Encrypt><![CDATA[", "]]></Encrypt>") {
        Some(sealed) => {
            let parts = [SANDBOX_TOKEN, timestamp, nonce, sealed];
            assert_eq!(query["msg_signature"], sign(&parts));
            key().open(sealed, SANDBOX_APP_ID).unwrap()
        }
        None => body.clone(),
    };
    let received = Received { query, body, event };
    let next = stage.script.lock().unwrap().pop_front();
    let next = next.unwrap_or(Play::Answer(200, "success"));
    let reply = |text| {
        let field = |name: &str| {
            between(
                &received.event,
                &format!("<{name}><![CDATA["),
                &format!("]]></{name}>"),
            )
            .unwrap()
        };
        format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{}]]></FromUserName>\
             <CreateTime>1731000000</CreateTime><MsgType><![CDATA[text]]></MsgType>\
             <Content><![CDATA[{text}]]></Content></xml>",
            field("FromUserName"),
            field("ToUserName"),
        )
    };
    let (status, body) = match next {
        Play::Answer(status, body) => (status, body.to_owned()),
        Play::Clear(text) => (200, reply(text)),
        Play::Sealed(text, token) => {
            let sealed = key().seal(&reply(text), SANDBOX_APP_ID);
            let signature = sign(&[token, "1731000000", "7", &sealed]);
            let body = format!(
                "<xml><Encrypt><![CDATA[{sealed}]]></Encrypt><MsgSignature>{signature}</MsgSignature>\
                 <TimeStamp>1731000000</TimeStamp><Nonce>7</Nonce></xml>"
            );
            (200, body)
        }
        Play::Silence => {
            stage.received.send_modify(|all| all.push(received));
            return std::future::pending().await;
        }
    };
    stage.received.send_modify(|all| all.push(received));
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(body)
}

fn key() -> Key {
    Key::parse(SANDBOX_ENCODING_AES_KEY).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
