//! What happens at once around the chat of the official account ends one way.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Browser, Gateway, link, spawn_gateway, spawn_gateway_with, types};

const ROUNDS: usize = 10;

async fn start(gateway: &Gateway) -> (Browser, Value) {
    let mut browser = gateway.browser().await;
    let pending = browser.start_official().await;
    (browser, pending)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_twenty_times() {
    let gateway = spawn_gateway().await;
    for round in 1..=ROUNDS {
        let resign = round % 2 == 0;
        let switches = json!({ "duplicate": 19, "concurrent": true, "resign": resign });
        gateway.switches(switches).await;
        let (mut browser, pending) = start(&gateway).await;
        let said = gateway.scan_code("lixiaolong", &pending).await;
        let text = &said["replies"][0]["text"];
        for attempt in &gateway.attempts(20 * round).await[20 * (round - 1)..] {
            assert_eq!(attempt["detail"], *text, "{attempt}");
        }
        assert!(link(&said).contains(pending["scene"].as_str().unwrap()));
        assert_eq!(types(&browser.story("scanned").await), ["scanned"]);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_scan_one_code() {
    let gateway = spawn_gateway().await;
    gateway.follow("zoe").await;
    for _ in 0..ROUNDS {
        let (mut browser, pending) = start(&gateway).await;
        let users = ["lixiaolong", "zoe"];
        let said = join_all(users.map(|user| gateway.scan_code(user, &pending))).await;
        let (first, second) = if has_link(&said[0]) { (0, 1) } else { (1, 0) };
        assert!(!has_link(&said[second]), "{said:?}");
        let other = gateway.phone(users[second]).open(&link(&said[first])).await;
        other.says(409, "已在另一台设备上使用");
        gateway
            .phone(users[first])
            .confirm(&link(&said[first]))
            .await;
        let story = browser.story("authorized").await;
        assert_eq!(types(&story), ["scanned", "authorized"]);
    }
    gateway.stop().await;
}

fn has_link(said: &Value) -> bool {
    said["replies"][0]["text"]
        .as_str()
        .unwrap()
        .contains("http")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_open_one_bearer_link() {
    let settings = [("wechat.official_account.confirm", "bearer_link")];
    let gateway = spawn_gateway_with(&settings).await;
    for _ in 0..ROUNDS {
        let (mut browser, pending) = start(&gateway).await;
        let link = link(&gateway.scan_code("lixiaolong", &pending).await);
        let phones = [(); 2].map(|()| gateway.phone("lixiaolong"));
        let opened = phones.iter().map(async |phone| {
            let page = phone.open(&link).await;
            phone.press(&page, "open").await
        });
        let pages = join_all(opened).await;
        let asked: Vec<_> = (0..2).filter(|n| pages[*n].has_form("confirm")).collect();
        let [first] = asked[..] else {
            panic!("{pages:?}")
        };
        assert_eq!(pages[1 - first].status, 400, "{:?}", pages[1 - first]);
        phones[first].press(&pages[first], "confirm").await;
        let story = browser.story("authorized").await;
        assert_eq!(types(&story), ["scanned", "authorized"]);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_wants_a_new_code_and_the_old_one_is_scanned() {
    let gateway = spawn_gateway().await;
    for round in 0..2 * ROUNDS {
        let (mut browser, pending) = start(&gateway).await;
        let refresh = async {
            for _ in 0..round * 20 {
                tokio::task::yield_now().await;
            }
            browser.say(json!({ "type": "refresh" })).await;
        };
        let (said, ()) = tokio::join!(gateway.scan_code("lixiaolong", &pending), refresh);
        let mut told = browser.next("pending or scanned").await;
        while told["type"] == "hello" || told["type"] == "error" {
            told = browser.next("pending or scanned").await;
        }
        if told["type"] == "pending" {
            assert!(!has_link(&said), "{said}");
            assert_ne!(told["scene"], pending["scene"]);
            gateway.stands_at(&pending, "cancelled", 2).await;
            gateway.stands_at(&told, "pending", 1).await;
        } else {
            assert_eq!(told["type"], "scanned", "{told}");
            assert!(has_link(&said), "{said}");
            gateway.stands_at(&pending, "scanned", 2).await;
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pages_want_their_first_code() {
    for _ in 0..ROUNDS / 2 {
        let gateway = spawn_gateway().await;
        let site = gateway.steps("zoe");
        let wish = json!({ "flow": "official_account" });
        let pendings = join_all((0..6).map(|_| site.start(&gateway, wish.clone()))).await;
        let texts: BTreeSet<_> = pendings
            .iter()
            .map(|pending| pending["qr"]["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts.len(), 6, "each its own");
        for (endpoint, calls) in [("stable_token", 1.0), ("create_qr", 6.0)] {
            let line =
                format!("scangate_wechat_requests_total{{endpoint=\"{endpoint}\",outcome=\"ok\"}}");
            let made = gateway.metric(&line).await;
            assert!((made - calls).abs() < 0.1, "{line} {made}");
        }
        gateway.stop().await;
    }
}
