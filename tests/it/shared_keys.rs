//! One set of keys for all gateways of a database, wrapped with `token.master_key`.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use jsonwebtoken::decode_header;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Answer, Database, Gateway, Process, Redis, call, keys_command_with, refused_process,
    respawn_gateway_with, spawn_gateway_with, within,
};

/// More than the gateway waits before it looks at its keys again.
const A_LOOK: Duration = Duration::from_secs(6);

const ISSUER: (&str, &str) = ("token.issuer", "https://login.example.com");

/// A database, and the file with the key that wraps what is secret there.
struct Company {
    database: Database,
    files: TempDir,
    url: String,
}

impl Company {
    fn new() -> Self {
        let (database, files) = (Database::create(), tempfile::tempdir().unwrap());
        let url = database.url();
        fs::write(
            files.path().join("master.key"),
            "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n",
        )
        .unwrap();
        Self {
            database,
            files,
            url,
        }
    }

    fn master_key(&self) -> String {
        let path = self.files.path().join("master.key");
        path.display().to_string()
    }

    async fn gateway(&self) -> Gateway {
        self.gateway_with(&[]).await
    }

    /// A gateway whose key directory is not there, and cannot be made.
    async fn gateway_with(&self, settings: &[(&str, &str)]) -> Gateway {
        let master_key = self.master_key();
        let ours = [
            ("store.url", self.url.as_str()),
            ("token.master_key_file", &master_key),
            ("token.key_dir", "/proc/scangate/keys"),
            ISSUER,
        ];
        spawn_gateway_with(&[&ours[..], settings].concat()).await
    }

    /// `scangate keys`, to its end.
    async fn keys(&self, words: &[&str]) -> std::process::Output {
        let settings = [
            format!("store.url={}", self.url),
            format!("token.master_key_file={}", self.master_key()),
        ];
        keys_command_with(&settings, words).await
    }
}

fn kid(answer: &Answer) -> String {
    decode_header(answer.token()).unwrap().kid.unwrap()
}

async fn published(gateway: &Gateway) -> BTreeSet<String> {
    let set = call(gateway.get("/.well-known/jwks.json")).await.json;
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gateway_gives_out_another_accepts() {
    let company = Company::new();
    let (one, other) = tokio::join!(company.gateway(), company.gateway());
    assert_eq!(published(&one).await, published(&other).await);
    let session = one.login("lixiaolong").await;
    assert_eq!(other.me(session.token()).await.status, 200);
    let next = other.refresh(session.cookie()).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(one.me(next.token()).await.status, 200);
    one.stop().await;
    other.stop().await;

    let third = company.gateway().await;
    assert_eq!(third.refresh(next.cookie()).await.status, 200);
    assert_eq!(kid(&third.login("zoe").await), kid(&session));
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_reaches_every_gateway() {
    let company = Company::new();
    let before = company.keys(&["rotate"]).await;
    let said = String::from_utf8_lossy(&before.stderr);
    assert!(said.contains("the database of store.url has no keys"));
    assert_eq!(before.status.code(), Some(1));
    let (one, other) = tokio::join!(company.gateway(), company.gateway());
    let session = one.login("lixiaolong").await;

    let rotated = company.keys(&["rotate", "--now"]).await;
    assert!(rotated.status.success(), "{rotated:?}");
    for gateway in [&one, &other] {
        gateway.later(A_LOOK);
        let both = async { while published(gateway).await.len() < 2 {} };
        within("the next key", both).await;
    }
    let here = one.refresh(session.cookie()).await;
    let there = other.login("zoe").await;
    assert_eq!(kid(&here), kid(&there));
    assert_ne!(kid(&here), kid(&session));

    let revoked = company.keys(&["rotate", "--revoke"]).await;
    assert!(revoked.status.success(), "{revoked:?}");
    let listed = company.keys(&["list", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let last = listed["keys"][0]["kid"].as_str().unwrap().to_owned();
    for gateway in [&one, &other] {
        gateway.later(A_LOOK);
        let alone = async { while published(gateway).await != [last.clone()].into() {} };
        within("the others to go", alone).await;
        assert_eq!(gateway.me(here.token()).await.code(), 40100);
    }
    assert_eq!(kid(&other.refresh(there.cookie()).await), last);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_stays_so_when_the_keys_move_into_the_database() {
    let company = Company::new();
    let store = ("store.url", company.url.as_str());
    let gateway = spawn_gateway_with(&[store, ISSUER]).await;
    let session = gateway.login("lixiaolong").await;
    let data = gateway.stop().await;
    let written = contents(data.path());

    let master_key = company.master_key();
    let master_key = ("token.master_key_file", master_key.as_str());
    let gateway = respawn_gateway_with(data, &[store, ISSUER, master_key]).await;
    assert_eq!(gateway.me(session.token()).await.status, 200);
    let next = gateway.refresh(session.cookie()).await;
    assert_eq!((next.status, kid(&next)), (200, kid(&session)));
    let data = gateway.stop().await;
    assert_eq!(contents(data.path()), written, "only read");

    let elsewhere = company.gateway().await;
    assert_eq!(elsewhere.refresh(next.cookie()).await.status, 200);
    elsewhere.stop().await;
}

/// The files of the keys.
fn contents(data: &Path) -> BTreeSet<(String, String)> {
    let files = fs::read_dir(data.join("keys")).unwrap();
    let files = files.map(|file| {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    });
    files.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_another_master_key_does_not_start() {
    let company = Company::new();
    company.gateway().await.stop().await;
    let kept = "SELECT md5(sealed) FROM sealed_keys";
    let before = company.database.sql(kept);
    let store = format!("store.url={}", company.url);
    let other = "token.master_key=zc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc0=";
    let output = refused_process(&[&store, other, "telemetry.log=error"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("token.master_key: the keys in the database"));
    assert!(said.contains("set the one that the other gateways have"));
    assert!(!said.contains("zc3Nzc"), "{said}");
    assert_eq!(company.database.sql(kept), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_other_keys_is_not_ready_until_the_others_have_gone() {
    let (company, redis) = (Company::new(), Redis::start());
    let cluster = ("cluster.url", redis.url());
    let gateway = company.gateway_with(&[(cluster.0, &cluster.1)]).await;

    // Its master key was forgotten.
    let settings = [
        format!("cluster.url={}", redis.url()),
        format!("store.url={}", company.url),
        format!("{}={}", ISSUER.0, ISSUER.1),
        "telemetry.log=error".to_owned(),
    ];
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let (mut stranger, mut log) = Process::begin(&settings);
    stranger.welcomed().await;
    let differ = async { while !stranger.readiness().await.1.contains("keys differ") {} };
    within("the keys to differ", differ).await;
    assert_eq!(stranger.readiness().await.0, 503);
    let line = within("the log", log.next_line()).await.unwrap().unwrap();
    assert!(line.contains("give all of them the same token.master_key"));
    assert_eq!(gateway.readiness().await, 200);

    let alike = company.gateway_with(&[(cluster.0, &cluster.1)]).await;
    alike.stop().await;
    gateway.stop().await;
    // As a minute does.
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let forget = redis::cmd("DEL").arg("scangate:agreement:keys").to_owned();
    let gone: u32 = forget.query_async(&mut connection).await.unwrap();
    assert_eq!(gone, 1);
    let joined = async { while stranger.readiness().await.0 != 200 {} };
    within("the stranger to be ready", joined).await;
    assert!(stranger.terminate().await.success());
}
