//! A page that is attached to its session hears when it is over, however it ends.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::{
    refresh::{SHOP, shop_login, with_shop},
    support::{Answer, Browser, Gateway, call, close_code, spawn_gateway, spawn_gateway_with},
};

const VERIFIER_OF_SOMEBODY: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const DAY: Duration = Duration::from_secs(24 * 3600);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn attach(token: &str) -> Value {
    json!({ "type": "attach", "access_token": token })
}

/// A tab that is told that it is attached.
pub(crate) async fn attached(gateway: &Gateway, login: &Answer) -> Browser {
    let mut tab = gateway.browser().await;
    tab.say(attach(login.token())).await;
    let attached = tab.event("attached").await;
    assert_eq!(attached["session_id"], session_id(login));
    tab
}

fn session_id(login: &Answer) -> Value {
    login.json["data"]["session_id"].clone()
}

/// That the tab is told why the session ended, and that the socket is over then.
pub(crate) async fn hears(tab: &mut Browser, login: &Answer, reason: &str) {
    let told = tab.event("session_revoked").await;
    let due =
        json!({ "type": "session_revoked", "session_id": session_id(login), "reason": reason });
    assert_eq!(told, due);
    assert_eq!(close_code(&tab.ended().await), 1000, "{reason}");
}

/// That the tab was told nothing at all.
async fn hears_nothing(tab: &mut Browser) {
    assert_eq!(tab.told_meanwhile().await, Vec::<Value>::new());
}

async fn log_out(gateway: &Gateway, cookie: &str, body: Value) {
    let answer = call(gateway.post("/auth/logout", &body).header("cookie", cookie)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Does what ends a session for that reason.
async fn end(gateway: &Gateway, login: &Answer, other: &Answer, reason: &str) {
    match reason {
        "signed_out" => log_out(gateway, login.cookie(), json!({})).await,
        "signed_out_everywhere" => {
            log_out(gateway, other.cookie(), json!({ "everywhere": true })).await;
        }
        "signed_out_elsewhere" => {
            let url = gateway.api(&format!(
                "/sessions/{}",
                session_id(login).as_str().unwrap()
            ));
            let delete = gateway.method("DELETE", &url).json(&json!({}));
            let delete = delete.header("origin", gateway.origin());
            let answer = call(delete.bearer_auth(other.token())).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        "reuse" => {
            gateway.refresh(login.cookie()).await;
            gateway.later(seconds(11));
            let alarm = gateway.refresh(login.cookie()).await;
            assert_eq!(
                (alarm.code(), &alarm.json["reason"]),
                (40102, &json!(reason))
            );
        }
        "expired" => gateway.later(7 * DAY),
        other => panic!("what is {other}?"),
    }
}

/// That whoever comes later with what the session gave is told the same.
async fn reads(gateway: &Gateway, login: &Answer, reason: &str) {
    let list = call(gateway.get("/api/v1/sessions").bearer_auth(login.token()));
    let refresh = gateway.refresh(login.cookie());
    for answer in [refresh.await, gateway.me(login.token()).await, list.await] {
        let told = (answer.code(), &answer.json["reason"]);
        assert_eq!(told, (40102, &json!(reason)), "{answer:?}");
    }
    let mut tab = gateway.browser().await;
    tab.say(attach(login.token())).await;
    let (error, close, _) = tab.refused().await;
    let told = (&error["error"]["code"], &error["error"]["reason"], close);
    assert_eq!(told, (&json!(40102), &json!(reason), 4401));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_hears_how_its_session_ended_and_so_does_who_comes_later() {
    let gateway = spawn_gateway().await;
    for reason in [
        "signed_out",
        "signed_out_everywhere",
        "signed_out_elsewhere",
        "reuse",
        "expired",
    ] {
        let ours = gateway.login("lixiaolong").await;
        let other = gateway.login("lixiaolong").await;
        let stranger = gateway.login("wangfang").await;
        let mut tabs = join_all((0..3).map(|_| attached(&gateway, &ours))).await;
        let mut strange = attached(&gateway, &stranger).await;
        end(&gateway, &ours, &other, reason).await;
        for tab in &mut tabs {
            hears(tab, &ours, reason).await;
        }
        if reason == "expired" {
            hears(&mut strange, &stranger, reason).await;
            let refused = gateway.refresh(ours.cookie()).await;
            assert_eq!((refused.code(), refused.json.get("reason")), (40100, None));
        } else {
            reads(&gateway, &ours, reason).await;
            hears_nothing(&mut strange).await;
            let line = format!(r#"scangate_sessions_ended_total{{reason="{reason}"}}"#);
            assert!(gateway.metric(&line).await >= 1.0, "{line}");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_hears_that_its_grant_was_burnt() {
    let gateway = spawn_gateway().await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let grant = &authorized["grant"];
    let ours = gateway.redeem(grant, &browser.verifier).await;
    let mut tab = attached(&gateway, &ours).await;
    let burnt = gateway.redeem(grant, VERIFIER_OF_SOMEBODY).await;
    assert_eq!(burnt.code(), 40002);
    hears(&mut tab, &ours, "grant_burnt").await;
    gateway.stop().await;
}

/// The access token runs out after ten minutes, the session does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_lives_as_long_as_the_session() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("lixiaolong").await;
    let mut tab = attached(&gateway, &ours).await;
    gateway.later(6 * DAY);
    tab.event("ping").await;
    tab.say(json!({ "type": "pong" })).await;
    hears_nothing(&mut tab).await;
    let next = gateway.refresh(ours.cookie()).await;
    assert_eq!(next.status, 200);
    gateway.later(6 * DAY);
    tab.event("ping").await;
    hears_nothing(&mut tab).await;
    gateway.later(DAY);
    hears(&mut tab, &ours, "expired").await;
    gateway.stop().await;
}

/// That an `attach` with this token is refused so.
async fn is_refused(gateway: &Gateway, token: &str, code: u64, close: u16) {
    let mut tab = gateway.browser().await;
    tab.say(attach(token)).await;
    let (error, closed, _) = tab.refused().await;
    assert_eq!(
        (&error["error"]["code"], &error["ref"], closed),
        (&json!(code), &json!("attach"), close),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_good_token_of_a_live_session_attaches() {
    let gateway = spawn_gateway().await;
    let (ours, ended) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let foreign = spawn_gateway().await;
    let theirs = foreign.login("zoe").await;
    log_out(&gateway, ended.cookie(), json!({})).await;
    for wrong in ["", "x", "a.b.c", theirs.token(), ours.cookie()] {
        is_refused(&gateway, wrong, 40100, 4401).await;
    }
    is_refused(&gateway, ended.token(), 40102, 4401).await;
    gateway.later(seconds(606));
    is_refused(&gateway, ours.token(), 40101, 4401).await;
    let next = gateway.refresh(ours.cookie()).await;
    attached(&gateway, &next).await;
    for gateway in [gateway, foreign] {
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_are_limited_by_address() {
    let limit = ("limits.failed_resumes_per_address_per_min", "3");
    let gateway = spawn_gateway_with(&[limit]).await;
    let ours = gateway.login("zoe").await;
    for _ in 0..3 {
        is_refused(&gateway, "wrong", 40100, 4401).await;
    }
    is_refused(&gateway, ours.token(), 42900, 4429).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_apps_page_attaches_to_no_session_of_ours() {
    let gateway = with_shop().await;
    let (ours, shop) = (gateway.login("zoe").await, shop_login(&gateway).await);
    for (origin, login) in [(SHOP, &ours), (gateway.origin().as_str(), &shop)] {
        let mut tab = Browser::open_as(&gateway, origin, Some("scan.v1"))
            .await
            .unwrap();
        tab.say(attach(login.token())).await;
        let (error, close, _) = tab.refused().await;
        assert_eq!((&error["error"]["code"], close), (&json!(40300), 4403));
    }
    let mut tab = Browser::open_as(&gateway, SHOP, Some("scan.v1"))
        .await
        .unwrap();
    tab.say(attach(shop.token())).await;
    tab.event("attached").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_socket_is_for_nothing_else() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    let start = json!({ "type": "start", "challenge": "A".repeat(43) });
    let resume = json!({ "type": "resume", "scene": "x", "secret": "y", "seq": 0 });
    for second in [start.clone(), resume, attach(ours.token())] {
        let mut tab = attached(&gateway, &ours).await;
        for command in [
            json!({ "type": "refresh" }),
            json!({ "type": "cancel" }),
            json!({ "type": "verify", "code": "07" }),
        ] {
            tab.say(command).await;
            assert_eq!(tab.event("error").await["error"]["code"], 40900);
        }
        hears_nothing(&mut tab).await;
        tab.say(second).await;
        let (error, close, _) = tab.refused().await;
        assert_eq!((&error["error"]["code"], close), (&json!(40001), 4400));
    }
    let mut login = gateway.browser().await;
    login.start().await;
    login.say(attach(ours.token())).await;
    let (error, close, _) = login.refused().await;
    assert_eq!((&error["error"]["code"], close), (&json!(40001), 4400));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_tabs_are_too_many_and_all_that_attached_are_told() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    let mut tabs = join_all((0..32).map(|_| attached(&gateway, &ours))).await;
    for _ in 32..40 {
        is_refused(&gateway, ours.token(), 42900, 4429).await;
    }
    tabs.pop().unwrap().leave().await;
    // 32 sockets of tabs, and none of those refused or left.
    gateway.until_metric("scangate_sockets", 31.0).await;
    tabs.push(attached(&gateway, &ours).await);
    log_out(&gateway, ours.cookie(), json!({})).await;
    for tab in &mut tabs {
        hears(tab, &ours, "signed_out").await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_socket_is_kept_pinged_and_sent_away_as_any() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    let mut tab = attached(&gateway, &ours).await;
    gateway.later(seconds(30));
    tab.event("ping").await;
    hears_nothing(&mut tab).await;
    let (_data, ended) = join(gateway.stop(), tab.ended()).await;
    assert_eq!(close_code(&ended), 1012);
}

/// Whichever comes first, no tab stays attached to a session that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_race_of_attach_and_logout_forgets_no_tab() {
    let gateway = spawn_gateway().await;
    for _ in 0..16 {
        let ours = gateway.login("zoe").await;
        let mut tab = gateway.browser().await;
        tab.say(attach(ours.token())).await;
        log_out(&gateway, ours.cookie(), json!({})).await;
        let told = loop {
            let event = tab.next("the end").await;
            if !matches!(event["type"].as_str(), Some("hello" | "attached")) {
                break event;
            }
        };
        let is_over = told["type"] == "session_revoked" || told["error"]["code"] == 40102;
        assert!(is_over, "{told}");
        assert!(matches!(close_code(&tab.ended().await), 1000 | 4401));
    }
    gateway.stop().await;
}

/// Another node on the same database, or a command at the keyboard.
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_hears_what_another_process_ended() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/sessions.db", data.path().display());
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let (ours, gone) = (gateway.login("zoe").await, gateway.login("wangfang").await);
    let mut tab = attached(&gateway, &ours).await;
    let mut forgotten = attached(&gateway, &gone).await;
    let mut somebody = SqliteConnection::connect(&url).await.unwrap();
    let end = "UPDATE sessions SET ended_at = $2, end_reason = 'merged' WHERE id = $1";
    let now = i64::try_from(gateway.clock.wall()).unwrap();
    let end = sqlx::query(end).bind(session_id(&ours).as_str().unwrap().to_owned());
    end.bind(now).execute(&mut somebody).await.unwrap();
    hears(&mut tab, &ours, "merged").await;
    hears_nothing(&mut forgotten).await;

    // A row that is gone is missed when it is read again, after an hour.
    let delete = sqlx::query("DELETE FROM sessions WHERE id = $1");
    let delete = delete.bind(session_id(&gone).as_str().unwrap().to_owned());
    delete.execute(&mut somebody).await.unwrap();
    gateway.later(seconds(3601));
    hears(&mut forgotten, &gone, "expired").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_ends_nothing() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/sessions.db", data.path().display());
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let ours = gateway.login("zoe").await;
    let mut tab = attached(&gateway, &ours).await;
    let mut somebody = SqliteConnection::connect(&url).await.unwrap();
    let hide = "ALTER TABLE sessions RENAME TO hidden";
    sqlx::query(hide).execute(&mut somebody).await.unwrap();
    assert_eq!(gateway.me(ours.token()).await.code(), 50300);
    gateway.later(seconds(3601));
    tab.event("ping").await;
    hears_nothing(&mut tab).await;

    let show = "ALTER TABLE hidden RENAME TO sessions";
    sqlx::query(show).execute(&mut somebody).await.unwrap();
    log_out(&gateway, ours.cookie(), json!({})).await;
    hears(&mut tab, &ours, "signed_out").await;
    gateway.stop().await;
}
