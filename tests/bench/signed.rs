//! What is signed: WeChat's messages, and our tokens.

use std::{hint::black_box, sync::Arc};

use criterion::Criterion;
use scangate::{
    backend::sqlite::Sqlite,
    clock::Clock,
    config::{self, AppId, MessageMode, MessagePush, Overrides},
    event::Via,
    token::{Device, Keys, Tokens},
    user::{Identity, Profile, UserStore},
    wechat::message::Inbox,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use url::form_urlencoded::Serializer;

const MESSAGES: &str = include_str!("../vectors/envelope_good.json");

/// A message of safe mode: its signature is checked, it is decrypted and read.
pub(crate) fn message(criterion: &mut Criterion) {
    let vectors: Value = serde_json::from_str(MESSAGES).unwrap();
    let case = &vectors["cases"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let inbox = Inbox::new(&MessagePush {
        app_id: text(&case["appid"]),
        token: text(&case["token"]).into(),
        key: Some(text(&case["encoding_aes_key"]).into()),
        previous_key: None,
        mode: MessageMode::Safe,
    });
    let inbox = inbox.unwrap();
    let parameters = case["query"].as_object().unwrap().iter();
    let parameters = parameters.map(|(name, value)| (name, value.as_str().unwrap()));
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let (body, now_s) = (text(&case["body"]), text(&case["query"]["timestamp"]));
    let now_s = now_s.parse().unwrap();
    assert!(inbox.open(&query, body.as_bytes(), now_s).is_ok());
    criterion.bench_function("signature: open a message", |bencher| {
        bencher.iter(|| inbox.open(black_box(&query), body.as_bytes(), now_s));
    });
}

/// An access token: signed with its session in a database in memory, and verified.
pub(crate) fn tokens(criterion: &mut Criterion) {
    let runtime = runtime();
    let config = config::load(&Overrides::default()).unwrap();
    let store = Arc::new(runtime.block_on(Sqlite::open(":memory:")).unwrap());
    let identity = Identity {
        app_id: "wx1".to_owned(),
        openid: "o1".to_owned(),
        unionid: None,
    };
    let profile = Profile::default();
    let user = runtime
        .block_on(store.enrol(&identity, &profile, 1))
        .unwrap();
    let (keys, clock) = (Keys::generate().unwrap(), Clock::new());
    let tokens = Tokens::new(&config, keys, store.clone(), store, Arc::new(()), clock);
    let (app, device) = (AppId::default_app(), Device::default());
    let open = async || {
        let stamp = tokens.stamp();
        let opened = tokens.open_session(&stamp, &user, &app, &device, &Via::Password);
        opened.await.unwrap()
    };
    criterion.bench_function("token: open a session", |bencher| {
        bencher.iter(|| runtime.block_on(open()));
    });
    let issued = runtime.block_on(open());
    criterion.bench_function("token: verify", |bencher| {
        bencher.iter(|| tokens.authenticate(black_box(issued.access_token.expose_secret())));
    });
}

/// For what waits.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
