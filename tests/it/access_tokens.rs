//! The access token, as anybody may verify it and as some would like to make it.

use std::{collections::HashSet, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    jwk::JwkSet,
};
use serde_json::{Value, json};

use crate::support::{Answer, Gateway, call, spawn_gateway};

/// That a call was refused so.
fn refused(answer: &Answer, code: u64) {
    assert_eq!(answer.code(), code, "{answer:?}");
    assert_eq!(u64::from(answer.status), code / 100, "{answer:?}");
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

async fn jwks(gateway: &Gateway) -> JwkSet {
    let answer = call(gateway.get("/.well-known/jwks.json")).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .starts_with("application/jwk-set+json")
    );
    let keys = answer.json["keys"].as_array().unwrap();
    assert!(
        keys.iter().all(|key| key.get("d").is_none()),
        "public keys only"
    );
    serde_json::from_value(answer.json).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_can_verify_the_access_token() {
    let gateway = spawn_gateway().await;
    let answer = gateway.login("lixiaolong").await;
    let token = answer.token();
    let header = decode_header(token).unwrap();
    assert_eq!(
        (header.alg, header.typ.as_deref()),
        (Algorithm::EdDSA, Some("at+jwt"))
    );
    let keys = jwks(&gateway).await;
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["default"]);
    validation.set_issuer(&[gateway.origin()]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    let claims = decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation);
    let claims = claims.unwrap().claims;

    let data = &answer.json["data"];
    let me = gateway.me(token).await;
    assert_eq!(
        (&claims["sub"], &claims["sid"]),
        (&data["user"]["id"], &data["session_id"])
    );
    assert_eq!(me.json["data"]["user"], data["user"]);
    assert_eq!(me.json["data"]["session_id"], data["session_id"]);
    assert_eq!(
        (&claims["client_id"], &claims["aud"]),
        (&json!("default"), &json!("default"))
    );
    let iat = claims["iat"].as_u64().unwrap();
    assert_eq!(
        (&claims["nbf"], &claims["exp"]),
        (&json!(iat), &json!(iat + 600))
    );
    assert_eq!(
        (&data["expires_in"], &data["token_type"]),
        (&json!(600), &json!("Bearer"))
    );
    assert!(claims["jti"].is_string());
    let names: HashSet<_> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let known = [
        "iss",
        "aud",
        "sub",
        "client_id",
        "sid",
        "iat",
        "nbf",
        "exp",
        "jti",
    ];
    assert_eq!(
        names,
        known.into_iter().collect(),
        "nothing else travels in it"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_refused() {
    let gateway = spawn_gateway().await;
    let answer = gateway.login("lixiaolong").await;
    let token = answer.token();
    let (header, claims) = (part(token, 0), part(token, 1));
    let signature = token.split('.').nth(2).unwrap();
    let with = |value: &Value, name: &str, to: Value| {
        let mut value = value.clone();
        value[name] = to;
        value
    };
    let key = call(gateway.get("/.well-known/jwks.json")).await.json["keys"][0].clone();
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.typ = Some("at+jwt".to_owned());
    symmetric.kid = header["kid"].as_str().map(str::to_owned);
    let hs256 = encode(&symmetric, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let jwk = encode(
        &symmetric,
        &claims,
        &EncodingKey::from_secret(key["x"].as_str().unwrap().as_bytes()),
    )
    .unwrap();
    let mut forged = vec![
        hs256,
        jwk,
        format!(
            "{}.",
            unsigned(&with(&header, "alg", json!("none")), &claims)
        ),
        format!("{}.", unsigned(&header, &claims)),
        format!(
            "{}.{signature}",
            unsigned(&with(&header, "alg", json!("HS256")), &claims)
        ),
        format!(
            "{}.{signature}",
            unsigned(&with(&header, "kid", json!("other")), &claims)
        ),
        format!(
            "{}.{signature}",
            unsigned(&with(&header, "kid", json!("../signing.pem")), &claims)
        ),
        format!(
            "{}.{signature}",
            unsigned(&header, &with(&claims, "aud", json!("shop")))
        ),
        format!(
            "{}.{signature}",
            unsigned(&header, &with(&claims, "exp", json!(9_999_999_999_u64)))
        ),
        format!(
            "{}.{signature}",
            unsigned(&header, &with(&claims, "sub", json!("somebody")))
        ),
        format!("{token}A"),
        token[..token.len() - 1].to_owned(),
        token.replace('.', ""),
        "a.b.c".to_owned(),
        "A".repeat(5_000),
    ];
    // A gateway with other keys, otherwise alike.
    let other = spawn_gateway().await;
    forged.push(other.login("lixiaolong").await.token().to_owned());
    for token in &forged {
        let answer = gateway.me(token).await;
        refused(&answer, 40100);
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{answer:?}"
        );
    }
    other.stop().await;
    let scheme = gateway
        .get("/api/v1/me")
        .header("authorization", format!("Basic {token}"));
    refused(&call(scheme).await, 40100);
    assert_eq!(gateway.me(token).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_lives_ten_minutes() {
    let gateway = spawn_gateway().await;
    let answer = gateway.login("lixiaolong").await;
    gateway.later(Duration::from_secs(580));
    assert_eq!(gateway.me(answer.token()).await.status, 200);
    // And five seconds of leeway.
    gateway.later(Duration::from_secs(26));
    let late = gateway.me(answer.token()).await;
    refused(&late, 40101);
    assert_eq!(
        late.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    let next = gateway.refresh(answer.cookie()).await;
    assert_eq!(gateway.me(next.token()).await.status, 200);
    gateway.stop().await;
}
