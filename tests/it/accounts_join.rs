//! One person, whether they come with a password or with WeChat.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    refresh::{SHOP, shop_login, with_shop},
    support::{Answer, Gateway, PASSWORD, call, spawn_with_accounts},
};

async fn join(gateway: &Gateway, token: &str, grant: &Value, verifier: &str) -> Answer {
    let body = json!({ "grant": grant, "verifier": verifier });
    call(gateway.post("/auth/join", &body).bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_joins_the_account_of_who_is_signed_in() {
    let gateway = spawn_with_accounts(&[]).await;
    let account = gateway.register("bruce", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    let joined = join(&gateway, account.token(), grant, verifier).await;
    assert_eq!((joined.status, joined.user()), (200, account.user()));
    assert_eq!(joined.json["data"]["user"]["name"], "李小龙");
    assert!(joined.json["data"]["user"]["avatar"].is_string());
    assert!(joined.set_cookie("scangate").is_empty(), "no session");

    let again = join(&gateway, account.token(), grant, verifier).await;
    assert_eq!(again.json["data"], joined.json["data"], "a lost answer");
    gateway.redeem(grant, verifier).await.refused(40002);
    let by_scan = gateway.login("lixiaolong").await;
    let by_password = gateway.sign_in("bruce", PASSWORD).await;
    assert_eq!(by_scan.user(), account.user());
    assert_eq!(by_password.user(), account.user());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_scanned_adds_a_password() {
    let gateway = spawn_with_accounts(&[]).await;
    let scanned = gateway.login("lixiaolong").await;
    gateway.register("taken", PASSWORD).await;
    let taken = gateway.add_password(scanned.token(), "taken").await;
    taken.refused(40902);
    let added = gateway.add_password(scanned.token(), "bruce").await;
    assert_eq!((added.status, added.user()), (201, scanned.user()));
    assert_eq!(
        added.json["data"]["session_id"],
        scanned.json["data"]["session_id"]
    );
    assert!(added.set_cookie("scangate").is_empty(), "no other session");
    let second = gateway.add_password(scanned.token(), "lee").await;
    second.refused(40903);
    let by_password = gateway.sign_in("bruce", PASSWORD).await;
    assert_eq!(by_password.user(), scanned.user());
    assert_eq!(gateway.login("lixiaolong").await.user(), scanned.user());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_are_never_made_one() {
    let gateway = spawn_with_accounts(&[]).await;
    let scanned = gateway.login("lixiaolong").await;
    gateway.add_password(scanned.token(), "bruce").await;
    let account = gateway.register("lee", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    for _ in 0..2 {
        let refused = join(&gateway, account.token(), grant, verifier).await;
        refused.refused(40903);
    }
    gateway.redeem(grant, verifier).await.refused(40002);
    assert_eq!(gateway.me(scanned.token()).await.status, 200);
    assert_eq!(gateway.login("lixiaolong").await.user(), scanned.user());
    assert_ne!(account.user(), scanned.user());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ever_signed_in_by_wechat_stays_who_they_are() {
    let gateway = spawn_with_accounts(&[]).await;
    let before = gateway.login("lixiaolong").await;
    let account = gateway.register("bruce", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    for _ in 0..2 {
        let refused = join(&gateway, account.token(), grant, verifier).await;
        refused.refused(40903);
    }
    gateway.redeem(grant, verifier).await.refused(40002);
    assert_eq!(gateway.me(before.token()).await.status, 200);
    assert_eq!(gateway.me(account.token()).await.status, 200);
    assert_eq!(gateway.login("lixiaolong").await.user(), before.user());
    assert_ne!(account.user(), before.user());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_app_does_not_become_a_password_for_all() {
    const OTHER: &str = "staple of purple batteries";
    let gateway = with_shop().await;
    let own = gateway.login("zoe").await;
    let shop = shop_login(&gateway).await;
    assert_eq!(own.user(), shop.user(), "one person");
    let call = async |path: &str, body: Value| {
        let request = gateway.post_from(SHOP, path, &body);
        call(request.bearer_auth(shop.token())).await
    };
    let credentials = json!({ "username": "zoe", "password": PASSWORD });
    let added = call("/auth/register", credentials).await;
    added.refused(40301);
    assert_eq!(gateway.add_password(own.token(), "zoe").await.status, 201);
    let passwords = json!({ "current": PASSWORD, "new": OTHER });
    let changed = call("/auth/password", passwords).await;
    changed.refused(40301);
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let grant = json!({ "grant": authorized["grant"], "verifier": browser.verifier });
    let joined = call("/auth/join", grant).await;
    joined.refused(40301);
    assert_eq!(gateway.sign_in("zoe", PASSWORD).await.user(), own.user());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scan_joins_one_account() {
    let gateway = spawn_with_accounts(&[]).await;
    let one = gateway.register("bruce", PASSWORD).await;
    let two = gateway.register("lee", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (second, later) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    let joined = join(&gateway, one.token(), grant, verifier).await;
    assert_eq!(joined.user(), one.user());
    let other = join(&gateway, two.token(), grant, verifier).await;
    other.refused(40002);
    let other = join(&gateway, two.token(), &later["grant"], &second.verifier).await;
    other.refused(40002);
    let again = gateway.authorized("lixiaolong").await;
    let own = join(&gateway, one.token(), &again.1["grant"], &again.0.verifier).await;
    assert_eq!((own.status, own.user()), (200, one.user()), "one already");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_joined_under_the_rules_of_a_grant() {
    let gateway = spawn_with_accounts(&[]).await;
    let account = gateway.register("bruce", PASSWORD).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    let body = json!({ "grant": grant, "verifier": verifier });
    call(gateway.post("/auth/join", &body)).await.refused(40100);
    let foreign = gateway.post_from("https://evil.example", "/auth/join", &body);
    let foreign = call(foreign.bearer_auth(account.token())).await;
    foreign.refused(40300);
    let scanned = gateway.login("zoe").await;
    let none = join(&gateway, scanned.token(), grant, verifier).await;
    none.refused(40900);
    let unknown = join(&gateway, account.token(), &json!("x"), verifier).await;
    unknown.refused(40002);

    let wrong = join(&gateway, account.token(), grant, "wrong").await;
    wrong.refused(40002);
    let burnt = join(&gateway, account.token(), grant, verifier).await;
    burnt.refused(40002);
    assert_ne!(gateway.login("lixiaolong").await.user(), account.user());

    let (browser, authorized) = gateway.authorized("wangfang").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    assert_eq!(gateway.redeem(grant, verifier).await.status, 200);
    let spent = join(&gateway, account.token(), grant, verifier).await;
    spent.refused(40002);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_in_is_changed_only_right_after_signing_in() {
    let gateway = spawn_with_accounts(&[]).await;
    let account = gateway.register("bruce", PASSWORD).await;
    let scanned = gateway.login("zoe").await;
    gateway.later(Duration::from_secs(601));
    let account = gateway.refresh(account.cookie()).await;
    let scanned = gateway.refresh(scanned.cookie()).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.as_str());
    let old = join(&gateway, account.token(), grant, verifier).await;
    old.refused(40103);
    let challenge = "Bearer error=\"insufficient_user_authentication\"";
    assert_eq!(old.header("www-authenticate"), challenge);
    let added = gateway.add_password(scanned.token(), "zoe").await;
    added.refused(40103);
    let fresh = gateway.sign_in("bruce", PASSWORD).await;
    let joined = join(&gateway, fresh.token(), grant, verifier).await;
    assert_eq!(joined.status, 200, "the grant was not spent");
    gateway.stop().await;
}
