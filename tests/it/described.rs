//! What the documents describe is what happens: every call succeeds here once, and a login is heard on every transport.
//! Each answer and each event of all the other tests is held to them too (`support/documents.rs`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    golden::written,
    lifecycle::text,
    number_match::{always, digits},
    support::{
        Answer, Browser, Caller, Gateway, PASSWORD, call,
        documents::{described_calls, described_messages, said, told},
        path,
        source::root,
        spawn_gateway, spawn_with_accounts,
    },
};

const ADMIN: &str = "an-admin-token-of-some-length";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test(flavor = "multi_thread")]
async fn every_call_succeeds_as_described() {
    let gateway = spawn_with_accounts(&[("server.admin_token", ADMIN)]).await;
    let mut answers = scenes().await;
    answers.extend(sessions(&gateway).await);
    answers.extend(accounts(&gateway).await);
    answers.extend(back_ends(&gateway).await);
    answers.extend(admin(&gateway).await);
    let mut seen: BTreeSet<_> = answers
        .into_iter()
        .filter_map(|answer| answer.described)
        .collect();
    gateway.browser().await;
    seen.insert(("GET /api/v1/ws".to_owned(), 101));
    let all: BTreeSet<_> = described_calls().into_iter().collect();
    assert_eq!(
        all.difference(&seen).collect::<Vec<_>>(),
        Vec::<&(String, u16)>::new()
    );
    gateway.stop().await;
}

/// With digits, so that there is something to verify.
async fn scenes() -> Vec<Answer> {
    let gateway = always().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let secret = Some(&pending["secret"]);
    let page = gateway.phone("zoe").confirm(text(&pending)).await;
    let verify = json!({ "code": digits(&page) });
    let calls = [
        gateway.post("/scenes", &json!({ "challenge": CHALLENGE })),
        caller.get(&path(&pending, ""), secret),
        caller.post(&path(&pending, "verify"), secret, &verify),
        caller.post(&path(&pending, "cancel"), secret, &json!({})),
        caller.get(&path(&pending, "events"), secret),
        caller.post(&path(&pending, "refresh"), secret, &json!({})),
    ];
    let mut answers = Vec::new();
    for request in calls {
        answers.push(call(request).await);
    }
    gateway.stop().await;
    answers
}

async fn sessions(gateway: &Gateway) -> Vec<Answer> {
    let config = call(gateway.get("/api/v1/config")).await;
    let first = gateway.login("lixiaolong").await;
    let other = gateway.login("lixiaolong").await;
    let picture = first.json["data"]["user"]["avatar"].as_str().unwrap();
    let picture = call(gateway.get(picture)).await;
    let refreshed = gateway.refresh(first.cookie()).await;
    let token = refreshed.token();
    let me = gateway.me(token).await;
    let list = call(gateway.get("/api/v1/sessions").bearer_auth(token)).await;
    let id = other.json["data"]["session_id"].as_str().unwrap();
    let end = gateway.method("DELETE", &format!("/api/v1/sessions/{id}"));
    let end = end.header("origin", gateway.origin()).json(&json!({}));
    let ended = call(end.bearer_auth(token)).await;
    let out = gateway.post("/auth/logout", &json!({ "everywhere": true }));
    let out = call(out.bearer_auth(token)).await;
    vec![config, first, picture, refreshed, me, list, ended, out]
}

async fn accounts(gateway: &Gateway) -> Vec<Answer> {
    let registered = gateway.register("bruce", PASSWORD).await;
    let signed_in = gateway.sign_in("bruce", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("wangfang").await;
    let body = json!({ "grant": authorized["grant"], "verifier": browser.verifier });
    let token = signed_in.token();
    let joined = call(gateway.post("/auth/join", &body).bearer_auth(token)).await;
    let changed = gateway
        .change_password(token, PASSWORD, "another horse, another battery")
        .await;
    // The same call with a token: it adds a password to who is there.
    let scanned = gateway.login("zoe").await;
    let added = gateway.add_password(scanned.token(), "zoe.s").await;
    vec![registered, signed_in, joined, changed, scanned, added]
}

async fn back_ends(gateway: &Gateway) -> Vec<Answer> {
    let login = gateway.login("lixiaolong").await;
    let mut answers = vec![call(gateway.get("/.well-known/jwks.json")).await];
    for tail in ["", "/default", "/default/orders/7"] {
        let verify = gateway.get(&format!("/api/v1/auth/verify{tail}"));
        answers.push(call(verify.bearer_auth(login.token())).await);
    }
    answers
}

async fn admin(gateway: &Gateway) -> Vec<Answer> {
    let url = |path: &str| format!("http://{}{path}", gateway.admin);
    let token = gateway.method("POST", &url("/wechat/access-token"));
    vec![
        call(gateway.get(&url("/livez"))).await,
        call(gateway.get(&url("/readyz"))).await,
        call(gateway.get(&url("/metrics"))).await,
        call(token.bearer_auth(ADMIN)).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_heard_as_described_on_every_transport() {
    let gateway = spawn_gateway().await;
    let logins = [
        by_socket(&gateway).await,
        by_stream(&gateway).await,
        by_poll(&gateway).await,
    ];
    let described = described_messages();
    for events in logins {
        events.iter().for_each(told);
        let words: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(words, ["pending", "scanned", "authorized"]);
        assert!(
            words
                .iter()
                .all(|word| described.iter().any(|other| word == other))
        );
    }
    gateway.stop().await;
}

/// Says what is described.
async fn say(tab: &mut Browser, command: Value) {
    said(&command);
    tab.say(command).await;
}

async fn by_socket(gateway: &Gateway) -> Vec<Value> {
    let mut tab = gateway.browser().await;
    let challenge = tab.challenge();
    say(
        &mut tab,
        json!({ "type": "start", "challenge": challenge, "locale": "en" }),
    )
    .await;
    let pending = tab.event("pending").await;
    gateway.phone("lixiaolong").confirm(text(&pending)).await;
    let scanned = tab.event("scanned").await;
    let authorized = tab.event("authorized").await;
    let (status, answer) = tab.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200, "{answer}");
    let mut channel = gateway.browser().await;
    let attach = json!({ "type": "attach", "access_token": answer["data"]["access_token"] });
    say(&mut channel, attach).await;
    channel.event("attached").await;
    vec![pending, scanned, authorized]
}

async fn by_stream(gateway: &Gateway) -> Vec<Value> {
    let (caller, tab) = (Caller::new(gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    let mut stream = caller.stream(&pending, None).await;
    let mut events = vec![stream.event("pending").await.data];
    gateway.phone("lixiaolong").confirm(text(&pending)).await;
    for name in ["scanned", "authorized"] {
        events.push(stream.event(name).await.data);
    }
    let (status, answer) = tab.redeem(&events[2]["grant"]).await;
    assert_eq!(status, 200, "{answer}");
    events
}

async fn by_poll(gateway: &Gateway) -> Vec<Value> {
    let (caller, tab) = (Caller::new(gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    let scanned = caller.poll(&pending, "after=1&wait=25").await.1["data"].clone();
    phone.press(&asks, "confirm").await;
    let authorized = caller.poll(&pending, "after=2&wait=25").await.1["data"].clone();
    let (status, answer) = tab.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200, "{answer}");
    vec![pending, scanned, authorized]
}

#[test]
fn the_golden_files_are_as_described() {
    let folder = root().join("tests/golden");
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name
            .strip_suffix(".json")
            .filter(|name| is_of_the_wire(name))
        else {
            continue;
        };
        let frames = match written(name) {
            Value::Array(all) => all,
            one => vec![one],
        };
        frames.iter().for_each(if name.starts_with("event-") {
            told
        } else {
            said
        });
        seen.insert(name.split_once('-').unwrap().1.to_owned());
    }
    assert_eq!(seen, described_messages().into_iter().collect());
}

fn is_of_the_wire(name: &str) -> bool {
    name.starts_with("event-") || name.starts_with("command-")
}
