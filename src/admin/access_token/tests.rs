use std::{sync::Arc, time::Duration};

use actix_web::{body::to_bytes, error::PayloadError, test::TestRequest};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    clock::Clock,
    config::TokenEndpoint,
    outbound,
    tasks::Tasks,
    wechat::{
        Account, AccountKind, Api,
        fake::{Fake, Play, json},
    },
};

const ADMIN: &str = "an-admin-token-of-some-length";

struct World {
    fake: Fake,
    clock: Clock,
    handout: Handout,
}

struct Told {
    status: u16,
    headers: header::HeaderMap,
    json: Value,
}

impl World {
    async fn new(admin_token: Option<&str>, script: Vec<Play>) -> Self {
        let (fake, clock) = (Fake::start(script).await, Clock::new());
        let client = outbound::client().unwrap();
        let api = Api::new(client, fake.base(), clock.clone(), Arc::new(|_, _, _| {}));
        let account = Account {
            kind: AccountKind::OfficialAccount,
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: "5ec3e75ec3e75ec3e75ec3e75ec3e7ff".into(),
        };
        let authority = Authority::new(
            api,
            account,
            TokenEndpoint::Stable,
            clock.clone(),
            Tasks::new(),
            None,
        );
        let handout = Handout {
            authority: Some(authority),
            admin_token: admin_token.map(Into::into),
        };
        Self {
            fake,
            clock,
            handout,
        }
    }

    async fn ask(&self, authorization: Option<&str>, body: &str) -> Told {
        self.send(authorization, Ok(body.to_owned().into())).await
    }

    async fn admin(&self, body: &str) -> Told {
        self.ask(Some(&format!("Bearer {ADMIN}")), body).await
    }

    async fn send(
        &self,
        authorization: Option<&str>,
        body: Result<web::Bytes, actix_web::Error>,
    ) -> Told {
        let mut req = TestRequest::post();
        if let Some(authorization) = authorization {
            req = req.insert_header((header::AUTHORIZATION, authorization));
        }
        let response = self.handout.answer(&req.to_http_request(), body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap();
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        Told {
            status,
            headers,
            json,
        }
    }
}

fn token(text: &str) -> Play {
    json(&format!(r#"{{"access_token":"{text}","expires_in":7200}}"#))
}

fn stale(token: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(token).into();
    json!({ "stale_sha256": ids::hex(&digest) }).to_string()
}

#[tokio::test]
async fn a_service_gets_the_token_that_the_gateway_uses() {
    let world = World::new(Some(ADMIN), vec![token("T1"), token("T2")]).await;
    for body in ["", "{}", r#"{"stale_sha256":null}"#, r#"{"more":1}"#] {
        let told = world.admin(body).await;
        assert_eq!(told.status, 200, "{}", told.json);
        assert_eq!(told.json["access_token"], "T1");
        assert_eq!(told.json["appid"], "wx0123456789abcdef");
        let left = told.json["expires_in"].as_u64().unwrap();
        assert!((7_190..=7_200).contains(&left));
    }
    let scheme = format!("bearer {ADMIN}");
    assert_eq!(world.ask(Some(&scheme), "").await.status, 200);
    assert_eq!(world.fake.requests().len(), 1);
}

#[tokio::test]
async fn only_the_admin_token_opens_it() {
    let world = World::new(Some(ADMIN), vec![token("T1")]).await;
    let longer = format!("Bearer {ADMIN}x");
    let basic = format!("Basic {ADMIN}");
    for shown in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer an-admin-token"),
        Some(longer.as_str()),
        Some(basic.as_str()),
        Some(ADMIN),
    ] {
        let told = world.ask(shown, "not even read").await;
        assert_eq!(told.status, 401, "{shown:?}");
        assert_eq!(told.json["error"]["code"], 40100);
        assert_eq!(told.json["error"]["name"], "unauthenticated");
        assert_eq!(
            told.headers.get(header::WWW_AUTHENTICATE).unwrap(),
            "Bearer"
        );
    }
    assert!(world.fake.requests().is_empty());
}

#[tokio::test]
async fn without_an_admin_token_there_is_no_such_call() {
    for none in [None, Some("")] {
        let world = World::new(none, vec![token("T1")]).await;
        for shown in [None, Some("Bearer "), Some("Bearer x")] {
            let told = world.ask(shown, "").await;
            assert_eq!(
                (told.status, &told.json["error"]["code"]),
                (404, &json!(40400))
            );
        }
        assert!(world.fake.requests().is_empty());
    }
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_refused() {
    let world = World::new(Some(ADMIN), vec![token("T1")]).await;
    for body in [
        "[]x",
        "{",
        r#"{"stale_sha256":"ab"}"#,
        r#"{"stale_sha256":7}"#,
        r#"{"stale_sha256":""}"#,
    ] {
        let told = world.admin(body).await;
        assert_eq!(
            (told.status, &told.json["error"]["code"]),
            (400, &json!(40000))
        );
    }
    let shown = format!("Bearer {ADMIN}");
    let much = world
        .send(Some(&shown), Err(PayloadError::Overflow.into()))
        .await;
    assert_eq!(
        (much.status, &much.json["error"]["code"]),
        (413, &json!(41300))
    );
    assert!(world.fake.requests().is_empty());
}

#[tokio::test]
async fn only_the_current_token_is_healed_and_not_at_will() {
    let script = vec![token("T1"), token("T2"), token("T3")];
    let world = World::new(Some(ADMIN), script).await;
    world.admin("").await;
    assert_eq!(world.admin(&stale("T0")).await.json["access_token"], "T1");
    assert_eq!(world.fake.requests().len(), 1, "T0 is not current");
    let upper = stale("T1")
        .to_ascii_uppercase()
        .replace("STALE_SHA256", "stale_sha256");
    assert_eq!(world.admin(&upper).await.json["access_token"], "T2");
    assert_eq!(world.admin(&stale("T1")).await.json["access_token"], "T2");
    let early = world.admin(&stale("T2")).await;
    assert_eq!(
        (early.status, &early.json["error"]["code"]),
        (502, &json!(50200))
    );
    let wait = early
        .headers
        .get(header::RETRY_AFTER)
        .unwrap()
        .to_str()
        .unwrap();
    assert!((1..=30).contains(&wait.parse::<u32>().unwrap()));
    assert_eq!(world.fake.requests().len(), 2);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.admin(&stale("T2")).await.json["access_token"], "T3");
}

#[tokio::test]
async fn what_wechat_refuses_is_told_with_its_reason() {
    let refusal = r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.9, not in whitelist"}"#;
    let world = World::new(Some(ADMIN), vec![json(refusal)]).await;
    let told = world.admin("").await;
    assert_eq!(told.status, 502);
    let error = &told.json["error"];
    assert_eq!(
        (&error["code"], &error["errcode"]),
        (&json!(50200), &json!(40164))
    );
    assert!(error["advice"].as_str().unwrap().contains("allow-list"));
    let again = world.admin("").await;
    let wait = again
        .headers
        .get(header::RETRY_AFTER)
        .unwrap()
        .to_str()
        .unwrap();
    assert!((25..=30).contains(&wait.parse::<u32>().unwrap()));
    assert_eq!(world.fake.requests().len(), 1, "stopped");

    let world = World::new(Some(ADMIN), vec![Play::Reset]).await;
    let told = world.admin("").await;
    assert_eq!(
        (told.status, &told.json["error"]["code"]),
        (502, &json!(50201))
    );
    assert_eq!(told.json["error"]["errcode"], Value::Null);

    let world = World::new(Some(ADMIN), vec![Play::Silence]).await;
    let told = world.admin("").await;
    assert_eq!(
        (told.status, &told.json["error"]["code"]),
        (504, &json!(50400))
    );
}
