//! WeChat breaks in every way it can, at every call of a login: somebody is told in time, no code is shown to it
//! twice, and the next try works.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answer, Gateway, Step, Steps, call, parameter, spawn_gateway, spawn_gateway_with, types,
};

/// Longer than a call may take, with what a busy machine adds.
const BOUND: Duration = Duration::from_secs(9);
const CUT_OFF: &str = r#"{"access_token":"37_x","expires_in":7200,"openid":"oX"#;
const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

/// What goes wrong, and what the browser is told of it.
fn faults() -> Vec<(Value, u64)> {
    vec![
        (json!({ "errcode": -1 }), 50200),
        (json!({ "status": 502, "body": PAGE }), 50200),
        (json!({ "body": PAGE }), 50200),
        (json!({ "body": "" }), 50200),
        (json!({ "body": CUT_OFF }), 50200),
        (json!({ "reset": "before" }), 50201),
        (json!({ "reset": "after" }), 50201),
    ]
}

/// A call of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// h5: who scanned.
    Scan,
    /// h5: the same person, with name and picture.
    Consent,
    /// h5: name and picture.
    Name,
    /// website: who it is.
    Site,
    /// website: name and picture.
    SiteName,
    /// `official_account`: the account's token.
    Token,
    /// `official_account`: the code.
    Code,
}

const ALL: [Ask; 7] = [
    Ask::Scan,
    Ask::Consent,
    Ask::Name,
    Ask::Site,
    Ask::SiteName,
    Ask::Token,
    Ask::Code,
];

impl Ask {
    const fn endpoint(self) -> &'static str {
        match self {
            Self::Scan | Self::Consent | Self::Site => "access_token",
            Self::Name | Self::SiteName => "userinfo",
            Self::Token => "stable_token",
            Self::Code => "create",
        }
    }

    /// How often it is asked. Of a broken exchange nobody knows whether the code is spent, of a broken creation whether
    /// the quota is.
    fn times(self, fault: &Value) -> u64 {
        let spends = matches!(self.endpoint(), "access_token" | "create");
        if spends && fault["errcode"] != -1 {
            1
        } else {
            3
        }
    }

    const fn is_website(self) -> bool {
        matches!(self, Self::Site | Self::SiteName)
    }

    /// The login up to the moment before the call.
    async fn ready(self, gateway: &Gateway) -> Ready {
        let steps = gateway.steps("zoe");
        let (pending, url) = match self {
            Self::Scan | Self::Consent | Self::Name => {
                let pending = steps.start(gateway, json!({ "flow": "h5" })).await;
                let url = match self {
                    Self::Scan => steps.to_callback(text(&pending)).await,
                    _ => {
                        let asks = steps.scan(text(&pending)).await;
                        steps.to_second_callback(&asks).await
                    }
                };
                (pending, Some(url))
            }
            Self::Site | Self::SiteName => {
                let pending = steps.start_website(gateway).await;
                let url = steps.to_website_callback(gateway, &pending, "zoe").await;
                (pending, Some(url))
            }
            Self::Token | Self::Code => {
                if self == Self::Code {
                    assert_eq!(wanted(gateway).await.status, 201);
                } else {
                    gateway.later(Duration::from_secs(7_200));
                }
                (Value::Null, None)
            }
        };
        Ready {
            ask: self,
            steps,
            pending,
            url,
        }
    }
}

/// A login, and the callback that is not opened yet.
struct Ready {
    ask: Ask,
    steps: Steps,
    pending: Value,
    url: Option<Url>,
}

impl Ready {
    async fn open(&self) -> Step {
        let url = self.url.as_ref().unwrap();
        if self.ask.is_website() {
            self.steps.open_framed(url).await
        } else {
            self.steps.follow(url).await
        }
    }

    /// WeChat fails now. Everybody is told in time.
    async fn fails(&self, gateway: &Gateway, fault: &Value, code: u64) {
        let mut fault = fault.clone();
        fault["times"] = json!(self.ask.times(&fault));
        let endpoint = self.ask.endpoint();
        gateway.strike(endpoint, Some(fault.clone())).await;
        let told = tokio::time::timeout(BOUND, self.told(gateway, code)).await;
        assert!(told.is_ok(), "{:?} {fault}: it takes too long", self.ask);
        let left = gateway.faults_left(endpoint).await;
        assert_eq!(left.len(), 1, "{:?} {fault}: asked less", self.ask);
        if self.url.is_some() {
            let again = self.open().await;
            assert_eq!(again.page.status, self.status(), "a duplicate: {again:?}");
        }
        let passed = gateway.passed(endpoint).await;
        assert_eq!(passed, 0, "{:?} {fault}: asked more", self.ask);
        gateway.faults(json!([])).await;
    }

    const fn status(&self) -> u16 {
        match self.ask {
            Ask::Scan => 502,
            _ => 410,
        }
    }

    async fn told(&self, gateway: &Gateway, code: u64) {
        let ask = self.ask;
        if self.url.is_none() {
            let answer = wanted(gateway).await;
            let status = u16::try_from(code / 100).unwrap();
            assert_eq!((answer.status, answer.code()), (status, code), "{ask:?}");
            return;
        }
        let step = self.open().await;
        assert_eq!(step.page.status, self.status(), "{ask:?}: {step:?}");
        let now = gateway.now(&self.pending).await;
        if ask == Ask::Scan {
            assert_eq!(now["seq"], 1, "a stranger's phone may do that: {now}");
            return;
        }
        assert_eq!(now["type"], "failed", "{ask:?}: {now}");
        assert_eq!(now["error"]["code"], code, "{ask:?}: {now}");
    }

    /// WeChat is well again: the same browser begins again, or the phone scans again.
    async fn begins_again(&self, gateway: &Gateway) {
        match self.ask {
            Ask::Scan => {
                self.steps.scan(text(&self.pending)).await;
                gateway.stands_at(&self.pending, "scanned", 2).await;
            }
            Ask::Consent | Ask::Name => {
                let new = gateway.refreshed(&self.pending).await;
                gateway.phone("lixiaolong").confirm(text(&new)).await;
                gateway.stands_at(&new, "authorized", 3).await;
            }
            Ask::Site | Ask::SiteName => {
                let new = gateway.refreshed(&self.pending).await;
                let steps = &self.steps;
                let url = steps.to_website_callback(gateway, &new, "lixiaolong").await;
                steps.open_framed(&url).await.says(200, "");
                gateway.stands_at(&new, "authorized", 2).await;
            }
            Ask::Token | Ask::Code => {
                // What passes by itself is asked for again after a second.
                gateway.later(Duration::from_secs(1));
                let answer = wanted(gateway).await;
                assert_eq!(answer.status, 201, "{:?}: {answer:?}", self.ask);
            }
        }
    }
}

/// Somebody wants a code of the official account.
async fn wanted(gateway: &Gateway) -> Answer {
    let body = json!({
        "challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "flow": "official_account",
    });
    call(gateway.post("/scenes", &body)).await
}

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

/// Each fault at a gateway of its own.
async fn all_faults_at(asks: &[Ask]) {
    let one = async |(fault, code): (Value, u64)| {
        let gateway = spawn_gateway().await;
        for &ask in asks {
            let login = ask.ready(&gateway).await;
            login.fails(&gateway, &fault, code).await;
            login.begins_again(&gateway).await;
        }
        gateway.stop().await;
    };
    join_all(faults().into_iter().map(one)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_h5_flow() {
    all_faults_at(&[Ask::Scan, Ask::Consent, Ask::Name]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_website_flow() {
    all_faults_at(&[Ask::Site, Ask::SiteName]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_official_account_flow() {
    all_faults_at(&[Ask::Token, Ask::Code]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_slow() {
    let one = async |ask: Ask| {
        let gateway = spawn_gateway().await;
        let login = ask.ready(&gateway).await;
        // On the sandbox's clock, which nobody moves meanwhile.
        let slow = json!({ "latency_ms": 60_000 });
        login.fails(&gateway, &slow, 50400).await;
        gateway.sandbox_later(60).await;
        login.begins_again(&gateway).await;
        gateway.stop().await;
    };
    join_all(ALL.map(one)).await;
}

/// `confirm = none`: who it is takes a call after the scan.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_scan_is_the_login() {
    let one = async |(fault, code): (Value, u64)| {
        let settings = [("wechat.official_account.confirm", "none")];
        let gateway = spawn_gateway_with(&settings).await;
        let mut tab = gateway.browser().await;
        let pending = tab.start_official().await;
        let mut struck = fault.clone();
        struck["times"] = json!(3);
        gateway.strike("follower", Some(struck)).await;
        gateway.scan_code("lixiaolong", &pending).await;
        let story = tab.story("failed").await;
        assert_eq!(types(&story), ["scanned", "failed"]);
        assert_eq!(story[1]["error"]["code"], code, "{fault}: {story:?}");
        let left = gateway.faults_left("follower").await.len();
        assert_eq!(left, 1, "{fault}: asked less");
        assert_eq!(gateway.passed("follower").await, 0, "{fault}: asked more");
        gateway.faults(json!([])).await;
        tab.say(json!({ "type": "refresh" })).await;
        let pending = tab.event("pending").await;
        gateway.scan_code("lixiaolong", &pending).await;
        let story = tab.story("authorized").await;
        assert_eq!(types(&story), ["scanned", "authorized"]);
        gateway.stop().await;
    };
    join_all(faults().into_iter().map(one)).await;
}

/// While another flow stands in, nobody is told of anything.
#[tokio::test(flavor = "multi_thread")]
async fn where_another_flow_stands_in() {
    let one = async |(fault, _): (Value, u64)| {
        let settings = [("wechat.official_account.fallback_flow", "h5")];
        let gateway = spawn_gateway_with(&settings).await;
        for ask in [Ask::Token, Ask::Code] {
            ask.ready(&gateway).await;
            gateway.strike(ask.endpoint(), Some(fault.clone())).await;
            let answer = wanted(&gateway).await;
            assert_eq!(answer.status, 201, "{ask:?} {fault}: {answer:?}");
            assert_eq!(answer.json["data"]["flow"], "h5", "{ask:?} {fault}");
            gateway.faults(json!([])).await;
            gateway.later(Duration::from_secs(3));
            let answer = wanted(&gateway).await;
            assert_eq!(answer.json["data"]["flow"], "official_account");
        }
        gateway.stop().await;
    };
    join_all(faults().into_iter().map(one)).await;
}

/// A success whose bytes never arrived: the code is spent, and says so when it is shown to WeChat once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_spent_for_nothing_helps_nobody() {
    let gateway = spawn_gateway().await;
    let login = Ask::Site.ready(&gateway).await;
    let lost = json!({ "reset": "after" });
    login.fails(&gateway, &lost, 50201).await;
    let code = parameter(login.url.as_ref().unwrap(), "code");
    let url = format!(
        "http://{}/sns/oauth2/access_token?appid={}&secret={}&code={code}&grant_type=authorization_code",
        gateway.sandbox,
        scangate::config::SANDBOX_WEBSITE_APP_ID,
        scangate::config::SANDBOX_WEBSITE_APP_SECRET,
    );
    let spent = call(gateway.get(&url)).await;
    assert_eq!(spent.json["errcode"], 40163, "{spent:?}");
    gateway.stop().await;
}
