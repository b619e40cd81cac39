//! What must not be said aloud: a whole login of a real process, with every line it can log.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
};

use scangate::{
    clock::Clock,
    config::{self, Overrides, SANDBOX_APP_SECRET},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
};

use crate::support::{Answer, Browser, Gateway, call, within};

/// The command, run as an operator runs it.
pub(crate) struct Process {
    child: Child,
    pub(crate) gateway: Gateway,
    log: Arc<Mutex<Vec<String>>>,
    read: tokio::task::JoinHandle<()>,
    _data: TempDir,
}

impl Process {
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let data_dir = format!("server.data_dir={}", data.path().display());
        let mut all = vec![
            "server.bind=127.0.0.1:0",
            "server.admin_bind=127.0.0.1:0",
            "sandbox.bind=127.0.0.1:0",
            "server.drain_delay_s=0",
            &data_dir,
        ];
        all.extend(settings);
        let mut child = Command::new(env!("CARGO_BIN_EXE_scangate"))
            .args(all.iter().flat_map(|setting| ["--set", setting]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let read = tokio::spawn(keep(child.stderr.take().unwrap(), log.clone()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = async |name: &str| loop {
            let line = within(name, lines.next_line()).await.unwrap().unwrap();
            if let Some(rest) = line.trim().strip_prefix(name) {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        let login = address("login page").await;
        let phone = address("phone").await;
        let admin = address("admin").await;
        let gateway = Gateway::elsewhere(&login, &admin, &phone, Clock::new());
        within("the process to be ready", gateway.ready()).await;
        Self {
            child,
            gateway,
            log,
            read,
            _data: data,
        }
    }

    /// Ends it as an operator does, and gives every line it said.
    pub(crate) async fn log(mut self) -> Vec<String> {
        let pid = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").arg(pid).status().await.unwrap();
        assert!(killed.success());
        let ended = within("the process to end", self.child.wait()).await;
        assert!(ended.unwrap().success(), "a clean end");
        within("its last line", self.read).await.unwrap();
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

async fn keep(lines: impl AsyncRead + Unpin, log: Arc<Mutex<Vec<String>>>) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().unwrap().push(line);
    }
}

/// What a login was made of, by name.
pub(crate) type Secrets = Vec<(&'static str, String)>;

/// A new person logs in, the page refreshes and asks who it is; everything that should be known to few.
async fn whole_login(gateway: &Gateway) -> (Value, Secrets) {
    let mut secrets: Secrets = Vec::new();
    let mut keep = |name, value: &str| {
        assert!(value.len() >= 16, "{name}: {value:?}");
        secrets.push((name, value.to_owned()));
    };
    let mut browser = Browser::open(gateway).await;
    let pending = browser.start().await;
    keep("scene secret", pending["secret"].as_str().unwrap());
    keep("verifier", &browser.verifier);

    let phone = gateway.steps("zoe");
    let first = phone
        .to_callback(pending["qr"]["text"].as_str().unwrap())
        .await;
    keep("phone cookie", &phone.cookie().unwrap());
    phone.open(&first).await;
    let asks = phone
        .open(pending["qr"]["text"].as_str().unwrap())
        .await
        .page;
    keep("form token", &asks.form("confirm").1[0].1);
    let second = phone.to_second_callback(&asks).await;
    phone.open(&second).await;
    for callback in [&first, &second] {
        for (name, value) in callback.query_pairs() {
            keep(
                if name == "code" {
                    "OAuth code"
                } else {
                    "OAuth state"
                },
                &value,
            );
        }
    }
    keep("second phone cookie", &phone.cookie().unwrap());

    browser.event("scanned").await;
    browser.leave().await;
    let verifier = std::mem::take(&mut browser.verifier);
    let mut browser = Browser::open(gateway).await;
    browser.resume(&pending, 2).await;
    let authorized = browser.event("authorized").await;
    keep("grant", authorized["grant"].as_str().unwrap());
    let redeemed = gateway.redeem(&authorized["grant"], &verifier).await;
    let refreshed = gateway.refresh(redeemed.cookie()).await;
    for answer in [&redeemed, &refreshed] {
        keep("access token", answer.token());
        keep("refresh token", value_of(answer.cookie()));
        assert_eq!(gateway.me(answer.token()).await.status, 200);
    }
    (pending, secrets)
}

fn value_of(cookie: &str) -> &str {
    cookie.split_once('=').unwrap().1
}

/// What goes wrong must not be told with its secrets either.
async fn whole_failure(gateway: &Gateway, secrets: &mut Secrets) {
    let pending = Browser::open(gateway).await.start().await;
    let phone = gateway.steps("wangfang");
    for fault in [
        json!({ "errcode": 40029 }),
        json!({ "reset": "after" }),
        json!({ "body": "{\"access_token\":\"" }),
    ] {
        gateway.strike("access_token", Some(fault)).await;
        let callback = phone
            .to_callback(pending["qr"]["text"].as_str().unwrap())
            .await;
        phone.open(&callback).await;
        let pairs = callback
            .query_pairs()
            .map(|(_, value)| ("failed callback", value.into_owned()));
        secrets.extend(pairs);
    }
    let mut wrong = |name, text: &str| -> String {
        secrets.push((name, text.to_owned()));
        text.to_owned()
    };
    let grant = wrong("wrong grant", "wrong-grant-0123456789");
    let verifier = wrong("wrong verifier", "wrong-verifier-0123456789");
    gateway.redeem(&json!(grant), &verifier).await;
    let body = wrong("broken body", "broken-body-0123456789");
    let broken = gateway
        .method("POST", "/api/v1/auth/token")
        .body(format!("{{\"grant\":\"{body}"));
    let answers: [Answer; 4] = [
        call(broken.header("content-type", "application/json")).await,
        gateway
            .refresh(&format!(
                "scangate={}",
                wrong("wrong cookie", "wrong-cookie-0123456789")
            ))
            .await,
        gateway
            .me(&wrong("wrong bearer", "wrong-bearer-0123456789"))
            .await,
        call(gateway.get(&format!(
            "/api/v1/scenes/x?t={}",
            wrong("query", "query-0123456789")
        )))
        .await,
    ];
    assert!(
        answers.iter().all(|answer| answer.status >= 400),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_logged() {
    for format in ["text", "json"] {
        let format = format!("telemetry.format={format}");
        let process = Process::start(&["telemetry.log=trace", &format]).await;
        let (_, mut secrets) = whole_login(&process.gateway).await;
        whole_failure(&process.gateway, &mut secrets).await;
        secrets.push(("app secret", SANDBOX_APP_SECRET.to_owned()));
        let log = process.log().await;
        assert!(log.len() > 500, "every line there is: {}", log.len());
        for line in &log {
            for (name, secret) in &secrets {
                assert!(!line.contains(secret.as_str()), "the {name}: {line}");
            }
            // WeChat's addresses hold the app's secret and people's tokens.
            for part in ["secret=", "access_token=", "openid="] {
                assert!(!line.contains(part), "an address: {line}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_runs_through_the_whole_login() {
    let process = Process::start(&["telemetry.log=scangate=debug", "telemetry.format=json"]).await;
    let (pending, _) = whole_login(&process.gateway).await;
    let trace = pending["trace_id"].as_str().unwrap().to_owned();
    let log = process.log().await;
    let has = |what: &str| {
        let found = log
            .iter()
            .filter(|line| line.contains(what) && line.contains(&trace));
        assert!(
            found.count() > 0,
            "no {what} with {trace}:\n{}",
            log.join("\n")
        );
    };
    has("scene opened");
    has("\"state\":\"scanned\"");
    has("\"state\":\"authorized\"");
    has("sns/oauth2/access_token");
    has("sns/userinfo");
    has("oauth return");
    let answered = log.iter().filter(|line| line.contains("WeChat answered"));
    assert_eq!(
        answered.filter(|line| line.contains(&trace)).count(),
        3,
        "every call"
    );
}

#[test]
fn the_configuration_shows_no_secret() {
    let secrets = [
        (
            "wechat.official_account.app_secret",
            "00000000000000000000000000005ec1",
        ),
        ("server.admin_token", "admin-token-of-this-test-0123456789"),
        ("store.url", "sqlite:///tmp/secret-place-of-this-test.db"),
    ];
    let set = secrets.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut overrides = Overrides {
        file: None,
        set: set.to_vec(),
    };
    overrides
        .set
        .push(("wechat.mode".to_owned(), "live".to_owned()));
    overrides.set.push((
        "wechat.official_account.app_id".to_owned(),
        "wx0123456789abcdef".to_owned(),
    ));
    let config = config::load(&overrides).unwrap();
    let (whole, pretty) = (format!("{config:?}"), format!("{config:#?}"));
    assert!(whole.contains("wx0123456789abcdef"), "{whole}");
    for (key, secret) in secrets {
        assert!(
            !whole.contains(secret) && !pretty.contains(secret),
            "{key}: {whole}"
        );
    }
    // Nor does a refusal.
    for (key, secret) in secrets {
        let mut wrong = overrides.clone();
        wrong.set.push((key.to_owned(), format!("{secret} \u{7}")));
        wrong
            .set
            .push(("server.bind".to_owned(), "nowhere".to_owned()));
        let error = config::load(&wrong).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }
}
