//! Who a person is, over several WeChat accounts and over time.

use std::time::Duration;

use scangate::config::{SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::{
    attach::{attached, hears},
    support::{Answer, Gateway, Operator, spawn_gateway_with},
};

/// Whose SHA-256 is the challenge of [`crate::support::Steps::start`].
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const INTRODUCED: &str = r#"scangate_wechat_requests_total{endpoint="userinfo",outcome="ok"}"#;

/// A minute after it was told, a profile is due again.
const DUE: Duration = Duration::from_secs(60);

async fn spawn_beside(operator: &Operator) -> Gateway {
    let url = operator.store_url();
    spawn_gateway_with(&[("store.url", &url), ("users.profile_ttl_s", "60")]).await
}

/// Binds a sandbox account to an Open Platform account: "" for none.
async fn bind(gateway: &Gateway, app_id: &str, platform: &str) {
    let account = json!({ "app_id": app_id, "platform": platform });
    gateway.sandbox_call("PUT", "accounts", &account).await;
}

/// A login by WeChat's own page.
async fn login_by_website(gateway: &Gateway, user: &str) -> Answer {
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(gateway).await;
    let callback = browser.to_website_callback(gateway, &pending, user).await;
    browser.open_framed(&callback).await.says(200, "已登录");
    let authorized = gateway.now(&pending).await;
    let answer = gateway.redeem(&authorized["grant"], VERIFIER).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn id(login: &Answer) -> &str {
    login.json["data"]["user"]["id"].as_str().unwrap()
}

fn name(login: &Answer) -> &Value {
    &login.json["data"]["user"]["name"]
}

/// That the session of this login is over.
async fn is_over(gateway: &Gateway, login: &Answer) {
    let me = gateway.me(login.token()).await;
    assert_eq!(me.code(), 40102, "{me:?}");
    let refreshed = gateway.refresh(login.cookie()).await;
    assert_eq!(refreshed.code(), 40102, "{refreshed:?}");
}

/// Two users of one person, and a login of the second with the unionid of the first.
async fn in_conflict(gateway: &Gateway) -> (Answer, Answer) {
    bind(gateway, SANDBOX_WEBSITE_APP_ID, "elsewhere").await;
    let first = gateway.login("lixiaolong").await;
    let second = login_by_website(gateway, "lixiaolong").await;
    assert_ne!(id(&first), id(&second));
    bind(gateway, SANDBOX_WEBSITE_APP_ID, "sandbox").await;
    let again = login_by_website(gateway, "lixiaolong").await;
    assert_eq!(id(&again), id(&second), "the login goes on");
    (first, second)
}

/// What people were called before.
async fn rename_everybody(operator: &Operator) {
    let mut store = SqliteConnection::connect(&operator.store_url())
        .await
        .unwrap();
    sqlx::query("UPDATE users SET name = 'Before'")
        .execute(&mut store)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_unionid_makes_two_users_one() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    bind(&gateway, SANDBOX_APP_ID, "").await;
    let by_phone = gateway.login("lixiaolong").await;
    let by_website = login_by_website(&gateway, "lixiaolong").await;
    assert_ne!(id(&by_phone), id(&by_website));

    bind(&gateway, SANDBOX_APP_ID, "sandbox").await;
    gateway.later(DUE);
    let mut tab = attached(&gateway, &by_phone).await;
    let again = gateway.login("lixiaolong").await;
    assert_eq!(id(&again), id(&by_website));
    hears(&mut tab, &by_phone, "merged").await;
    is_over(&gateway, &by_phone).await;
    for login in [&by_website, &again] {
        assert_eq!(gateway.me(login.token()).await.status, 200);
    }
    let record = operator.reads(&["export", id(&by_phone)]).await;
    assert_eq!(record["id"], id(&by_website), "the old id leads to it");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_waits_for_an_operator() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    let (first, second) = in_conflict(&gateway).await;
    login_by_website(&gateway, "lixiaolong").await;
    let listed = operator.reads(&["conflicts", "--json"]).await;
    let all = listed["conflicts"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{listed}");
    assert_eq!(
        (&all[0]["user"], &all[0]["other"], &all[0]["app_id"]),
        (
            &json!(id(&second)),
            &json!(id(&first)),
            &json!(SANDBOX_WEBSITE_APP_ID)
        )
    );
    let unionid = format!("unionid:{}", all[0]["unionid"].as_str().unwrap());
    let text = operator.does(&["conflicts"]).await;
    assert!(
        text.contains(id(&second)) && text.contains(&unionid),
        "{text}"
    );

    operator.does(&["merge", id(&second), &unionid]).await;
    is_over(&gateway, &second).await;
    assert_eq!(gateway.me(first.token()).await.status, 200);
    let again = login_by_website(&gateway, "lixiaolong").await;
    assert_eq!(id(&again), id(&first));
    let left = operator.does(&["conflicts"]).await;
    assert_eq!(left, "No conflict waits for a decision.\n");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_was_dismissed_stays_so() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    let (_, second) = in_conflict(&gateway).await;
    let listed = operator.reads(&["conflicts", "--json"]).await;
    let conflict = listed["conflicts"][0]["id"].as_str().unwrap();
    operator.does(&["dismiss", conflict]).await;
    let again = operator.users(&["dismiss", conflict]).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let login = login_by_website(&gateway, "lixiaolong").await;
    assert_eq!(id(&login), id(&second));
    let listed = operator.reads(&["conflicts", "--json"]).await;
    assert_eq!(listed, json!({ "conflicts": [] }));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_asked_for_again_when_it_is_due() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    gateway.login("wangfang").await;
    rename_everybody(&operator).await;
    assert_eq!(name(&gateway.login("wangfang").await), "Before");
    gateway.later(DUE);
    assert_eq!(name(&gateway.login("wangfang").await), "王芳");
    let introduced = gateway.metric(INTRODUCED).await;
    assert!((introduced - 2.0).abs() < 0.1, "{introduced}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_without_a_name_is_asked_for_it() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    gateway.login("wangfang").await;
    let mut store = SqliteConnection::connect(&operator.store_url())
        .await
        .unwrap();
    sqlx::query("UPDATE users SET name = NULL, profiled_at = NULL")
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(name(&gateway.login("wangfang").await), "王芳");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_profiles_are_good_for_ever_nobody_is_asked_twice() {
    let operator = Operator::new();
    let url = operator.store_url();
    let settings = [("store.url", &*url), ("users.profile_ttl_s", "0")];
    let gateway = spawn_gateway_with(&settings).await;
    gateway.login("wangfang").await;
    rename_everybody(&operator).await;
    gateway.later(Duration::from_secs(400 * 86_400));
    assert_eq!(name(&gateway.login("wangfang").await), "Before");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_website_flow_brings_the_profile_each_time() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    login_by_website(&gateway, "wangfang").await;
    rename_everybody(&operator).await;
    let again = login_by_website(&gateway, "wangfang").await;
    assert_eq!(name(&again), "王芳");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_profile_somebody_known_logs_in_all_the_same() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    login_by_website(&gateway, "wangfang").await;
    gateway.login("wangfang").await;
    rename_everybody(&operator).await;
    gateway.later(DUE);
    let fault = json!([{ "endpoint": "/sns/userinfo", "errcode": 48001 }]);
    gateway.faults(fault).await;
    assert_eq!(
        name(&login_by_website(&gateway, "wangfang").await),
        "Before"
    );
    assert_eq!(name(&gateway.login("wangfang").await), "Before");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_the_profile_has_refused_the_login() {
    let operator = Operator::new();
    let gateway = spawn_beside(&operator).await;
    gateway.login("wangfang").await;
    gateway.later(DUE);
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("wangfang");
    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    browser.event("scanned").await;
    let consent = phone.press(&asks, "confirm").await;
    phone
        .press(&consent, "reject")
        .await
        .says(200, "已取消登录");
    assert_eq!(browser.event("rejected").await["by"], "user");
    gateway.stop().await;
}
