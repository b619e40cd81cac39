//! What comes to `/callback/wechat/message`, from WeChat and from strangers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Gateway, event, spawn_gateway, spawn_gateway_with, within};

const OPENID: &str = "oPerson000000000000000000000";

async fn official(gateway: &Gateway) -> (crate::support::Browser, Value) {
    let mut browser = gateway.browser().await;
    let challenge = browser.challenge();
    browser
        .say(json!({ "type": "start", "challenge": challenge, "flow": "official_account", "locale": "en" }))
        .await;
    let pending = browser.event("pending").await;
    (browser, pending)
}

fn scene(pending: &Value) -> &str {
    pending["scene"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_hears_its_own_words_when_they_are_signed() {
    let gateway = spawn_gateway().await;
    let pusher = gateway.pusher();
    let now = gateway.now_s();
    let echo = pusher.verify(now, "n1", "3728_echo").await;
    assert_eq!((echo.status, echo.body.as_str()), (200, "3728_echo"));
    let again = pusher.verify(now, "n1", "3728_echo").await;
    assert_eq!(again.status, 200, "the console may ask twice");
    for (at, nonce, what) in [
        (now, "n1", "another text under a signature that was seen"),
        (now - 301, "n2", "too old"),
        (now + 302, "n3", "from the future"),
    ] {
        let refused = pusher.verify(at, nonce, "<script>").await;
        assert_eq!((refused.status, refused.body.as_str()), (403, ""), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_pushed_and_answered_with_a_link() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let scan = event(OPENID, now, "SCAN", scene(&pending));
    let push = pusher.sealed(&scan, now, "1");

    let reply = pusher.push(&push).await;
    let scanned = browser.event("scanned").await;
    assert_eq!(scanned["seq"], 2);
    assert!(scanned.get("user").is_none(), "nobody is known: {scanned}");
    let (text, to) = pusher.read(&reply);
    let link = format!("{}s/{}", gateway.url, scene(&pending));
    assert!(text.contains(&link) && text.contains("scangate"), "{text}");
    assert_eq!(to, OPENID);

    let repeat = pusher.push(&push).await;
    assert_eq!(
        pusher.read(&repeat).0,
        text,
        "the same event, the same answer"
    );
    let resigned = pusher.push(&pusher.sealed(&scan, now + 5, "2")).await;
    assert_eq!(pusher.read(&resigned).0, text, "signed anew");
    let second = event(OPENID, now + 9, "SCAN", scene(&pending));
    let second = pusher.push(&pusher.sealed(&second, now + 9, "3")).await;
    assert!(pusher.read(&second).0.contains(&link), "scanned again");
    assert!(browser.told_meanwhile().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_by_the_code_has_scanned_it() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let key = format!("qrscene_{}", scene(&pending));
    let follow = event(OPENID, now, "subscribe", &key);
    let (text, _) = pusher.read(&pusher.push(&pusher.sealed(&follow, now, "1")).await);
    assert!(text.contains(scene(&pending)));
    browser.event("scanned").await;
    // The same second, the same person, another event: not a repeat.
    let scan = event(OPENID, now, "SCAN", scene(&pending));
    let (text, _) = pusher.read(&pusher.push(&pusher.sealed(&scan, now, "2")).await);
    assert!(text.contains(scene(&pending)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_and_a_late_one_are_told_so() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let scan = |openid: &str, at| event(openid, at, "SCAN", scene(&pending));
    pusher
        .push(&pusher.sealed(&scan(OPENID, now), now, "1"))
        .await;
    browser.event("scanned").await;
    let other = pusher
        .push(&pusher.sealed(&scan("oOther", now), now, "2"))
        .await;
    assert!(pusher.read(&other).0.contains("Somebody else"));
    browser.say(json!({ "type": "cancel" })).await;
    browser.event("cancelled").await;
    let late = pusher
        .push(&pusher.sealed(&scan(OPENID, now + 1), now, "3"))
        .await;
    assert!(pusher.read(&late).0.contains("expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_a_login_is_heard_and_nothing_more() {
    let gateway = spawn_gateway().await;
    let mut h5 = gateway.browser().await;
    let pending = h5.start().await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let strangers = [
        ("SCAN", scene(&pending), "the code of another flow"),
        ("SCAN", "0", "the trap of the forgotten object"),
        ("SCAN", "AAAAAAAAAAAAAAAAAAAAAA", "nobody's scene"),
        ("subscribe", "", "a plain follow"),
        ("subscribe", "last_trade_no_1", "a follow from elsewhere"),
        ("unsubscribe", "", "a farewell"),
        ("CLICK", "menu", "a menu"),
    ];
    for (at, (name, key, what)) in strangers.into_iter().enumerate() {
        let xml = event(OPENID, now, name, key);
        let answer = pusher
            .push(&pusher.sealed(&xml, now, &at.to_string()))
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "success"),
            "{what}"
        );
    }
    let text = format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>{now}</CreateTime>\
         <MsgType>text</MsgType><Content>hi</Content><MsgId>6054768590064713728</MsgId></xml>"
    );
    pusher
        .push(&pusher.sealed(&text, now, "t"))
        .await
        .is_success();
    assert!(h5.told_meanwhile().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_moves_nothing() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let scan = event(OPENID, now, "SCAN", scene(&pending));
    let good = pusher.sealed(&scan, now, "1");
    let mut forged = good.clone();
    forged.query.iter_mut().for_each(|(name, value)| {
        if *name == "msg_signature" {
            value.replace_range(0..1, if value.starts_with('0') { "1" } else { "0" });
        }
    });
    let mut doubled = good.clone();
    doubled.query.push(("nonce", "2".to_owned()));
    let mut raw = pusher.clear(&scan, now, "3");
    let downgraded = raw.clone();
    raw.query.push(("encrypt_type", "raw".to_owned()));
    let stale = pusher.sealed(&scan, now - 301, "4");
    let mut dtd = good.clone();
    dtd.body = format!("<!DOCTYPE xml [<!ENTITY a \"b\">]>{}", dtd.body);
    let mut empty = good.clone();
    empty.body = String::new();
    let mut unsigned = good.clone();
    unsigned.query.clear();
    for (push, what) in [
        (&forged, "a forged signature"),
        (&doubled, "a doubled parameter"),
        (&downgraded, "in the clear"),
        (&raw, "in the clear, and says so"),
        (&stale, "five minutes old"),
        (&dtd, "a DTD"),
        (&empty, "no body"),
        (&unsigned, "no signature"),
    ] {
        let answer = pusher.push(push).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{what}");
    }
    let mut large = good.clone();
    large.body.push_str(&" ".repeat(64 * 1024));
    assert_eq!(pusher.push(&large).await.status, 413);
    assert!(browser.told_meanwhile().await.is_empty());
    assert!(
        gateway
            .metric("scangate_wechat_messages_total{name=\"signature\"}")
            .await
            >= 1.0
    );
    // Nothing of all that has used the real one up.
    assert_eq!(pusher.push(&good).await.status, 200);
    browser.event("scanned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_plain_mode_a_signature_counts_for_one_message() {
    let gateway = spawn_gateway_with(&[("wechat.official_account.message_mode", "plain")]).await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let other = event(OPENID, now, "CLICK", "menu");
    let push = pusher.clear(&other, now, "1");
    pusher.push(&push).await.is_success();
    let mut replayed = push.clone();
    replayed.body = event(OPENID, now, "SCAN", scene(&pending));
    assert_eq!(
        pusher.push(&replayed).await.status,
        403,
        "the body is another one"
    );
    pusher.push(&push).await.is_success();
    assert!(browser.told_meanwhile().await.is_empty());
    let scan = pusher.clear(&replayed.body, now, "2");
    let reply = pusher.push(&scan).await;
    assert!(
        reply.body.contains("<MsgType><![CDATA[text]]>"),
        "{reply:?}"
    );
    browser.event("scanned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_twenty_times_at_once_is_one_scan() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let scan = event(OPENID, now, "SCAN", scene(&pending));
    let pushes: Vec<_> = (0..20)
        .map(|n| pusher.sealed(&scan, now, &(n % 4).to_string()))
        .collect();
    let answers = futures_util::future::join_all(pushes.iter().map(|push| pusher.push(push))).await;
    let texts: std::collections::BTreeSet<_> =
        answers.iter().map(|answer| pusher.read(answer).0).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    browser.event("scanned").await;
    assert!(browser.told_meanwhile().await.is_empty());
    let all = gateway
        .metric("scangate_scene_transitions_total{state=\"scanned\"}")
        .await;
    assert!((all - 1.0).abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_at_once_are_one_scan() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = official(&gateway).await;
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let pushes: Vec<_> = (0..8)
        .map(|n| {
            let scan = event(&format!("oPerson{n}"), now, "SCAN", scene(&pending));
            pusher.sealed(&scan, now, &n.to_string())
        })
        .collect();
    let answers = futures_util::future::join_all(pushes.iter().map(|push| pusher.push(push))).await;
    let links = answers
        .iter()
        .filter(|answer| pusher.read(answer).0.contains(scene(&pending)));
    assert_eq!(links.count(), 1);
    browser.event("scanned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_at_the_deadline_is_scanned_or_expired_and_never_both() {
    let gateway = spawn_gateway().await;
    for round in 0..6 {
        let (mut browser, pending) = official(&gateway).await;
        let (pusher, now) = (gateway.pusher(), gateway.now_s());
        let scan = event(OPENID, now, "SCAN", scene(&pending));
        let push = pusher.sealed(&scan, now, &format!("d{round}"));
        let later = async { gateway.later(Duration::from_secs(120)) };
        let (answer, ()) = tokio::join!(pusher.push(&push), later);
        let text = pusher.read(&answer).0;
        let event = within("an event", browser.next("scanned or expired")).await;
        let event = if event["type"] == "ping" {
            browser.next("it").await
        } else {
            event
        };
        match event["type"].as_str() {
            Some("scanned") => assert!(text.contains(scene(&pending)), "{text}"),
            Some("expired") => assert!(text.contains("expired"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_push_has_no_such_address() {
    let gateway = spawn_gateway_with(&[
        ("wechat.mode", "live"),
        ("wechat.official_account.app_id", "wx0123456789abcdef"),
        (
            "wechat.official_account.app_secret",
            "0123456789abcdef0123456789abcdef",
        ),
    ])
    .await;
    let pusher = gateway.pusher();
    let now = gateway.now_s();
    assert_eq!(pusher.verify(now, "1", "x").await.status, 404);
}
