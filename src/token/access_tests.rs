use std::io::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::{Overrides, SigningAlgorithm, load},
    token::KeySource,
};

const IAT: u64 = 1_795_312_000;

fn config(set: &[(&str, &str)]) -> Config {
    let set = set
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let overrides = Overrides {
        set: set.collect(),
        ..Overrides::default()
    };
    load(&overrides).unwrap()
}

fn access() -> Access {
    Access::new(&config(&[]), Keys::generate().unwrap())
}

fn es256() -> Access {
    let keys = Keys::in_memory(SigningAlgorithm::Es256).unwrap();
    Access::new(&config(&[("token.algorithm", "ES256")]), keys)
}

fn token(access: &Access) -> String {
    let parts = Parts {
        kid: &access.keys.current(0),
        user: &UserId("u1".to_owned()),
        session: &SessionId("s1".to_owned()),
        app: &AppId::default_app(),
        iat: IAT,
        jti: "j1",
    };
    access.sign(&parts).unwrap().expose_secret().to_owned()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Any header and claims, signed by the library as the header's `alg` says.
#[expect(clippy::disallowed_methods, reason = "forging tokens to be refused")]
fn forge(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

/// The genuine header and claims after `change`, signed with the genuine key.
fn changed(access: &Access, change: impl FnOnce(&mut Header, &mut Value)) -> String {
    let genuine = token(access);
    let mut header = decode_header(&genuine).unwrap();
    let mut claims = part(&genuine, 1);
    change(&mut header, &mut claims);
    let key = access.keys.find(&access.keys.current(0)).unwrap();
    forge(&header, &claims, &key.private)
}

fn refused(access: &Access, token: &str) -> bool {
    matches!(access.verify(token, IAT), Err(TokenError::Unauthenticated))
}

#[test]
fn a_token_is_what_the_contract_says() {
    let access = access();
    let shown = token(&access);
    assert_eq!(
        part(&shown, 0),
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": access.keys.current(0)})
    );
    assert_eq!(
        part(&shown, 1),
        json!({
            "iss": "http://127.0.0.1:8080", "aud": "default", "sub": "u1", "client_id": "default",
            "sid": "s1", "iat": IAT, "nbf": IAT, "exp": IAT + 600, "jti": "j1",
        })
    );
    let caller = access.verify(&shown, IAT).unwrap();
    assert_eq!(caller.user_id.0, "u1");
    assert_eq!(caller.session_id.0, "s1");
    assert_eq!(caller.app, AppId::default_app());
    assert_eq!(shown, token(&access), "the same bytes again");
}

#[test]
fn issuer_and_audience_can_be_set() {
    let config = config(&[
        ("token.issuer", "https://id.example"),
        ("token.audience", "api"),
    ]);
    let access = Access::new(&config, Keys::generate().unwrap());
    let token = token(&access);
    assert_eq!(part(&token, 1)["iss"], "https://id.example");
    assert_eq!(part(&token, 1)["aud"], "api");
    assert!(access.verify(&token, IAT).is_ok());
    let forged = changed(&access, |_, claims| claims["client_id"] = json!("gone"));
    assert!(refused(&access, &forged), "no app of ours");
}

#[test]
fn times_have_a_leeway_of_five_seconds() {
    let access = access();
    let token = token(&access);
    let end = IAT + 600;
    assert!(access.verify(&token, end + 4).is_ok());
    let late = access.verify(&token, end + 5);
    assert!(matches!(late, Err(TokenError::TokenExpired)));
    assert!(access.verify(&token, IAT - 5).is_ok());
    let early = access.verify(&token, IAT - 6);
    assert!(matches!(early, Err(TokenError::Unauthenticated)));
}

#[test]
fn other_algorithms_are_refused() {
    let access = access();
    let genuine = token(&access);
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let payload = message.split('.').nth(1).unwrap();
    for alg in ["none", "None", "ES256", "RS256"] {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": access.keys.current(0)});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        for signature in ["", signature] {
            assert!(
                refused(&access, &format!("{header}.{payload}.{signature}")),
                "{alg}"
            );
        }
    }
}

/// RFC 8725 section 2.1: what everybody knows of the key, as the secret of an HMAC.
#[test]
fn a_public_key_is_no_secret() {
    for access in [access(), es256()] {
        let genuine = token(&access);
        let key = access.keys.jwks(0)["keys"][0].clone();
        let bytes = |name: &str| {
            let text = key[name].as_str().unwrap_or_default();
            URL_SAFE_NO_PAD.decode(text).unwrap()
        };
        let point = [&[4], bytes("x").as_slice(), &bytes("y")].concat();
        let known = [bytes("x"), point, key.to_string().into_bytes()];
        for secret in known {
            for alg in [Algorithm::HS256, Algorithm::HS512] {
                let mut header = decode_header(&genuine).unwrap();
                header.alg = alg;
                let secret = EncodingKey::from_secret(&secret);
                let forged = forge(&header, &part(&genuine, 1), &secret);
                assert!(refused(&access, &forged), "{header:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_known_key_of_the_other_algorithm_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let at = async |algorithm: &str| {
        let config = config(&[
            ("token.key_dir", home.path().to_str().unwrap()),
            ("token.algorithm", algorithm),
        ]);
        let keys = KeySource::of(&config, None).open(0).await.unwrap();
        Access::new(&config, keys)
    };
    let (eddsa, es256) = (at("EdDSA").await, at("ES256").await);
    let (old, young) = (token(&eddsa), token(&es256));
    let published = es256.keys.jwks(0);
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    assert!(eddsa.verify(&old, IAT).is_ok() && es256.verify(&young, IAT).is_ok());
    assert!(refused(&es256, &old));
    // A gateway of the other algorithm that knows both keys.
    let back = at("EdDSA").await;
    assert!(refused(&back, &young));
    // The kid of a key that is accepted, the signature of one that is not.
    let key = es256.keys.find(&es256.keys.current(0)).unwrap();
    let mut header = decode_header(&young).unwrap();
    header.kid = Some(back.keys.current(0));
    let forged = forge(&header, &part(&young, 1), &key.private);
    assert!(refused(&back, &forged));
}

/// A DER INTEGER of 32 bytes, big-endian and unsigned (X.690 section 8.3).
fn integer(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    let pad = digits.first().is_none_or(|byte| *byte >= 0x80);
    let digits = [vec![0; usize::from(pad)], digits].concat();
    [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
}

#[test]
fn an_es256_signature_is_raw_and_nothing_else() {
    let access = es256();
    let genuine = token(&access);
    assert!(access.verify(&genuine, IAT).is_ok());
    assert_eq!(part(&genuine, 0)["alg"], "ES256");
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = raw.split_at(32);
    let body = [integer(r), integer(s)].concat();
    let der = [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat();
    let zero = vec![0; 64];
    for other in [
        der,
        zero,
        raw[..63].to_vec(),
        [s, r].concat(),
        [&raw[..], &[0]].concat(),
    ] {
        let other = URL_SAFE_NO_PAD.encode(other);
        assert!(refused(&access, &format!("{message}.{other}")));
    }
    let again = token(&access);
    assert_ne!(genuine, again, "each signature is drawn anew");
    assert_eq!(part(&genuine, 1), part(&again, 1), "of the same claims");
}

#[test]
fn other_types_and_extensions_are_refused() {
    let access = access();
    for typ in [
        None,
        Some("JWT"),
        Some("AT+JWT"),
        Some("application/at+jwt"),
    ] {
        let forged = changed(&access, |header, _| header.typ = typ.map(str::to_owned));
        assert!(refused(&access, &forged), "{typ:?}");
    }
    let forged = changed(&access, |header, _| {
        header.crit = Some(vec!["b64".to_owned()])
    });
    assert!(refused(&access, &forged));
}

#[test]
fn other_keys_are_refused_whatever_they_call_themselves() {
    let (ours, theirs) = (access(), access());
    assert!(refused(&ours, &token(&theirs)), "a foreign kid");
    let key = theirs.keys.find(&theirs.keys.current(0)).unwrap();
    let genuine = token(&ours);
    let mut header = decode_header(&genuine).unwrap();
    let forged = forge(&header, &part(&genuine, 1), &key.private);
    assert!(refused(&ours, &forged), "our kid, their key");
    header.jwk = serde_json::from_value(theirs.keys.jwks(0)["keys"][0].clone()).unwrap();
    let forged = forge(&header, &part(&genuine, 1), &key.private);
    assert!(
        refused(&ours, &forged),
        "a key that comes along is not used"
    );
    header.jwk = None;
    for (jku, x5u) in [
        (Some("http://127.0.0.1:9/jwks.json"), None),
        (None, Some("http://127.0.0.1:9/chain.pem")),
    ] {
        header.jku = jku.map(str::to_owned);
        header.x5u = x5u.map(str::to_owned);
        let forged = forge(&header, &part(&genuine, 1), &key.private);
        assert!(refused(&ours, &forged), "nor one that lies elsewhere");
        let pointed = changed(&ours, |ours, _| {
            (ours.jku, ours.x5u) = (header.jku.clone(), header.x5u.clone())
        });
        assert!(ours.verify(&pointed, IAT).is_ok(), "nobody goes there");
    }
    for kid in [
        None,
        Some(""),
        Some("../../etc/passwd"),
        Some("/dev/null"),
        Some("' OR '1'='1"),
        Some("%00"),
        Some("\u{0}"),
    ] {
        let forged = changed(&ours, |header, _| header.kid = kid.map(str::to_owned));
        assert!(refused(&ours, &forged), "{kid:?}");
    }
}

#[test]
fn every_claim_is_required_in_its_type() {
    let access = access();
    let names = [
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
    for name in names {
        let missing = changed(&access, |_, claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
        assert!(refused(&access, &missing), "without {name}");
        for wrong in [
            json!(null),
            json!([]),
            json!({}),
            json!(true),
            json!("4102444800.5"),
            json!(-1),
        ] {
            let forged = changed(&access, |_, claims| claims[name] = wrong.clone());
            let sub = matches!(name, "sub" | "sid" | "jti") && wrong.is_string();
            assert!(sub || refused(&access, &forged), "{name} = {wrong}");
        }
    }
}

#[test]
fn other_audiences_apps_and_issuers_are_refused() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "[apps.shop]\nname = \"Shop\"\nflows = [\"h5\"]").unwrap();
    let overrides = Overrides {
        file: Some(file.path().to_owned()),
        ..Overrides::default()
    };
    let access = Access::new(&load(&overrides).unwrap(), Keys::generate().unwrap());
    let with = |name: &str, value: Value| changed(&access, |_, claims| claims[name] = value);
    assert!(refused(
        &access,
        &with("iss", json!("http://127.0.0.1:8080/"))
    ));
    assert!(refused(&access, &with("aud", json!("other"))));
    assert!(refused(&access, &with("aud", json!(["default"]))));
    assert!(
        refused(&access, &with("aud", json!("shop"))),
        "another app's"
    );
    assert!(
        refused(&access, &with("client_id", json!("shop"))),
        "another app"
    );
    assert!(
        refused(&access, &with("client_id", json!("gone"))),
        "no app of ours"
    );
}

#[test]
fn changed_or_long_tokens_are_refused() {
    let access = access();
    let genuine = token(&access);
    let other = changed(&access, |_, claims| claims["sub"] = json!("admin"));
    let (message, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = genuine.rsplit_once('.').unwrap();
    assert!(refused(&access, &format!("{message}.{signature}")));
    let long = changed(&access, |_, claims| {
        claims["x"] = json!("x".repeat(MAX_BYTES))
    });
    assert!(refused(&access, &long));
    assert!(refused(&access, ""));
}

proptest! {
    #[test]
    fn no_text_is_a_token_and_none_panics(text in "\\PC*|([A-Za-z0-9_-]*\\.){2}[A-Za-z0-9_-]*") {
        thread_local! { static ACCESS: Access = access(); }
        ACCESS.with(|access| assert!(refused(access, &text)));
    }
}
