//! What scans, follows and messages make the account hear, and what the phone shows of it.

use super::{
    callback::{Callback, Play},
    push::start,
    *,
};

impl Playground {
    /// The text of a parametric code's picture.
    async fn parametric(&self, action_info: Value) -> String {
        let body = json!({
            "expire_seconds": 300, "action_name": "QR_STR_SCENE", "action_info": action_info
        });
        let code = self.create(body).await;
        code["url"].as_str().unwrap().to_owned()
    }

    async fn does(&self, act: &str, body: Value) -> Value {
        let (status, answer) = self.api("POST", act, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A form of the phone; where it leads.
    async fn taps(&self, form: &str, fields: &[(&str, &str)]) -> String {
        let url = self.url(&format!("/phone/{form}"));
        let response = self.client.post(url).form(fields).send().await.unwrap();
        assert_eq!(response.status(), 303);
        header_of(&response, "location")
    }
}

fn scene(text: &str) -> Value {
    json!({ "scene": { "scene_str": text } })
}

/// The `CreateTime` of the push of that number.
async fn second(callback: &Callback, number: usize) -> u64 {
    let event = callback.received(number).await[number - 1].event.clone();
    let (_, rest) = event.split_once("<CreateTime>").unwrap();
    rest.split_once('<').unwrap().0.parse().unwrap()
}

/// `Event` and `EventKey` of the latest push.
async fn latest(callback: &Callback, count: usize) -> (String, String) {
    let received = callback.received(count).await;
    let event = received.last().unwrap().event.clone();
    let value = |name: &str| {
        let (_, rest) = event.split_once(&format!("<{name}><![CDATA[")).unwrap();
        rest.split_once("]]>").unwrap().0.to_owned()
    };
    (value("Event"), value("EventKey"))
}

fn pair(event: &str, key: &str) -> (String, String) {
    (event.to_owned(), key.to_owned())
}

#[tokio::test]
async fn a_follower_who_scans_is_told_of_and_answered() {
    let (sandbox, callback) = start("safe").await;
    let text = sandbox.parametric(scene("7Qm")).await;
    callback.plays([Play::Sealed("Tap http://a/s/7Qm", SANDBOX_TOKEN)]);
    let answer = sandbox.does("/scan", json!({ "text": text })).await;
    let replies = json!([{ "text": "Tap http://a/s/7Qm" }]);
    assert_eq!(answer, json!({ "kind": "message", "replies": replies }));
    assert_eq!(latest(&callback, 1).await, pair("SCAN", "7Qm"));
    assert!(
        callback.received(1).await[0]
            .event
            .contains("<Ticket><![CDATA[gQ")
    );

    let forgotten = sandbox.parametric(json!({ "scene_str": "1" })).await;
    sandbox.does("/scan", json!({ "text": forgotten })).await;
    assert_eq!(
        latest(&callback, 2).await,
        pair("SCAN", "0"),
        "the scene was not nested"
    );
    sandbox.pass(300);
    let (status, gone) = sandbox.api("POST", "/scan", json!({ "text": text })).await;
    assert_eq!(status, 400, "{gone}");
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn who_does_the_same_again_at_once_is_not_taken_for_a_repeat() {
    let (sandbox, callback) = start("plain").await;
    let first = sandbox.parametric(scene("1")).await;
    let other = sandbox.parametric(scene("2")).await;
    for text in [&first, &first, &first, &other] {
        sandbox.does("/scan", json!({ "text": text })).await;
    }
    let now = second(&callback, 1).await;
    assert_eq!(second(&callback, 2).await, now + 1);
    assert_eq!(second(&callback, 3).await, now + 2);
    assert_eq!(second(&callback, 4).await, now, "another code");
    sandbox.pass(10);
    sandbox.does("/scan", json!({ "text": first })).await;
    assert_eq!(second(&callback, 5).await, now + 10);
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn anybody_else_has_to_follow_first() {
    let (sandbox, callback) = start("plain").await;
    let text = sandbox.parametric(scene("7Qm")).await;
    let scan = json!({ "user": "zoe", "text": text });
    let must_follow = json!({ "kind": "message", "replies": [], "follow": true });
    let zoe = json!({ "user": "zoe" });
    assert_eq!(sandbox.does("/scan", scan.clone()).await, must_follow);
    assert_eq!(callback.count(), 0);
    callback.plays([Play::Clear("welcome")]);
    let followed = sandbox.does("/follow", zoe.clone()).await;
    assert_eq!(followed, json!({ "replies": [{ "text": "welcome" }] }));
    assert_eq!(latest(&callback, 1).await, pair("subscribe", "qrscene_7Qm"));
    sandbox.does("/follow", zoe.clone()).await;
    assert_eq!(callback.count(), 1, "a follower already");

    sandbox.does("/unfollow", zoe.clone()).await;
    assert_eq!(latest(&callback, 2).await, pair("unsubscribe", ""));
    let (status, _) = sandbox
        .api("POST", "/message", json!({ "user": "zoe", "text": "?" }))
        .await;
    assert_eq!(status, 409);
    sandbox.does("/follow", zoe.clone()).await;
    assert_eq!(
        latest(&callback, 3).await,
        pair("subscribe", ""),
        "the code counted once"
    );

    sandbox.does("/unfollow", zoe.clone()).await;
    assert_eq!(sandbox.does("/scan", scan).await, must_follow);
    sandbox.pass(299);
    sandbox.does("/follow", zoe).await;
    assert_eq!(latest(&callback, 5).await, pair("subscribe", "qrscene_7Qm"));
    for bad in [
        json!({ "user": "nobody" }),
        json!({ "app_id": "wx0" }),
        json!({ "app_id": config::SANDBOX_WEBSITE_APP_ID }),
        json!({ "text": "no message" }),
    ] {
        assert_eq!(sandbox.api("POST", "/follow", bad).await.0, 400);
    }
    sandbox.stop_with(callback).await;
}

#[tokio::test]
async fn the_phone_goes_from_the_code_to_the_chat() {
    let (sandbox, callback) = start("plain").await;
    let text = sandbox.parametric(scene("7Qm")).await;
    let card = sandbox.visit("/phone", "zoe").query(&[("scan", &text)]);
    let card = card.send().await.unwrap().text().await.unwrap();
    assert!(
        card.contains("action=\"/phone/scan\"") && card.contains("Zoë"),
        "{card}"
    );
    let chat = format!("/phone?view=chat&app_id={SANDBOX_APP_ID}");
    let tap = [("user", "zoe"), ("app_id", SANDBOX_APP_ID)];
    assert_eq!(
        sandbox
            .taps("scan", &[("user", "zoe"), ("text", &text)])
            .await,
        chat
    );
    let shown = async |user| {
        let page = sandbox.visit(&chat, user).send().await.unwrap();
        page.text().await.unwrap()
    };
    assert!(shown("zoe").await.contains("action=\"/phone/follow\""));
    callback.plays([Play::Clear("welcome"), Play::Clear("hello")]);
    assert_eq!(sandbox.taps("follow", &tap).await, chat);
    assert_eq!(latest(&callback, 1).await, pair("subscribe", "qrscene_7Qm"));
    let [user, app_id] = tap;
    sandbox.taps("say", &[user, app_id, ("text", " hi ")]).await;
    let page = shown("zoe").await;
    for line in [">welcome</p>", ">hi</p>", ">hello</p>"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(
        !sandbox.chat().await.contains("welcome"),
        "it is her chat only"
    );
    sandbox.taps("unfollow", &tap).await;
    assert_eq!(latest(&callback, 3).await, pair("unsubscribe", ""));
    assert!(shown("zoe").await.contains("action=\"/phone/follow\""));

    sandbox.pass(300);
    let gone = sandbox.get("/phone").query(&[("scan", &text)]);
    let gone = gone.send().await.unwrap().text().await.unwrap();
    assert!(
        gone.contains("no longer valid") && !gone.contains("id=\"open\""),
        "{gone}"
    );
    let url = sandbox.url("/phone/follow");
    for (fields, origin) in [
        ([("user", "nobody"), app_id], None),
        ([user, ("app_id", "wx0")], None),
        (tap, Some("http://evil.example")),
    ] {
        let mut request = sandbox.client.post(&url).form(&fields);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    sandbox.stop_with(callback).await;
}
