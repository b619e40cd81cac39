//! The cases of `tests/vectors` that are about the message push, all of them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{
    Delivery, Inbox, Kind, Message, Received, Refused, envelope::Key, reply, signature, xml::Fields,
};
use crate::config::{MessageMode, MessagePush};

const CLEAR: &str = "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName>\
    <CreateTime>1</CreateTime><MsgType>text</MsgType></xml>";

fn cases(file: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(file).unwrap();
    assert_eq!(file["format"], "wechat-vectors/1");
    serde_json::from_value(file["cases"].take()).unwrap()
}

fn text<'a>(case: &'a Value, pointer: &str) -> &'a str {
    let text = case.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{pointer} of {case}"))
}

fn body(case: &Value) -> Vec<u8> {
    match case.get("body_b64") {
        Some(_) => STANDARD.decode(text(case, "/body_b64")).unwrap(),
        None => text(case, "/body").as_bytes().to_vec(),
    }
}

fn query(case: &Value) -> String {
    let parameters = case["query"].as_object().unwrap();
    let pairs = parameters
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()));
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The time of the case: its own.
fn now_s(case: &Value) -> u64 {
    text(case, "/query/timestamp").parse().unwrap()
}

fn inbox(case: &Value, mode: MessageMode) -> Inbox {
    let optional = |name: &str| case.get(name).and_then(Value::as_str);
    let inbox = Inbox::new(&MessagePush {
        app_id: optional("appid").unwrap_or_default().to_owned(),
        token: text(case, "/token").into(),
        key: optional("encoding_aes_key").map(Into::into),
        previous_key: None,
        mode,
    });
    inbox.unwrap_or_else(|unusable| panic!("{unusable}: {case}"))
}

fn open(case: &Value) -> Result<Received, Refused> {
    let mode = match text(case, "/configured_mode") {
        "safe" => MessageMode::Safe,
        "compat" => MessageMode::Compatible,
        mode => panic!("unknown mode {mode}"),
    };
    inbox(case, mode).open(&query(case), &body(case), now_s(case))
}

/// `expect.fields`, as far as they are the same thing here. `dedupe` is the shape of the key, not its value.
fn check_fields(message: &Message, case: &Value) {
    let fields = &case["expect"]["fields"];
    let (kind, scene, ticket) = match &message.kind {
        Kind::Scan { scene, ticket } => ("scan", Some(scene), ticket.as_ref()),
        Kind::SubscribeScan { scene, ticket } => ("subscribe_scan", Some(scene), ticket.as_ref()),
        Kind::Subscribe => ("subscribe", None, None),
        Kind::Unsubscribe => ("unsubscribe", None, None),
        Kind::Other => ("other", None, None),
        Kind::Message { .. } => ("message", None, None),
    };
    let dedupe = match &message.kind {
        Kind::Message { msg_id: Some(id) } => ("MsgId", id.clone()),
        _ => (
            "FromUserName+CreateTime",
            format!("{}:{}", message.openid, message.created_s),
        ),
    };
    let found = serde_json::json!({
        "to": message.to,
        "from_openid": message.openid,
        "create_time": message.created_s,
        "msg_type": message.msg_type,
        "event": message.event,
        "kind": kind,
        "scene": scene,
        "ticket": ticket,
        "dedupe": { "by": dedupe.0, "value": dedupe.1 },
    });
    assert_eq!(&found, fields, "{}", case["id"]);
}

#[test]
fn every_address_check_ends_as_it_should() {
    let cases = cases(include_str!("../../../tests/vectors/url_verify.json"));
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (query, now_s) = (query(&case), now_s(&case));
        let inbox = inbox(&case, MessageMode::Plain);
        let echo = match text(&case, "/method") {
            "GET" => inbox.verify_url(&query, now_s).map(|found| found.echo),
            "POST" => inbox
                .open(&query, CLEAR.as_bytes(), now_s)
                .map(|_| String::new()),
            method => panic!("unknown method {method}"),
        };
        let expected = match text(&case, "/expect/verdict") {
            "accept" => Some(case["expect"]["body"].as_str().unwrap_or_default()),
            "reject" => None,
            verdict => panic!("unknown verdict {verdict}"),
        };
        assert_eq!(echo.ok().as_deref(), expected, "{}", case["id"]);
    }
}

#[test]
fn every_good_envelope_opens() {
    let cases = cases(include_str!("../../../tests/vectors/envelope_good.json"));
    assert_eq!(cases.len(), 25);
    for case in cases {
        let received = open(&case).unwrap_or_else(|refused| panic!("{refused:?}: {case}"));
        check_fields(&received.message, &case);
        let key = Key::decode(text(&case, "/encoding_aes_key")).unwrap();
        let encrypt = Fields::read(&body(&case)).unwrap();
        let sealed = STANDARD.decode(encrypt.get("Encrypt").unwrap()).unwrap();
        let plain = key.open(&sealed, text(&case, "/appid")).unwrap();
        assert_eq!(plain, text(&case, "/expect/plaintext").as_bytes());
    }
}

#[test]
fn every_bad_envelope_is_refused_where_it_should_be() {
    let cases = cases(include_str!("../../../tests/vectors/envelope_bad.json"));
    assert_eq!(cases.len(), 56);
    let hardening = cases
        .iter()
        .filter(|case| case["expect"]["level"] == "hardening");
    assert_eq!(hardening.count(), 4);
    for case in cases {
        let refused = open(&case).expect_err(text(&case, "/note"));
        let stage = refused.stage();
        let expected = &case["expect"];
        let also_ok = expected["also_ok_stages"].as_array().unwrap();
        let fits = expected["stage"] == stage || also_ok.contains(&stage.into());
        assert!(fits, "{stage}: {case}");
    }
}

#[test]
fn what_is_sealed_is_what_wechat_would_make() {
    let cases = cases(include_str!("../../../tests/vectors/encrypt_kat.json"));
    assert_eq!(cases.len(), 15);
    for case in cases {
        let key = Key::decode(text(&case, "/encoding_aes_key")).unwrap();
        let random = text(&case, "/random16").as_bytes().try_into().unwrap();
        let (plain, app_id) = (text(&case, "/plaintext").as_bytes(), text(&case, "/appid"));
        let sealed = key.seal(plain, app_id, random);
        let encrypt = STANDARD.encode(&sealed);
        assert_eq!(encrypt, text(&case, "/expect/Encrypt"), "{}", case["id"]);
        assert_eq!(key.open(&sealed, app_id).unwrap(), plain);
        let delivery = Delivery::new(text(&case, "/timestamp"), text(&case, "/nonce")).unwrap();
        let signature = signature::sign(text(&case, "/token"), &delivery, Some(&encrypt));
        assert_eq!(signature, text(&case, "/expect/MsgSignature"));
        let xml = reply::sealed(&encrypt, &signature, &delivery);
        assert_eq!(xml, text(&case, "/expect/xml"));
    }
}

fn read(case: &Value) -> Result<Message, Refused> {
    let fields = Fields::read(&body(case)).ok_or(Refused::Xml)?;
    Message::from_fields(&fields)
}

#[test]
fn every_event_is_understood() {
    let cases = cases(include_str!("../../../tests/vectors/events_good.json"));
    assert_eq!(cases.len(), 27);
    let mut keys = Vec::new();
    for case in cases {
        let message = read(&case).unwrap_or_else(|refused| panic!("{refused:?}: {case}"));
        check_fields(&message, &case);
        keys.push(message.dedupe_key);
    }
    let different: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(different.len(), 26, "one of them is sent twice");
    assert_eq!(keys[25], keys[26]);
}

#[test]
fn every_broken_event_is_refused_where_it_should_be() {
    let cases = cases(include_str!("../../../tests/vectors/events_bad.json"));
    assert_eq!(cases.len(), 19);
    for case in cases {
        let refused = read(&case).expect_err(text(&case, "/note"));
        assert_eq!(refused.stage(), text(&case, "/expect/stage"), "{case}");
    }
}
