//! Several accounts at once: who is who to whom.

use super::*;
use crate::config::{SANDBOX_WEBSITE_APP_ID, SANDBOX_WEBSITE_APP_SECRET};

const SHOP: &str = "wx00000000000000bb";
const SHOP_SECRET: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn shop() -> Value {
    json!({ "app_id": SHOP, "app_secret": SHOP_SECRET, "kind": "official_account" })
}

#[tokio::test]
async fn accounts_are_listed_added_changed_and_reset() {
    let sandbox = Playground::start().await;
    let list = async || -> Vec<Value> {
        let shown = sandbox.get("/sandbox/api/accounts").send().await.unwrap();
        let shown: Value = shown.json().await.unwrap();
        shown["accounts"].as_array().unwrap().clone()
    };
    let own = list().await;
    assert_eq!(own.len(), 2);
    assert_eq!(own[0]["app_id"], SANDBOX_APP_ID);
    assert_eq!(own[1]["app_secret"], SANDBOX_WEBSITE_APP_SECRET);

    let (status, added) = sandbox.api("PUT", "/accounts", shop()).await;
    assert_eq!((status, &added["name"]), (201, &json!(SHOP)));
    assert_eq!(added["message_mode"], "plain");
    let change = json!({
        "app_id": SHOP,
        "name": "Shop",
        "token": "abc",
        "ip_allow_list": ["10.0.0.0/8"],
    });
    let (status, changed) = sandbox.api("PUT", "/accounts", change).await;
    assert_eq!((status, &changed["app_secret"]), (200, &json!(SHOP_SECRET)));
    assert_eq!(list().await[2], changed);
    for (bad, why) in [
        (json!({ "app_id": "wx00000000000000cc" }), "app_secret"),
        (json!({ "app_id": SHOP, "token": "-" }), "token: "),
        (json!({ "app_id": SHOP, "other": 1 }), "unknown field"),
        (
            json!({ "app_id": SANDBOX_WEBSITE_APP_ID, "kind": "official_account" }),
            "kind: ",
        ),
    ] {
        let (status, error) = sandbox.api("PUT", "/accounts", bad).await;
        assert_eq!(status, 400);
        assert!(error["error"].as_str().unwrap().contains(why), "{error}");
    }
    sandbox.api("POST", "/reset", json!({})).await;
    assert_eq!(list().await, own);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_and_an_openid_belong_to_one_account() {
    let sandbox = Playground::start().await;
    sandbox.api("PUT", "/accounts", shop()).await;
    let own = sandbox.code("zoe", "snsapi_base").await;
    let link = authorize("snsapi_base", "s").replace(SANDBOX_APP_ID, SHOP);
    let back = sandbox.visit(&link, "zoe").send().await.unwrap();
    let theirs = query_of(&location(&back), "code").unwrap();
    let as_shop = |code: &str| {
        exchange(code)
            .replace(SANDBOX_APP_ID, SHOP)
            .replace(SANDBOX_APP_SECRET, SHOP_SECRET)
    };
    assert_errcode(&sandbox.sns(&as_shop(&own)).await, 40029);
    assert_errcode(&sandbox.exchange(&theirs).await, 40029);
    let (here, there) = (
        sandbox.exchange(&own).await,
        sandbox.sns(&as_shop(&theirs)).await,
    );
    assert!(here["openid"].is_string() && there["openid"].is_string());
    assert_ne!(here["openid"], there["openid"]);

    let token = sandbox.token_of(SHOP, SHOP_SECRET).await;
    let path = format!(
        "/cgi-bin/user/info?access_token={token}&openid={}",
        here["openid"].as_str().unwrap()
    );
    assert_errcode(&sandbox.call(sandbox.get(&path)).await, 49003);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_unverified_account_and_a_website_have_no_in_app_page() {
    let sandbox = Playground::start().await;
    let link = authorize("snsapi_base", "s");
    let website = link.replace(SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID);
    let page = sandbox.get(&website).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("10016"));
    let unverified = json!({ "app_id": SANDBOX_APP_ID, "is_verified": false });
    sandbox.api("PUT", "/accounts", unverified).await;
    let page = sandbox.get(&link).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("10005"));
    sandbox.stop().await;
}
