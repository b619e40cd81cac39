//! `scangate users`, as an operator types it beside a running gateway.

use serde_json::json;

use crate::{
    attach::{attached, hears},
    support::{Operator, PASSWORD, spawn_gateway_with, spawn_with_accounts},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_exported_and_erased() {
    let operator = Operator::new();
    let url = operator.store_url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let login = gateway.login("lixiaolong").await;
    let other = gateway.login("wangfang").await;
    let id = login.json["data"]["user"]["id"].as_str().unwrap();
    let session = &login.json["data"]["session_id"];

    let record = operator.reads(&["export", id]).await;
    assert_eq!(
        (&record["id"], &record["name"]),
        (&json!(id), &json!("李小龙"))
    );
    let sessions = record["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &sessions[0]["id"]), (1, session));
    assert_eq!(sessions[0]["ip"], "127.0.0.1");
    let openid = record["identities"][0]["openid"].as_str().unwrap();
    let app_id = record["identities"][0]["app_id"].as_str().unwrap();
    let unionid = record["unionids"][0]["unionid"].as_str().unwrap();
    let by_openid = format!("openid:{app_id}:{openid}");
    let by_unionid = format!("unionid:{unionid}");
    for who in [&by_openid, &by_unionid] {
        assert_eq!(operator.reads(&["export", who]).await, record);
    }
    let shown = operator.does(&["show", &by_unionid]).await;
    for text in [id, "李小龙", openid, session.as_str().unwrap()] {
        assert!(shown.contains(text), "no {text} in {shown}");
    }

    let unasked = operator.users(&["erase", id]).await;
    assert_eq!(unasked.status.code(), Some(2), "{unasked:?}");
    let mut tab = attached(&gateway, &login).await;
    let known = ["李小龙", openid, unionid];
    assert!(known.iter().all(|text| operator.finds(text)));
    operator.does(&["erase", id, "--yes"]).await;
    for text in known {
        assert!(!operator.finds(text), "{text} is still in the files");
    }
    hears(&mut tab, &login, "erased").await;
    let me = gateway.me(login.token()).await;
    assert_eq!(me.code(), 40102, "{me:?}");
    assert_eq!(gateway.refresh(login.cookie()).await.code(), 40102);
    assert_eq!(gateway.me(other.token()).await.status, 200);

    let again = gateway.login("lixiaolong").await;
    assert_ne!(again.json["data"]["user"]["id"], id, "somebody new");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_somebody_erased_opens_nothing() {
    let operator = Operator::new();
    let url = operator.store_url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let login = gateway.login("lixiaolong").await;
    let id = login.json["data"]["user"]["id"].as_str().unwrap();
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    operator.does(&["erase", id, "--yes"]).await;
    let refused = gateway
        .redeem(&authorized["grant"], &browser.verifier)
        .await;
    assert_eq!(refused.code(), 40002, "{refused:?}");
    gateway.stop().await;
}

/// The tap needs no database, so it does not know; the redemption does.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_between_the_scan_and_the_tap_is_not_signed_in() {
    let operator = Operator::new();
    let url = operator.store_url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let login = gateway.login("lixiaolong").await;
    let id = login.json["data"]["user"]["id"].as_str().unwrap();
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    operator.does(&["erase", id, "--yes"]).await;
    phone.press(&asks, "confirm").await;
    browser.event("scanned").await;
    let authorized = browser.event("authorized").await;
    let (_, refused) = browser.redeem(&authorized["grant"]).await;
    assert_eq!(refused["code"], 40002, "{refused}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_for_its_reader_only() {
    use std::os::unix::fs::PermissionsExt;
    let operator = Operator::new();
    let url = operator.store_url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let login = gateway.login("lixiaolong").await;
    let id = login.json["data"]["user"]["id"].as_str().unwrap();
    let file = operator.file("lixiaolong.json");
    let arguments = ["export", id, "--out", file.to_str().unwrap()];
    assert_eq!(operator.does(&arguments).await, "");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, operator.does(&["export", id]).await);
    let again = operator.users(&arguments).await;
    assert_eq!(again.status.code(), Some(1), "it is there already");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_taken_away() {
    let operator = Operator::new();
    let url = operator.store_url();
    let gateway = spawn_with_accounts(&[("store.url", &url)]).await;
    let login = gateway.login("lixiaolong").await;
    let added = gateway
        .add_password(login.token(), "bruce.of.this.test")
        .await;
    assert_eq!(added.status, 201, "{added:?}");
    let id = login.user();
    let shown = operator.does(&["show", id]).await;
    assert!(shown.contains("bruce.of.this.test"), "{shown}");
    let mut tab = attached(&gateway, &login).await;
    let said = operator.does(&["remove-password", id]).await;
    assert!(said.contains(id), "{said}");
    hears(&mut tab, &login, "password_changed").await;
    gateway.me(login.token()).await.refused(40102);
    let gone = gateway.sign_in("bruce.of.this.test", PASSWORD).await;
    gone.refused(40104);
    let again = operator.users(&["remove-password", id]).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(gateway.login("lixiaolong").await.user(), id);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_has_its_exit_code() {
    let operator = Operator::new();
    for (arguments, code, says) in [
        (&["show", "nobody"][..], 1, "nobody is known"),
        (&["show", "unionid:nobody"], 1, "nobody is known"),
        (&["erase", "openid:wx1:o1", "--yes"], 1, "nobody is known"),
        (&["merge", "nobody", "nobody"], 1, "nobody is known"),
        (&["remove-password", "nobody"], 1, "nobody is known"),
        (&["dismiss", "nothing"], 1, "nothing"),
        (&["show", "openid:o1"], 2, "openid:<app_id>:<openid>"),
        (&["show", "name:李小龙"], 2, "a user id"),
        (&["show"], 2, "WHO"),
        (&[], 2, "Usage"),
    ] {
        let output = operator.users(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}
