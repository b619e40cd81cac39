//! The message push: what an account's callback gets, and what becomes of its answers.

use std::time::Duration;

use super::{
    callback::{Callback, Play},
    *,
};

/// WeChat's words for an account that does not answer.
const OUT_OF_SERVICE: &str = "该公众号暂时无法提供服务，请稍后再试";

/// The sandbox, and the callback of its official account.
pub(super) async fn start(mode: &str) -> (Playground, Callback) {
    let sandbox = Playground::start().await;
    let callback = Callback::start().await;
    let (status, account) = sandbox.set_callback(&callback.url, mode).await;
    assert_eq!(status, 200, "{account}");
    (sandbox, callback)
}

impl Playground {
    async fn set_callback(&self, url: &str, mode: &str) -> (u16, Value) {
        let account =
            json!({ "app_id": SANDBOX_APP_ID, "callback_url": url, "message_mode": mode });
        self.api("PUT", "/accounts", account).await
    }

    /// A follower writes to the account; answered when the first attempt was.
    async fn says(&self, text: &str) -> Value {
        let (status, answer) = self.api("POST", "/message", json!({ "text": text })).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn switch(&self, switches: Value) {
        let (status, answer) = self.api("PUT", "/push", switches).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// All attempts so far, once there are `count`.
    async fn attempts(&self, count: usize) -> Vec<Value> {
        let found = async {
            loop {
                let shown = self.get("/sandbox/api/push").send().await.unwrap();
                let shown: Value = shown.json().await.unwrap();
                let attempts = shown["attempts"].as_array().unwrap().clone();
                if attempts.len() >= count {
                    return attempts;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found)
            .await
            .expect("the attempts were made")
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The chat of the first user.
    pub(super) async fn chat(&self) -> String {
        let page = self.get("/phone?view=chat").send().await.unwrap();
        page.text().await.unwrap()
    }

    pub(super) async fn stop_with(self, callback: Callback) {
        callback.stop().await;
        self.stop().await;
    }
}

fn text(reply: &str) -> Value {
    json!({ "replies": [{ "text": reply }] })
}

#[tokio::test]
async fn a_message_gets_to_the_callback_and_its_reply_into_the_chat() {
    let (sandbox, callback) = start("plain").await;
    callback.plays([Play::Clear("Tap http://127.0.0.1:8080/s/7Qm <b>")]);
    let answer = sandbox.says("你好 <i>").await;
    assert_eq!(answer, text("Tap http://127.0.0.1:8080/s/7Qm <b>"));
    let received = callback.received(1).await;
    let push = &received[0];
    assert_eq!(
        push.query.len(),
        5,
        "with that of the URL: {:?}",
        push.query
    );
    assert_eq!(push.query["openid"].len(), 28);
    assert!(
        push.body
            .contains("<Content><![CDATA[你好 <i>]]></Content>")
    );
    assert!(push.body.contains("<ToUserName><![CDATA[gh_") && push.body.contains("<MsgId>"));
    let chat = sandbox.chat().await;
    assert!(
        chat.contains("你好 &lt;i&gt;") && !chat.contains("<b>"),
        "{chat}"
    );
    let link =
        "href=\"/phone/open?user=lixiaolong&amp;scan=http%3A%2F%2F127.0.0.1%3A8080%2Fs%2F7Qm\"";
    assert!(chat.contains(link), "{chat}");
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn compatible_mode_sends_both_and_takes_either() {
    let (sandbox, callback) = start("compatible").await;
    callback.plays([
        Play::Clear("clear"),
        Play::Sealed("sealed", SANDBOX_TOKEN),
        Play::Sealed("sealed", "another"),
    ]);
    assert_eq!(sandbox.says("1").await, text("clear"));
    assert_eq!(sandbox.says("2").await, text("sealed"));
    let refused = sandbox.says("3").await;
    assert!(
        refused["problem"]
            .as_str()
            .unwrap()
            .contains("MsgSignature"),
        "{refused}"
    );
    let received = callback.received(3).await;
    assert_eq!(received[0].query["encrypt_type"], "aes");
    assert!(received[0].body.contains("<Content><![CDATA[1]]>"));
    assert!(received[0].event.contains("<Content><![CDATA[1]]>"));
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn safe_mode_hides_all_and_wants_the_reply_sealed() {
    let (sandbox, callback) = start("safe").await;
    callback.plays([
        Play::Sealed("sealed", SANDBOX_TOKEN),
        Play::Answer(200, ""),
        Play::Clear("clear"),
    ]);
    assert_eq!(sandbox.says("1").await, text("sealed"));
    assert_eq!(sandbox.says("2").await, json!({ "replies": [] }));
    assert!(!sandbox.chat().await.contains(OUT_OF_SERVICE));
    assert!(sandbox.says("3").await["problem"].is_string());
    assert!(sandbox.chat().await.contains(OUT_OF_SERVICE));
    let received = callback.received(3).await;
    assert!(!received[0].body.contains("FromUserName"));
    assert!(received[0].event.contains("<Content><![CDATA[1]]>"));
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn nonsense_is_tried_again_twice_with_the_same_signature() {
    let (sandbox, callback) = start("plain").await;
    callback.plays([
        Play::Answer(200, "{\"code\":0}"),
        Play::Answer(502, "<html>"),
    ]);
    let answer = sandbox.says("1").await;
    assert_eq!(answer["problem"], "neither success nor a reply in XML");
    assert!(sandbox.chat().await.contains(OUT_OF_SERVICE), "at once");
    for attempt in 1..3 {
        assert_eq!(sandbox.attempts(attempt).await.len(), attempt);
        sandbox.pass(5);
        callback.received(attempt + 1).await;
    }
    let attempts = sandbox.attempts(3).await;
    let results: Vec<_> = attempts.iter().map(|attempt| &attempt["result"]).collect();
    assert_eq!(results, ["failed", "failed", "handled"]);
    assert_eq!(attempts[1]["detail"], "HTTP status 502");
    let received = callback.received(3).await;
    assert_eq!(received[0].query, received[2].query);
    assert_eq!(received[0].body, received[2].body);
    let chat = sandbox.chat().await;
    assert_eq!(chat.matches(OUT_OF_SERVICE).count(), 1, "said once");
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn silence_is_waited_out_and_each_attempt_may_be_signed_anew() {
    let (sandbox, callback) = start("safe").await;
    sandbox.switch(json!({ "resign": true })).await;
    callback.plays([Play::Silence, Play::Silence, Play::Silence]);
    let (answer, ()) = tokio::join!(sandbox.says("1"), async {
        for attempt in 1..=3 {
            callback.received(attempt).await;
            assert!(!sandbox.chat().await.contains(OUT_OF_SERVICE));
            sandbox.pass(5);
            assert_eq!(sandbox.attempts(attempt).await.len(), attempt);
        }
    });
    assert_eq!(answer["problem"], "no answer within 5 seconds");
    assert!(sandbox.chat().await.contains(OUT_OF_SERVICE), "at the end");
    let received = callback.received(3).await;
    assert_ne!(received[0].query["nonce"], received[1].query["nonce"]);
    assert_ne!(received[0].body, received[1].body);
    assert_eq!(received[0].event, received[1].event);
    sandbox.pass(60);
    sandbox.says("2").await;
    assert_eq!(callback.count(), 4, "three attempts in all");
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn copies_of_an_event_come_one_by_one_or_all_at_once() {
    let (sandbox, callback) = start("plain").await;
    for (concurrent, total) in [(false, 20), (true, 40)] {
        sandbox
            .switch(json!({ "duplicate": 19, "concurrent": concurrent }))
            .await;
        callback.plays(vec![Play::Clear("once"); 20]);
        assert_eq!(sandbox.says("1").await, text("once"));
        let received = callback.received(total).await;
        assert_eq!(received.len(), total);
        let copies = &received[total - 20..];
        assert!(copies.iter().all(|copy| copy.body == copies[0].body));
        sandbox.attempts(total).await;
    }
    assert_eq!(
        sandbox.chat().await.matches(">once<").count(),
        2,
        "one each"
    );
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn an_event_overtakes_the_one_before() {
    let (sandbox, callback) = start("plain").await;
    sandbox.switch(json!({ "reorder": true })).await;
    let held = sandbox.says("first").await;
    assert!(
        held["problem"].as_str().unwrap().starts_with("held"),
        "{held}"
    );
    assert_eq!(sandbox.says("second").await, json!({ "replies": [] }));
    let received = callback.received(2).await;
    assert!(received[0].body.contains("second") && received[1].body.contains("first"));
    // Else the clock would pass over an answer that is under way.
    sandbox.attempts(2).await;
    sandbox.says("third").await;
    sandbox.pass(10);
    assert!(
        callback.received(3).await[2].body.contains("third"),
        "alone"
    );
    sandbox.says("fourth").await;
    sandbox.switch(json!({})).await;
    assert!(callback.received(4).await[3].body.contains("fourth"));
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn pushes_can_be_late_and_stale() {
    let (sandbox, callback) = start("plain").await;
    sandbox
        .switch(json!({ "delay_ms": 4000, "stale_s": 600 }))
        .await;
    let (answer, ()) = tokio::join!(sandbox.says("1"), async {
        let sent = async { while !sandbox.chat().await.contains("class=\"bubble\"") {} };
        let sent = tokio::time::timeout(Duration::from_secs(20), sent).await;
        sent.expect("the message was sent");
        assert_eq!(callback.count(), 0);
        sandbox.pass(4);
        callback.received(1).await;
    });
    assert_eq!(answer, json!({ "replies": [] }));
    let push = &callback.received(1).await[0];
    let stamp: u64 = push.query["timestamp"].parse().unwrap();
    assert!((590..=610).contains(&(sandbox.clock.wall_s() - stamp)));
    for wrong in [
        json!({ "duplicate": 51 }),
        json!({ "delay_ms": 60_001 }),
        json!({ "stale_s": -1 }),
        json!({ "attempts": 5 }),
        json!({ "other": true }),
    ] {
        assert_eq!(sandbox.api("PUT", "/push", wrong).await.0, 400);
    }
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn after_many_failures_an_account_is_left_alone_for_a_minute() {
    let (sandbox, callback) = start("plain").await;
    sandbox
        .switch(json!({ "duplicate": 9, "concurrent": true }))
        .await;
    callback.plays(vec![Play::Answer(500, ""); 10]);
    sandbox.says("1").await;
    sandbox.attempts(10).await;
    sandbox.pass(5);
    let paused = sandbox.attempts(20).await;
    let why = "the account is left alone for a minute after too many failures";
    assert_eq!(paused[19]["detail"], why);
    assert_eq!(sandbox.says("2").await["problem"], why);
    assert_eq!(callback.count(), 10);
    sandbox.pass(55);
    sandbox.switch(json!({})).await;
    assert_eq!(sandbox.says("3").await, json!({ "replies": [] }));
    assert_eq!(callback.count(), 11);
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn faults_strike_single_attempts() {
    let (sandbox, callback) = start("plain").await;
    let fault = |rest: Value| {
        let mut fault = json!({ "endpoint": "push", "times": 1 });
        fault
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        json!([fault])
    };
    for (rest, problem, reaches) in [
        (json!({ "status": 502 }), "HTTP status 502", false),
        (
            json!({ "errcode": -1 }),
            "errcode -1, set by PUT /sandbox/api/faults",
            false,
        ),
        (
            json!({ "reset": "before" }),
            "the callback could not be reached",
            false,
        ),
        (
            json!({ "reset": "after" }),
            "the callback could not be reached",
            true,
        ),
    ] {
        let before = callback.count();
        sandbox.api("PUT", "/faults", fault(rest)).await;
        assert_eq!(sandbox.says("1").await["problem"], problem);
        assert_eq!(callback.count() - before, usize::from(reaches));
        sandbox.api("POST", "/reset", json!({})).await;
        sandbox.pass(60);
        sandbox.set_callback(&callback.url, "plain").await;
    }
    assert_eq!(callback.count(), 1, "a reset ends what is under way");
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn a_callback_must_prove_that_it_knows_the_token() {
    let sandbox = Playground::start().await;
    assert_eq!(
        sandbox.says("1").await["problem"],
        "the account has no callback_url"
    );
    let callback = Callback::start().await;
    assert_eq!(sandbox.set_callback(&callback.url, "plain").await.0, 200);
    let wrong_token = json!({ "app_id": SANDBOX_APP_ID, "token": "another" });
    let (status, answer) = sandbox.api("PUT", "/accounts", wrong_token).await;
    assert_eq!(status, 400);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .starts_with("token验证失败"),
        "{answer}"
    );
    let mode_only = json!({ "app_id": SANDBOX_APP_ID, "message_mode": "safe" });
    assert_eq!(sandbox.api("PUT", "/accounts", mode_only).await.0, 200);
    for (url, words) in [
        (sandbox.url("/phone"), "token验证失败"),
        ("http://127.0.0.1:9/".to_owned(), "请求URL失败"),
    ] {
        let (status, answer) = sandbox.set_callback(&url, "safe").await;
        assert_eq!(status, 400);
        assert!(
            answer["error"].as_str().unwrap().starts_with(words),
            "{answer}"
        );
    }
    sandbox.stop_with(callback).await;
}
