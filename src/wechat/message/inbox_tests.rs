//! What an [`Inbox`] takes, what it refuses, and how it answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use url::form_urlencoded::Serializer;

use super::{
    Delivery, Inbox, Kind, Received, Refused, envelope::Key, reply, signature, xml::Fields,
};
use crate::config::{MessageMode, MessagePush};

pub(super) const NOW_S: u64 = 1_795_312_000;
const TOKEN: &str = "t0kenOfTheAccount";
const APP_ID: &str = "wx0123456789abcdef";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const OLD_KEY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefR";
pub(super) const SCAN: &str = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName>\
    <FromUserName><![CDATA[oPhone]]></FromUserName><CreateTime>1795312000</CreateTime>\
    <MsgType><![CDATA[event]]></MsgType><Event><![CDATA[SCAN]]></Event>\
    <EventKey><![CDATA[scene]]></EventKey><Ticket><![CDATA[gQ]]></Ticket></xml>";

pub(super) fn inbox(mode: MessageMode, key: Option<&str>, previous: Option<&str>) -> Inbox {
    let secret = |key: Option<&str>| key.map(SecretString::from);
    let inbox = Inbox::new(&MessagePush {
        app_id: APP_ID.to_owned(),
        token: TOKEN.into(),
        key: secret(key),
        previous_key: secret(previous),
        mode,
    });
    inbox.unwrap_or_else(|unusable| panic!("{unusable}"))
}

pub(super) fn safe() -> Inbox {
    inbox(MessageMode::Safe, Some(KEY), None)
}

pub(super) fn plain() -> Inbox {
    inbox(MessageMode::Plain, None, None)
}

fn delivery(timestamp_s: u64) -> Delivery {
    Delivery::new(&timestamp_s.to_string(), "1514711492").unwrap()
}

fn query(delivery: &Delivery, more: &[(&str, &str)]) -> String {
    let signature = signature::sign(TOKEN, delivery, None);
    Serializer::new(String::new())
        .append_pair("signature", &signature)
        .append_pair("timestamp", delivery.timestamp())
        .append_pair("nonce", delivery.nonce())
        .append_pair("openid", "oPhone")
        .extend_pairs(more)
        .finish()
}

/// Query and body as WeChat sends them in safe mode.
pub(super) fn sealed(message: &str, key: &str) -> (String, String) {
    let key = Key::decode(key).unwrap();
    let encrypt = STANDARD.encode(key.seal(message.as_bytes(), APP_ID, [7; 16]));
    let delivery = delivery(NOW_S);
    let signature = signature::sign(TOKEN, &delivery, Some(&encrypt));
    let more = [("encrypt_type", "aes"), ("msg_signature", &signature)];
    let body = format!("<xml><ToUserName>gh_1</ToUserName><Encrypt>{encrypt}</Encrypt></xml>");
    (query(&delivery, &more), body)
}

pub(super) fn sealed_scan() -> (String, String) {
    sealed(SCAN, KEY)
}

pub(super) fn clear_query() -> String {
    query(&delivery(NOW_S), &[])
}

fn open(inbox: &Inbox, (query, body): &(String, String)) -> Result<Received, Refused> {
    inbox.open(query, body.as_bytes(), NOW_S)
}

#[test]
fn five_minutes_either_way_are_fresh() {
    let inbox = plain();
    for (timestamp_s, expected) in [
        (NOW_S - 301, Err(Refused::Stale)),
        (NOW_S - 300, Ok("echo")),
        (NOW_S + 300, Ok("echo")),
        (NOW_S + 301, Err(Refused::Stale)),
    ] {
        let delivery = delivery(timestamp_s);
        let check = query(&delivery, &[("echostr", "echo")]);
        let found = inbox.verify_url(&check, NOW_S);
        assert_eq!(found.map(|found| found.echo), expected.map(str::to_owned));
        let message = inbox.open(&query(&delivery, &[]), SCAN.as_bytes(), NOW_S);
        assert_eq!(message.err(), expected.err());
    }
    let (query, body) = sealed_scan();
    let late = safe().open(&query, body.as_bytes(), NOW_S + 301);
    assert_eq!(late.err(), Some(Refused::Stale));
}

#[test]
fn the_claim_is_one_text_for_one_signature() {
    let found = plain()
        .open(&clear_query(), SCAN.as_bytes(), NOW_S)
        .unwrap();
    assert_eq!(found.delivery.claim_key(), "1795312000:1514711492");
    for (timestamp, nonce) in [
        ("01795312000", "1"),
        ("+1795312000", "1"),
        (" 1795312000", "1"),
        ("17953120000", "1"),
        ("1795312000", ""),
        ("1795312000", "a b"),
        ("1795312000", &"1".repeat(129)),
    ] {
        assert_eq!(Delivery::new(timestamp, nonce), None, "{timestamp} {nonce}");
    }
}

#[test]
fn what_is_there_twice_is_refused() {
    let (sealed_query, body) = sealed_scan();
    let check = query(&delivery(NOW_S), &[("echostr", "echo")]);
    for doubled in ["signature", "timestamp", "nonce", "echostr"] {
        for value in ["x", ""] {
            let query = format!("{check}&{doubled}={value}");
            assert_eq!(safe().verify_url(&query, NOW_S), Err(Refused::Query));
        }
    }
    for doubled in ["msg_signature", "encrypt_type", "nonc%65", "timestamp"] {
        let request = (format!("{doubled}=x&{sealed_query}"), body.clone());
        assert_eq!(open(&safe(), &request), Err(Refused::Query), "{doubled}");
    }
    let long = (format!("{sealed_query}&x={}", "x".repeat(4096)), body);
    assert_eq!(open(&safe(), &long), Err(Refused::Query));
}

#[test]
fn each_mode_takes_what_it_should() {
    use MessageMode::{Compatible, Plain, Safe};
    let clear = (clear_query(), SCAN.to_owned());
    let raw = (
        query(&delivery(NOW_S), &[("encrypt_type", "raw")]),
        SCAN.to_owned(),
    );
    let secret = sealed_scan();
    // The console and the gateway are switched one after the other: encrypted is always good enough.
    for (mode, key, request, expected) in [
        (Plain, None, &clear, None),
        (Plain, None, &raw, None),
        (Plain, None, &secret, Some(Refused::NoKey)),
        (Plain, Some(KEY), &clear, None),
        (Plain, Some(KEY), &secret, None),
        (Compatible, Some(KEY), &clear, Some(Refused::Downgrade)),
        (Compatible, Some(KEY), &raw, Some(Refused::Downgrade)),
        (Compatible, Some(KEY), &secret, None),
        (Safe, Some(KEY), &clear, Some(Refused::Downgrade)),
        (Safe, Some(KEY), &raw, Some(Refused::Downgrade)),
        (Safe, Some(KEY), &secret, None),
    ] {
        let found = open(&inbox(mode, key, None), request);
        assert_eq!(found.err(), expected, "{mode:?} {key:?} {}", request.0);
    }
    let other = (format!("{}&encrypt_type=des", clear.0), clear.1);
    assert_eq!(open(&plain(), &other), Err(Refused::Query));
}

#[test]
fn the_key_before_still_opens_and_answers() {
    let old = sealed(SCAN, OLD_KEY);
    assert_eq!(open(&safe(), &old).err(), Some(Refused::Padding));
    let rotating = inbox(MessageMode::Safe, Some(KEY), Some(OLD_KEY));
    for (request, key) in [(old, OLD_KEY), (sealed_scan(), KEY)] {
        let received = open(&rotating, &request).unwrap();
        let answer = rotating.reply(&received, "去登录", NOW_S + 1, [9; 16]);
        let answer = Fields::read(answer.as_bytes()).unwrap();
        let encrypt = answer.get("Encrypt").unwrap();
        let sealed = STANDARD.decode(encrypt).unwrap();
        let message = Key::decode(key).unwrap().open(&sealed, APP_ID).unwrap();
        let clear = Fields::read(&message).unwrap();
        assert_eq!(clear.get("ToUserName"), Some("oPhone"));
        assert_eq!(clear.get("FromUserName"), Some("gh_1"));
        assert_eq!(clear.get("CreateTime"), Some("1795312001"));
        assert_eq!(clear.get("MsgType"), Some("text"));
        assert_eq!(clear.get("Content"), Some("去登录"));
        let timestamp = answer.get("TimeStamp").unwrap();
        assert_eq!(timestamp, "1795312001");
        let delivery = Delivery::new(timestamp, answer.get("Nonce").unwrap()).unwrap();
        let given = answer.get("MsgSignature").unwrap();
        assert!(signature::fits(given, TOKEN, &delivery, Some(encrypt)));
    }
}

#[test]
fn a_clear_message_gets_a_clear_answer() {
    let inbox = inbox(MessageMode::Plain, Some(KEY), None);
    let received = open(&inbox, &(clear_query(), SCAN.to_owned())).unwrap();
    let answer = inbox.reply(&received, "hello", NOW_S, [9; 16]);
    assert_eq!(answer, reply::text(&received.message, "hello", NOW_S));
}

#[test]
fn a_body_has_an_end() {
    let fill = "x".repeat(super::MAX_BODY);
    let request = (clear_query(), SCAN.replace("scene", &fill));
    assert_eq!(open(&plain(), &request), Err(Refused::Size));
}

#[test]
fn two_events_of_one_second_are_two_and_a_repeat_is_none() {
    let key = |message: &str| {
        let received = open(&safe(), &sealed(message, KEY)).unwrap();
        received.message.dedupe_key
    };
    assert_eq!(
        key(SCAN),
        key(&SCAN.replace("SCAN", "scan")),
        "the same event"
    );
    assert_eq!(key(SCAN).len(), 64);
    for (from, to) in [
        ("SCAN", "subscribe"),
        ("scene", "another"),
        ("oPhone", "oOther"),
        ("1795312000", "1795312001"),
    ] {
        assert_ne!(key(SCAN), key(&SCAN.replace(from, to)), "{to}");
    }
    let text = SCAN.replace("[event]", "[text]");
    let numbered = |number: &str| {
        let id = format!("<MsgId>{number}</MsgId></xml>");
        key(&text.replace("</xml>", &id))
    };
    assert_eq!(
        numbered("2655593737956971763"),
        numbered("2655593737956971763")
    );
    assert_ne!(
        numbered("2655593737956971763"),
        numbered("2655593737956971764")
    );
    assert_ne!(key(&text), key(&SCAN.replace("[event]", "[image]")));
}

#[test]
fn a_scan_without_a_scene_is_no_login() {
    let kind = |message: &str| open(&safe(), &sealed(message, KEY)).unwrap().message.kind;
    assert_eq!(kind(&SCAN.replace("scene", "")), Kind::Other);
    let follow = SCAN.replace("SCAN", "Subscribe");
    assert_eq!(kind(&follow), Kind::Subscribe);
    assert_eq!(kind(&follow.replace("scene", "qrscene_")), Kind::Subscribe);
    assert_eq!(kind(&follow.replace("scene", "QRSCENE_1")), Kind::Subscribe);
}

#[test]
fn secrets_that_prove_nothing_are_refused_and_not_shown() {
    let push = |token: &str, key: &str| MessagePush {
        app_id: APP_ID.to_owned(),
        token: token.into(),
        key: Some(key.into()),
        previous_key: None,
        mode: MessageMode::Safe,
    };
    let said = |push| Inbox::new(&push).map(|_| ()).unwrap_err().to_string();
    assert!(said(push("", KEY)).contains("official_account.token"));
    for key in ["", &KEY[1..], &format!("{KEY}A"), &KEY.replace('a', "*")] {
        let said = said(push(TOKEN, key));
        assert!(said.contains("official_account.encoding_aes_key"), "{said}");
        assert!(key.is_empty() || !said.contains(key), "{said}");
    }
}
