//! Login events: what the company's other services are told, whatever fails.

use std::{collections::HashSet, fs, path::Path, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    golden::written,
    support::{
        Answer, Database, Gateway, Operator, Process, Receiver, Reply, Told, call, signed,
        spawn_gateway_with, within,
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OPENED: &str = "scangate.session.opened";

/// A gateway whose webhook leads there.
async fn telling(receiver: &Receiver) -> Gateway {
    let url = receiver.url();
    spawn_gateway_with(&[("webhooks.crm.url", &url), ("webhooks.crm.secret", SECRET)]).await
}

async fn log_out(gateway: &Gateway, login: &Answer) {
    let out = gateway.post("/auth/logout", &json!({}));
    let answer = call(out.header("cookie", login.cookie())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The lines of a file, once there are so many.
async fn lines(path: &Path, count: usize) -> Vec<Value> {
    let all = || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let there = async {
        while all().len() < count {
            tokio::task::yield_now().await;
        }
    };
    within("the events", there).await;
    all()
}

/// The names and the types of all that is in there.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shapes = fields
                .iter()
                .map(|(key, value)| (key.clone(), shape(value)));
            Value::Object(shapes.collect())
        }
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_is_told_as_it_is_written_down() {
    let operator = Operator::new();
    let file = operator.file("events.jsonl");
    let path = file.to_str().unwrap();
    let gateway = spawn_gateway_with(&[("events.jsonl", path)]).await;
    let login = gateway.login("lixiaolong").await;
    log_out(&gateway, &login).await;
    let told = lines(&file, 3).await;
    let kinds = ["user.created", "session.opened", "session.ended"];
    for (event, kind) in told.iter().zip(kinds) {
        let golden = written(&format!("login-event-{kind}"));
        let golden = golden.as_array().map_or(&golden, |all| &all[0]);
        assert_eq!(shape(event), shape(golden), "{event}");
        assert_eq!(event["type"], format!("scangate.{kind}"));
        assert_eq!(event["source"], gateway.url.as_str());
    }
    let data = &login.json["data"];
    let opened = &told[1]["data"];
    assert_eq!(told[0]["subject"], data["user"]["id"]);
    assert_eq!(told[1]["subject"], data["session_id"]);
    assert_eq!(opened["user_id"], data["user"]["id"]);
    assert_eq!(
        (&opened["flow"], &opened["ip"]),
        (&json!("h5"), &json!("127.0.0.1"))
    );
    assert_eq!(told[2]["data"]["reason"], "signed_out");
    let delivered = r#"scangate_events_total{sink="jsonl",outcome="delivered"}"#;
    gateway.until_metric(delivered, 3.0).await;
    let text = fs::read_to_string(&file).unwrap();
    for secret in [login.token(), login.cookie().split_once('=').unwrap().1] {
        assert!(!text.contains(secret));
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sink_nothing_is_kept() {
    let database = Database::create();
    let url = database.url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    gateway.login("lixiaolong").await;
    assert_eq!(database.sql("SELECT count(*) FROM events"), "0");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_failed_is_signed_and_sent_again() {
    let mut receiver = Receiver::start(&[Reply::Status(500), Reply::Status(302)]).await;
    let gateway = telling(&receiver).await;
    gateway.login("lixiaolong").await;
    let refused = [receiver.next().await, receiver.next().await];
    let kinds = refused.each_ref().map(Told::kind);
    assert_eq!(kinds, ["scangate.user.created", OPENED], "in order");
    let first = &refused[0];
    assert_eq!(
        first.headers["content-type"],
        "application/cloudevents+json"
    );
    assert_eq!(first.headers["webhook-id"], first.id());
    assert!(refused.iter().all(|told| signed(told, SECRET)));
    let failed = r#"scangate_events_total{sink="webhooks.crm",outcome="failed"}"#;
    gateway.until_metric(failed, 2.0).await;
    gateway.later(Duration::from_secs(7));
    let taken = [receiver.next().await, receiver.next().await];
    assert!(taken.iter().all(|told| signed(told, SECRET)));
    let bodies = |all: &[Told; 2]| HashSet::from(all.each_ref().map(|told| told.body.clone()));
    assert_eq!(bodies(&taken), bodies(&refused), "byte for byte");
    let delivered = r#"scangate_events_total{sink="webhooks.crm",outcome="delivered"}"#;
    gateway.until_metric(delivered, 2.0).await;
    gateway.stop().await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_or_chooses_holds_no_other_up() {
    let hangs = Receiver::start(&[Reply::Silence; 8]).await;
    let mut chooses = Receiver::start(&[]).await;
    let mut hears = Receiver::start(&[]).await;
    let (hung, chosen, heard) = (hangs.url(), chooses.url(), hears.url());
    let gateway = spawn_gateway_with(&[
        ("webhooks.hangs.url", &hung),
        ("webhooks.hangs.secret", SECRET),
        ("webhooks.chooses.url", &chosen),
        (
            "webhooks.chooses.secret",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        ),
        ("webhooks.chooses.previous_secret", SECRET),
        ("webhooks.chooses.types", "session.ended"),
        ("webhooks.hears.url", &heard),
        ("webhooks.hears.secret", SECRET),
    ])
    .await;
    let login = gateway.login("lixiaolong").await;
    log_out(&gateway, &login).await;
    let kinds = ["user.created", "session.opened", "session.ended"];
    let due: HashSet<_> = kinds.map(|kind| format!("scangate.{kind}")).into();
    let mut found = HashSet::new();
    while found != due {
        found.insert(hears.next().await.kind().to_owned());
    }
    let ended = chooses.next().await;
    assert_eq!(ended.kind(), "scangate.session.ended");
    let signatures: Vec<_> = ended.headers["webhook-signature"].split(' ').collect();
    assert_eq!(signatures.len(), 2);
    assert!(signed(&ended, SECRET), "by the key that was");
    assert!(chooses.rest().is_empty());
    // Whoever hangs is cut off.
    drop(hangs);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_gone_is_told_no_more_and_what_is_given_up_can_be_tried_again() {
    let operator = Operator::new();
    let store = operator.store_url();
    let mut receiver = Receiver::start(&[Reply::Status(410), Reply::Status(410)]).await;
    let url = receiver.url();
    let settings = [
        ("store.url", store.as_str()),
        ("webhooks.crm.url", &url),
        ("webhooks.crm.secret", SECRET),
        ("webhooks.crm.types", "session.opened"),
    ];
    let gateway = spawn_gateway_with(&settings).await;
    gateway.login("lixiaolong").await;
    let gone = receiver.next().await;
    let dead = r#"scangate_events_total{sink="webhooks.crm",outcome="dead"}"#;
    gateway.until_metric(dead, 1.0).await;
    gateway.login("wangfang").await;
    let listed = operator.events(&["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let sinks = json!([{ "sink": "webhooks.crm", "pending": 1, "dead": 1 }]);
    assert_eq!(listed["sinks"], sinks, "{listed}");
    let one = &listed["dead"][0];
    assert_eq!(
        (&one["id"], &one["error"]),
        (&json!(gone.id()), &json!("it answered 410"))
    );
    gateway.stop().await;
    assert!(receiver.rest().is_empty());

    let said = operator.events(&["retry", "--sink", "webhooks.crm"]).await;
    assert_eq!(said, "1 to be tried again.\n");
    receiver.reply(&[]);
    let said = operator.events(&["list"]).await;
    assert_eq!(said, "webhooks.crm  2 waiting, 0 given up\n");
    // A start asks whether it is still gone.
    let gateway = spawn_gateway_with(&settings).await;
    assert_eq!(receiver.next().await.json["type"], OPENED);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_told_once_though_it_is_put_twice() {
    let database = Database::create();
    let store = database.url();
    let mut receiver = Receiver::start(&[]).await;
    let url = receiver.url();
    let gateway = spawn_gateway_with(&[
        ("store.url", &store),
        ("webhooks.crm.url", &url),
        ("webhooks.crm.secret", SECRET),
    ])
    .await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    browser.event("scanned").await;
    phone.press(&asks, "reject").await;
    let rejected = browser.event("rejected").await;
    let told = receiver.next_of("scangate.login.rejected").await;
    let (scene, seq) = (rejected["scene"].as_str().unwrap(), &rejected["seq"]);
    assert_eq!(told.id(), format!("{scene}-{seq}"));
    assert_eq!(told.json["subject"], scene);
    assert_eq!(told.json["data"]["by"], "user");
    assert_eq!(told.json["data"]["trace_id"], rejected["trace_id"]);

    // As if the step had not been followed by its event: the scene brings it before it is forgotten.
    database.sql("DELETE FROM events");
    gateway.later(Duration::from_secs(301));
    let again = receiver.next_of("scangate.login.rejected").await;
    assert_eq!(again.body, told.body, "the same event, byte for byte");
    gateway
        .until_metric(r#"scangate_scenes{state="rejected"}"#, 0.0)
        .await;
    let all = "SELECT count(*) FROM events WHERE type = 'login.rejected'";
    assert_eq!(database.sql(all), "1");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_loses_no_event() {
    let (database, keys) = (Database::create(), tempfile::tempdir().unwrap());
    let mut receiver = Receiver::start(&[Reply::Silence]).await;
    let settings = [
        format!("store.url={}", database.url()),
        format!("token.key_dir={}", keys.path().display()),
        format!("webhooks.crm.url={}", receiver.url()),
        format!("webhooks.crm.secret={SECRET}"),
        "webhooks.crm.types=session.opened".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let process = Process::start(&settings).await;
    let login = process.gateway().login("lixiaolong").await;
    let first = receiver.next().await;
    // The receiver has it, and nobody knows: killed between commit and delivery.
    process.kill().await;
    let waiting = "SELECT count(*) FROM events WHERE delivered_at IS NULL";
    assert_eq!(database.sql(waiting), "1");
    // The lease runs out.
    database.sql("UPDATE events SET due_at = 0");
    let process = Process::start(&settings).await;
    let second = receiver.next().await;
    assert_eq!(second.id(), first.id(), "duplicates are marked by id");
    assert_eq!(second.json["data"], first.json["data"]);
    let session = &login.json["data"]["session_id"];
    assert_eq!(second.json["subject"], *session);
    let delivered = async { while database.sql(waiting) != "0" {} };
    within("the delivery to be kept", delivered).await;
    assert!(process.terminate().await.success());
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_on_one_database_share_the_work() {
    const LOGINS: usize = 12;
    let (database, keys) = (Database::create(), tempfile::tempdir().unwrap());
    let mut receiver = Receiver::start(&[]).await;
    let (store, url) = (database.url(), receiver.url());
    let settings = [
        ("store.url", store.as_str()),
        ("token.key_dir", keys.path().to_str().unwrap()),
        ("token.issuer", "https://login.example.com"),
        ("webhooks.crm.url", &url),
        ("webhooks.crm.secret", SECRET),
        ("webhooks.crm.types", "session.opened"),
    ];
    let gateways = [
        spawn_gateway_with(&settings).await,
        spawn_gateway_with(&settings).await,
    ];
    let logins = (0..LOGINS).map(|nth| gateways[nth % 2].login("lixiaolong"));
    let logins = join_all(logins).await;
    let opened: HashSet<_> = logins
        .iter()
        .map(|login| {
            login.json["data"]["session_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let mut told = HashSet::new();
    while told.len() < LOGINS {
        let Told { json, .. } = receiver.next().await;
        let subject = json["subject"].as_str().unwrap().to_owned();
        assert!(
            told.insert(subject),
            "nothing failed, so nothing comes twice: {json}"
        );
    }
    assert_eq!(told, opened);
    for gateway in gateways {
        gateway.stop().await;
    }
    let waiting = "SELECT count(*) FROM events WHERE delivered_at IS NULL";
    assert_eq!(database.sql(waiting), "0");
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_erased_beside_the_gateway_is_told_and_their_devices_are_not_kept() {
    let operator = Operator::new();
    let store = operator.store_url();
    let mut receiver = Receiver::start(&[]).await;
    let url = receiver.url();
    let gateway = spawn_gateway_with(&[
        ("store.url", store.as_str()),
        ("webhooks.crm.url", &url),
        ("webhooks.crm.secret", SECRET),
    ])
    .await;
    let login = gateway.login("lixiaolong").await;
    let id = login.json["data"]["user"]["id"].as_str().unwrap();
    let opened = receiver.next_of(OPENED).await;
    let trace_id = opened.json["data"]["trace_id"].as_str().unwrap();
    assert!(operator.finds(trace_id));
    // The command knows no webhook; the database does.
    operator.does(&["erase", id, "--yes"]).await;
    let ended = receiver.next_of("scangate.session.ended").await;
    assert_eq!(ended.json["data"]["reason"], "erased");
    let erased = receiver.next_of("scangate.user.erased").await;
    assert_eq!(erased.json["subject"], id);
    assert!(
        !operator.finds(trace_id),
        "where they signed in is forgotten"
    );
    gateway.stop().await;
}
