//! Whatever is asked for in whatever way, there is an answer, and it is not a panic.

use actix_web::{App, rt::System, test, web};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;
use crate::sandbox::{account::Accounts, address::Own, fault::ENDPOINTS, routes, shared::Shared};

/// Besides those of WeChat, which are the ones that can fail.
const OWN_PATHS: [&str; 18] = [
    "/connect/oauth2/confirm",
    "/connect/oauth2/reject",
    "/connect/qrconnect/confirm",
    "/connect/qrconnect/reject",
    "/connect/qrcode/u",
    "/phone",
    "/phone/open",
    "/phone/user",
    "/phone/scan",
    "/phone/say",
    "/sandbox/api/scan",
    "/sandbox/api/users",
    "/sandbox/api/accounts",
    "/sandbox/api/settings",
    "/sandbox/api/quotas",
    "/sandbox/api/faults",
    "/sandbox/api/push",
    "/sandbox/api/js_code",
];

fn path() -> impl Strategy<Value = &'static str> {
    let theirs = ENDPOINTS.into_iter().filter(|path| path.starts_with('/'));
    prop::sample::select(theirs.chain(OWN_PATHS).collect::<Vec<_>>())
}

const NAMES: [&str; 24] = [
    "appid",
    "secret",
    "access_token",
    "openid",
    "code",
    "js_code",
    "grant_type",
    "refresh_token",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "uuid",
    "ticket",
    "scan",
    "text",
    "user",
    "app_id",
    "action_name",
    "action_info",
    "expire_seconds",
    "page",
    "width",
    "lang",
];

/// Values that lead further than nonsense does; the last one is a token.
fn value(token: &str) -> impl Strategy<Value = String> + use<> {
    let known = [
        SANDBOX_APP_ID,
        SANDBOX_APP_SECRET,
        REDIRECT,
        "snsapi_base",
        "snsapi_login",
        "client_credential",
        "authorization_code",
        "QR_STR_SCENE",
        "lixiaolong",
        "http://weixin.qq.com/q/02",
        "gQE=",
        token,
    ];
    let known: Vec<String> = known.map(str::to_owned).into();
    prop_oneof![
        prop::sample::select(known),
        "(%[0-9A-F]{2}|[a-z0-9+/:._-]){0,24}",
    ]
}

fn query(token: &str) -> impl Strategy<Value = String> + use<> {
    let pair = (prop::sample::select(&NAMES[..]), value(token));
    let pairs = prop::collection::vec(pair, 0..8).prop_map(|pairs| {
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    });
    prop_oneof![3 => pairs, 1 => "[a-z0-9%&=+?/:_-]{0,60}"]
}

fn json(token: &str) -> impl Strategy<Value = Value> + use<> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        value(token).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
            Just("scene".to_owned()),
            Just("scene_str".to_owned()),
            Just("scene_id".to_owned()),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|object| object.into_iter().collect()),
        ]
    })
}

fn body(token: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    prop_oneof![
        json(token).prop_map(|value| value.to_string().into_bytes()),
        query(token).prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..64),
    ]
}

/// In this process, so that a panic of a handler is the test's.
#[test]
fn nothing_that_is_asked_for_is_beyond_an_answer() {
    let system = System::new();
    let (shared, service) = system.block_on(async {
        let config = config::Sandbox {
            bind: "127.0.0.1:8090".parse().unwrap(),
            allow_private: false,
            accounts: BTreeMap::new(),
        };
        let accounts = Accounts::new(&config).unwrap();
        let http = outbound::client().unwrap();
        let shared = Shared::new(Own(config.bind), accounts, Clock::new(), http);
        let shared = web::Data::new(shared);
        let app = App::new().configure(|config| routes(config, &shared));
        (shared.clone(), test::init_service(app).await)
    });
    let token = {
        let now = shared.clock.now();
        let issued = shared.lock().global_tokens.issue(SANDBOX_APP_ID, now);
        issued.token
    };
    let call = (
        path(),
        prop::sample::select(&["GET", "POST", "PUT", "DELETE"][..]),
        prop::sample::select(&["", "application/json", "application/x-www-form-urlencoded"][..]),
        query(&token),
        body(&token),
    );
    let mut runner = TestRunner::new(Config::with_cases(1000));
    let checked = runner.run(&call, |(path, method, kind, query, body)| {
        let request = test::TestRequest::with_uri(&format!("{path}?{query}"))
            .method(method.parse().unwrap())
            .insert_header(("Host", "127.0.0.1:8090"))
            .insert_header(("Content-Type", kind))
            .set_payload(body)
            .to_request();
        let response = system.block_on(test::call_service(&service, request));
        let status = response.status().as_u16();
        prop_assert!(status < 500, "{status}");
        let kind = response.headers().get("content-type").cloned();
        let body = system.block_on(test::read_body(response));
        let is_call = ["/sns/", "/cgi-bin/", "/wxa/"]
            .iter()
            .any(|part| path.starts_with(part));
        if is_call && path != "/cgi-bin/showqrcode" && kind.is_none_or(|kind| kind != "image/jpeg")
        {
            prop_assert_eq!(status, 200);
            let answer: Value = serde_json::from_slice(&body).unwrap();
            prop_assert!(answer.is_object());
        }
        Ok(())
    });
    checked.unwrap();
}
