//! What happens at once ends one way, and no number is missing in what the browser is told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    lifecycle::text,
    number_match::{always, digits},
    support::{Caller, Gateway, Phone, Step, call, path, read, spawn_gateway, types},
};

const ROUNDS: usize = 10;
const PEOPLE: [&str; 2] = ["lixiaolong", "wangfang"];

/// A gateway that knows these people.
async fn acquainted() -> Gateway {
    let gateway = spawn_gateway().await;
    for user in PEOPLE {
        gateway.login(user).await;
    }
    gateway
}

/// Scans, and confirms when asked: whether that was a login.
async fn signs_in(phone: &Phone, text: &str) -> bool {
    let page = phone.scan(text).await;
    if !page.has_form("confirm") {
        return false;
    }
    let page = phone.press(&page, "confirm").await;
    page.status == 200 && page.html.contains("已登录")
}

/// The page of a scene that is over, or just past its end and not yet told so.
fn over(step: &Step) {
    assert!([404, 410].contains(&step.page.status), "{step:?}");
    assert!(step.page.html.contains("二维码已失效"), "{step:?}");
}

/// As long as the gateway takes for so many other calls: each round meets the race at another moment.
async fn some_time(gateway: &Gateway, round: usize) {
    for _ in 0..round {
        call(gateway.get("/api/v1/config")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_at_once() {
    let gateway = acquainted().await;
    for round in 0..2 * ROUNDS {
        // Two people, then one person with two phones.
        let users = [PEOPLE[0], PEOPLE[round % 2]];
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        let [one, other] = users.map(|user| gateway.phone(user));
        let text = text(&pending);
        let done = tokio::join!(signs_in(&one, text), signs_in(&other, text));
        assert!(done.0 != done.1, "{users:?}: {done:?}");
        let story = browser.story("authorized").await;
        assert_eq!(types(&story), ["scanned", "authorized"]);
        let first = if done.0 { users[0] } else { users[1] };
        let name = if first == PEOPLE[0] {
            "李小龙"
        } else {
            "王芳"
        };
        assert_eq!(story[1]["user"]["name"], name);
        assert_eq!(browser.redeem(&story[1]["grant"]).await.0, 200);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_buttons_and_each_twice() {
    let gateway = acquainted().await;
    for _ in 0..ROUNDS {
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        let phone = gateway.phone(PEOPLE[0]);
        let page = phone.scan(text(&pending)).await;
        let press = |name: &'static str| phone.press(&page, name);
        let pages = tokio::join!(
            press("confirm"),
            press("reject"),
            press("confirm"),
            press("reject")
        );
        let end = gateway.now(&pending).await["type"].clone();
        let end = end.as_str().unwrap();
        assert!(["authorized", "rejected"].contains(&end), "{end}");
        assert_eq!(types(&browser.story(end).await), ["scanned", end]);
        let says = if end == "authorized" {
            "已登录"
        } else {
            "已取消登录"
        };
        for page in [pages.0, pages.1, pages.2, pages.3] {
            page.says(200, says);
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_confirms_and_the_browser_gives_up() {
    let gateway = acquainted().await;
    for round in 0..ROUNDS {
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        let phone = gateway.phone(PEOPLE[0]);
        let page = phone.scan(text(&pending)).await;
        let cancel = async {
            some_time(&gateway, round).await;
            browser.say(json!({ "type": "cancel" })).await;
        };
        tokio::join!(phone.press(&page, "confirm"), cancel);
        let story = browser.story("cancelled").await;
        match types(&story)[..] {
            ["scanned", "cancelled"] => {}
            ["scanned", "authorized", "cancelled"] => {
                let (status, _) = browser.redeem(&story[1]["grant"]).await;
                assert_eq!(status, 400, "a burnt grant");
            }
            _ => panic!("{story:?}"),
        }
        gateway
            .stands_at(
                &pending,
                "cancelled",
                story.last().unwrap()["seq"].as_u64().unwrap(),
            )
            .await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_comes_back_at_the_last_moment() {
    let gateway = acquainted().await;
    for round in 0..ROUNDS {
        let phone = gateway.steps(PEOPLE[0]);
        let pending = phone.start(&gateway, json!({ "flow": "h5" })).await;
        let callback = phone.to_callback(text(&pending)).await;
        let expire = async {
            some_time(&gateway, round).await;
            gateway.later(Duration::from_secs(120));
        };
        let (step, ()) = tokio::join!(phone.follow(&callback), expire);
        let end = gateway.after(&pending, 1).await;
        assert_eq!(end["seq"], 2, "{end}");
        match end["type"].as_str() {
            Some("scanned") => assert!(step.page.has_form("confirm"), "{step:?}"),
            Some("expired") => over(&step),
            _ => panic!("{end}"),
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_confirms_at_the_last_moment() {
    let gateway = acquainted().await;
    for round in 0..ROUNDS {
        let phone = gateway.steps(PEOPLE[0]);
        let pending = phone.start(&gateway, json!({ "flow": "h5" })).await;
        let page = phone.scan(text(&pending)).await;
        let expire = async {
            some_time(&gateway, round).await;
            gateway.later(Duration::from_secs(180));
        };
        let confirm = async {
            let step = phone.press(&page, "confirm").await;
            match &step.location {
                Some(url) => phone.follow(url).await,
                None => step,
            }
        };
        let (step, ()) = tokio::join!(confirm, expire);
        let end = gateway.after(&pending, 2).await;
        // Authorized just before, and past the end of that too.
        match (end["type"].as_str(), end["seq"].as_u64()) {
            (Some("authorized"), Some(3)) => step.says(200, "已登录"),
            (Some("expired"), Some(4)) if step.page.status == 200 => step.says(200, "已登录"),
            (Some("expired"), Some(3 | 4)) => over(&step),
            _ => panic!("{end}"),
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_says_no_and_the_browser_has_the_digits() {
    let gateway = always().await;
    let caller = Caller::new(&gateway);
    for round in 0..ROUNDS {
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        let phone = gateway.phone(PEOPLE[0]);
        let page = phone.confirm(text(&pending)).await;
        let reject = async {
            some_time(&gateway, round % 5).await;
            phone.press(&page, "reject").await
        };
        let (page, (status, answer)) =
            tokio::join!(reject, verify(&caller, &pending, digits(&page)));
        let end = if status == 200 {
            "authorized"
        } else {
            "rejected"
        };
        let story = browser.story(end).await;
        assert_eq!(types(&story), ["scanned", "verifying", end]);
        match end {
            "authorized" => page.says(200, "已登录"),
            _ => {
                assert_eq!((status, &answer["code"]), (409, &json!(40900)));
                page.says(200, "已取消登录");
            }
        }
        gateway.stands_at(&pending, end, 4).await;
    }
    gateway.stop().await;
}

async fn verify(caller: &Caller, pending: &Value, code: &str) -> (u16, Value) {
    let call = path(pending, "verify");
    read(caller.post(&call, Some(&pending["secret"]), &json!({ "code": code }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn wechats_page_comes_back_and_the_browser_gives_up() {
    let gateway = acquainted().await;
    let caller = Caller::new(&gateway);
    for round in 0..ROUNDS {
        let browser = gateway.steps(PEOPLE[0]);
        let pending = browser.start_website(&gateway).await;
        let callback = browser
            .to_website_callback(&gateway, &pending, PEOPLE[0])
            .await;
        let cancel = async {
            some_time(&gateway, round).await;
            caller.command(&pending, "cancel").await
        };
        let (step, (status, cancelled)) = tokio::join!(browser.open_framed(&callback), cancel);
        assert_eq!(status, 200, "{cancelled}");
        // Authorized meanwhile, and burnt, or never.
        let seq = cancelled["data"]["seq"].as_u64().unwrap();
        match seq {
            2 => step.says(200, "电脑上已取消登录"),
            3 => step.says(200, "登录"),
            _ => panic!("{cancelled}"),
        }
        gateway.stands_at(&pending, "cancelled", seq).await;
        let again = browser.open_framed(&callback).await;
        again.says(200, "电脑上已取消登录");
    }
    gateway.stop().await;
}
