//! What is not exactly an access token of this gateway opens nothing, whoever signed it.

use std::{fs, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Gateway, call, spawn_gateway, spawn_gateway_with};

/// A gateway, a token of it, and the very key that signed it.
struct Bench {
    gateway: Gateway,
    genuine: String,
    key: EncodingKey,
    _keys: TempDir,
}

impl Bench {
    async fn with(algorithm: &str) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let path = keys.path().to_str().unwrap();
        let settings = [
            ("token.key_dir", path),
            ("token.algorithm", algorithm),
            ("token.issuer", "https://login.example.com"),
        ];
        let gateway = spawn_gateway_with(&settings).await;
        let genuine = gateway.login("lixiaolong").await.token().to_owned();
        let kid = decode_header(&genuine).unwrap().kid.unwrap();
        let pem = fs::read(keys.path().join(format!("signing-{kid}.pem"))).unwrap();
        let key = match algorithm {
            "ES256" => EncodingKey::from_ec_pem(&pem),
            _ => EncodingKey::from_ed_pem(&pem),
        };
        Self {
            gateway,
            genuine,
            key: key.unwrap(),
            _keys: keys,
        }
    }

    /// The genuine token after `change`, signed by the genuine key.
    fn changed(&self, change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let mut header = decode_header(&self.genuine).unwrap();
        let mut claims = self.claims();
        change(&mut header, &mut claims);
        encode(&header, &claims, &self.key).unwrap()
    }

    fn claims(&self) -> Value {
        let claims = self.genuine.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    async fn refused(&self, token: &str, what: &str) {
        let answer = self.gateway.me(token).await;
        assert_eq!((answer.status, answer.code()), (401, 40100), "{what}");
    }

    async fn accepted(&self, token: &str) {
        let answer = self.gateway.me(token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_claim_must_be_there_and_be_right() {
    for algorithm in ["EdDSA", "ES256"] {
        let bench = Bench::with(algorithm).await;
        bench.accepted(&bench.changed(|_, _| {})).await;
        let claims = bench.claims();
        let names: Vec<_> = claims.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 9, "{names:?}");
        for name in names {
            let missing = bench.changed(|_, claims| {
                claims.as_object_mut().unwrap().remove(name);
            });
            bench.refused(&missing, name).await;
        }
        let iat = claims["iat"].as_u64().unwrap();
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("shop")),
            ("aud", json!(["default", "shop"])),
            ("client_id", json!("shop")),
            ("nbf", json!(iat + 60)),
            ("exp", json!("9999999999")),
            ("sub", json!("somebody")),
            ("sid", json!("0191e3a4-0000-7000-8000-000000000000")),
        ] {
            let forged = bench.changed(|_, claims| claims[name] = value);
            bench.refused(&forged, name).await;
        }
        let expired = bench.changed(|_, claims| claims["exp"] = json!(iat - 10));
        assert_eq!(bench.gateway.me(&expired).await.code(), 40101);
        bench.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_must_be_right_and_none_leads_elsewhere() {
    let bench = Bench::with("EdDSA").await;
    for typ in [None, Some("JWT"), Some("id_token+jwt"), Some("AT+JWT")] {
        let forged = bench.changed(|header, _| header.typ = typ.map(str::to_owned));
        bench.refused(&forged, typ.unwrap_or("no typ")).await;
    }
    for kid in [
        None,
        Some(""),
        Some("../../../../dev/null"),
        Some("x' UNION SELECT 'secret"),
        Some("0"),
    ] {
        let forged = bench.changed(|header, _| header.kid = kid.map(str::to_owned));
        bench.refused(&forged, kid.unwrap_or("no kid")).await;
    }
    let crit = bench.changed(|header, _| header.crit = Some(vec!["exp".to_owned()]));
    bench.refused(&crit, "crit").await;

    // The attacker's own gateway signs, and says where its keys are.
    let theirs = Bench::with("EdDSA").await;
    let jwks = format!("{}.well-known/jwks.json", theirs.gateway.url);
    let theirs_of = |change: &dyn Fn(&mut Header)| {
        let mut header = decode_header(&theirs.genuine).unwrap();
        change(&mut header);
        encode(&header, &bench.claims(), &theirs.key).unwrap()
    };
    let kid = decode_header(&bench.genuine).unwrap().kid;
    let forged = [
        theirs_of(&|_| {}),
        theirs_of(&|header| header.kid.clone_from(&kid)),
        theirs_of(&|header| header.jku = Some(jwks.clone())),
        theirs_of(&|header| header.x5u = Some(jwks.clone())),
    ];
    for (index, forged) in forged.iter().enumerate() {
        bench.refused(forged, &format!("forged {index}")).await;
    }
    let pointed = bench.changed(|header, _| header.jku = Some(jwks.clone()));
    bench.accepted(&pointed).await;
    theirs.gateway.stop().await;
    bench.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_other_algorithm_is_refused() {
    let (ed, ec) = (Bench::with("EdDSA").await, Bench::with("ES256").await);
    ed.refused(&ec.genuine, "ES256").await;
    ec.refused(&ed.genuine, "EdDSA").await;
    let kid = decode_header(&ec.genuine).unwrap().kid;
    let mut header = decode_header(&ed.genuine).unwrap();
    header.kid.clone_from(&kid);
    let confused = encode(&header, &ec.claims(), &ed.key).unwrap();
    ec.refused(&confused, "the kid of a key of the other kind")
        .await;
    for alg in [Algorithm::HS256, Algorithm::HS512] {
        let mut header = Header::new(alg);
        header.typ = Some("at+jwt".to_owned());
        header.kid.clone_from(&kid);
        let jwks = call(ec.gateway.get("/.well-known/jwks.json")).await;
        let known = EncodingKey::from_secret(jwks.json["keys"][0].to_string().as_bytes());
        let forged = encode(&header, &ec.claims(), &known).unwrap();
        ec.refused(&forged, "the public key as a secret").await;
    }
    ed.gateway.stop().await;
    ec.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_anywhere_is_enough() {
    let gateway = spawn_gateway().await;
    let genuine = gateway.login("lixiaolong").await.token().to_owned();
    let step = genuine.len() / 40;
    for at in (0..genuine.len()).step_by(step) {
        let mut bytes = genuine.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).unwrap();
        let answer = gateway.me(&forged).await;
        assert_eq!(answer.code(), 40100, "byte {at}");
    }
    gateway.later(Duration::from_secs(1));
    assert_eq!(gateway.me(&genuine).await.status, 200);
    gateway.stop().await;
}
