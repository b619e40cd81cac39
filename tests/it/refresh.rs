//! Living with a session: refresh, logout, and the apps kept apart.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, Browser, Gateway, call, close_code, spawn_gateway, spawn_gateway_with,
};

pub(crate) const SHOP: &str = "https://shop.example";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// That a call was refused so.
pub(crate) fn refused(answer: &Answer, code: u64) {
    assert_eq!(answer.code(), code, "{answer:?}");
    assert_eq!(u64::from(answer.status), code / 100, "{answer:?}");
}

/// `Max-Age` of the refresh cookie.
fn seconds_left(answer: &Answer) -> u64 {
    let line = answer.set_cookie("scangate");
    let left = line.split("Max-Age=").nth(1).unwrap();
    left.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_rotates() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("lixiaolong").await;
    let line = first.set_cookie("scangate");
    let attributes: HashSet<_> = line.split("; ").skip(1).collect();
    // Plain http on this machine: no browser would take Secure or __Host-.
    for due in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(due), "{line}");
    }
    assert_eq!(attributes.len(), 4, "and nothing else: {line}");
    let left = seconds_left(&first);
    assert!((604_700..=604_800).contains(&left), "a week: {line}");

    let next = gateway.refresh(first.cookie()).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_ne!(next.cookie(), first.cookie());
    assert_ne!(next.token(), first.token());
    let (old, new) = (&first.json["data"], &next.json["data"]);
    assert_eq!(
        (&old["session_id"], &old["user"]),
        (&new["session_id"], &new["user"])
    );
    assert_eq!(next.header("cache-control"), "no-store");
    for token in [first.token(), next.token()] {
        assert_eq!(gateway.me(token).await.status, 200);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_race_get_the_same_successor() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("lixiaolong").await;
    let answers = join_all((0..16).map(|_| gateway.refresh(first.cookie()))).await;
    let cookies: HashSet<_> = answers.iter().map(Answer::cookie).collect();
    assert_eq!(cookies.len(), 1);
    gateway.later(Duration::from_secs(5));
    let late = gateway.refresh(first.cookie()).await;
    assert_eq!(late.cookie(), answers[0].cookie(), "within ten seconds");
    let again = gateway.refresh(late.cookie()).await;
    assert_eq!(
        (again.status, again.set_cookie("scangate")),
        (200, ""),
        "too new to rotate"
    );
    gateway.later(Duration::from_secs(6));
    let next = gateway.refresh(late.cookie()).await;
    assert_ne!(next.cookie(), late.cookie());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_is_theft() {
    let gateway = spawn_gateway().await;
    for (pause, rotations) in [(11, 1), (0, 2)] {
        let first = gateway.login("lixiaolong").await;
        let other = gateway.login("lixiaolong").await;
        let mut latest = gateway.refresh(first.cookie()).await;
        for _ in 1..rotations {
            gateway.later(Duration::from_secs(11));
            latest = gateway.refresh(latest.cookie()).await;
        }
        gateway.later(Duration::from_secs(pause));
        refused(&gateway.refresh(first.cookie()).await, 40102);
        refused(&gateway.refresh(latest.cookie()).await, 40102);
        refused(&gateway.me(latest.token()).await, 40102);
        assert_eq!(
            gateway.me(other.token()).await.status,
            200,
            "only this session"
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_nobody_refreshes_it() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("lixiaolong").await;
    gateway.later(6 * DAY);
    let next = gateway.refresh(first.cookie()).await;
    assert_eq!(next.status, 200, "each refresh gives it a week: {next:?}");
    gateway.later(7 * DAY);
    refused(&gateway.refresh(next.cookie()).await, 40100);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_thirty_days_whatever_happens() {
    let gateway = spawn_gateway().await;
    let mut latest = gateway.login("lixiaolong").await;
    for day in [6, 12, 18, 24, 29] {
        gateway.later(if day == 29 { 5 * DAY } else { 6 * DAY });
        latest = gateway.refresh(latest.cookie()).await;
        assert_eq!(latest.status, 200, "day {day}: {latest:?}");
    }
    let left = seconds_left(&latest);
    assert!(left <= 24 * 3600, "the cookie does not outlive it: {left}");
    gateway.later(DAY);
    refused(&gateway.refresh(latest.cookie()).await, 40100);
    gateway.stop().await;
}

async fn logout(gateway: &Gateway, body: Value, header: (&str, &str)) -> Answer {
    let answer = call(
        gateway
            .post("/auth/logout", &body)
            .header(header.0, header.1),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cleared = answer.set_cookie("scangate");
    assert!(
        cleared.starts_with("scangate=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session_at_once() {
    let gateway = spawn_gateway().await;
    for by_cookie in [true, false] {
        let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
        let bearer = format!("Bearer {}", ours.token());
        let header = if by_cookie {
            ("cookie", ours.cookie())
        } else {
            ("authorization", &*bearer)
        };
        logout(&gateway, json!({}), header).await;
        refused(&gateway.me(ours.token()).await, 40102);
        refused(&gateway.refresh(ours.cookie()).await, 40102);
        logout(&gateway, json!({}), header).await;
        assert_eq!(
            gateway.me(other.token()).await.status,
            200,
            "the other one lives on"
        );
    }
    logout(&gateway, json!({}), ("cookie", "scangate=nonsense")).await;
    logout(&gateway, json!({}), ("cookie", "")).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_everywhere_ends_them_all() {
    let gateway = spawn_gateway().await;
    let stranger = gateway.login("wangfang").await;
    for by_cookie in [true, false] {
        let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
        let bearer = format!("Bearer {}", ours.token());
        let header = if by_cookie {
            ("cookie", ours.cookie())
        } else {
            ("authorization", &*bearer)
        };
        logout(&gateway, json!({ "everywhere": true }), header).await;
        for gone in [&ours, &other] {
            refused(&gateway.me(gone.token()).await, 40102);
            refused(&gateway.refresh(gone.cookie()).await, 40102);
        }
    }
    assert_eq!(gateway.me(stranger.token()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_ended_session_ends_no_other() {
    let gateway = spawn_gateway().await;
    let (ended, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let copied = format!("Bearer {}", ended.token());
    logout(&gateway, json!({}), ("cookie", ended.cookie())).await;
    logout(
        &gateway,
        json!({ "everywhere": true }),
        ("authorization", &copied),
    )
    .await;
    assert_eq!(gateway.me(other.token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_foreign_pages_are_refused() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    for path in ["/auth/token", "/auth/refresh", "/auth/logout", "/scenes"] {
        let body = json!({ "grant": "x", "verifier": "y", "challenge": "A".repeat(43) });
        for origin in ["https://evil.example", "null", "http://127.0.0.1", "", "x"] {
            let foreign = gateway
                .post_from(origin, path, &body)
                .header("cookie", ours.cookie());
            refused(&call(foreign).await, 40300);
        }
        let url = gateway.api(path);
        let missing = gateway.method("POST", &url).json(&body);
        refused(&call(missing.header("cookie", ours.cookie())).await, 40300);
        let doubled = gateway.post(path, &body).header("origin", gateway.origin());
        refused(&call(doubled).await, 40300);
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            let form = gateway
                .method("POST", &url)
                .header("origin", gateway.origin());
            let form = form.header("content-type", kind).body(body.to_string());
            refused(&call(form.header("cookie", ours.cookie())).await, 40000);
        }
    }
    refused(&gateway.refresh("scangate-b=x").await, 40100);
    refused(&gateway.refresh("scangate=nonsense").await, 40100);
    assert_eq!(
        gateway.refresh(ours.cookie()).await.status,
        200,
        "and nothing changed"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_does_not_say_who_is_there() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    let answer = call(gateway.get("/api/v1/me").header("cookie", ours.cookie())).await;
    refused(&answer, 40100);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    gateway.stop().await;
}

pub(crate) async fn with_shop() -> Gateway {
    spawn_gateway_with(&[
        ("apps.shop.name", "Shop"),
        ("apps.shop.origins", SHOP),
        ("apps.shop.flows", "h5"),
        ("accounts.enabled", "true"),
    ])
    .await
}

/// A login to the shop: what the redemption answered.
pub(crate) async fn shop_login(gateway: &Gateway) -> Answer {
    let mut tab = Browser::open_as(gateway, SHOP, Some("scan.v1"))
        .await
        .unwrap();
    tab.say(json!({ "type": "start", "app": "shop", "challenge": tab.challenge() }))
        .await;
    let pending = tab.event("pending").await;
    let phone = gateway.phone("zoe");
    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    assert!(asks.html.contains("登录 Shop？"), "{asks:?}");
    let page = phone.press(&asks, "confirm").await;
    if page.has_form("confirm") {
        phone.press(&page, "confirm").await;
    }
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();

    let body = json!({ "grant": grant, "verifier": tab.verifier });
    // The right verifier, but another app's page: refused, and the grant is not burnt.
    refused(&call(gateway.post("/auth/token", &body)).await, 40300);
    let answer = call(gateway.post_from(SHOP, "/auth/token", &body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_are_kept_apart() {
    let gateway = with_shop().await;
    let shop = shop_login(&gateway).await;
    let ours = gateway.login("zoe").await;
    assert_eq!(
        shop.json["data"]["user"], ours.json["data"]["user"],
        "one person"
    );
    assert!(
        shop.set_cookie("scangate").is_empty(),
        "a cookie of its own"
    );
    let cookie = shop.cookie_named("scangate-shop");
    assert_eq!(gateway.me(shop.token()).await.status, 200);

    let app = json!({ "app": "shop" });
    let refresh = |origin: &str, body: &Value, cookie: &str| {
        call(
            gateway
                .post_from(origin, "/auth/refresh", body)
                .header("cookie", cookie.to_owned()),
        )
    };
    let own = gateway.origin();
    refused(&refresh(&own, &app, cookie).await, 40300);
    refused(&refresh(SHOP, &json!({}), ours.cookie()).await, 40300);
    refused(
        &refresh(SHOP, &json!({ "app": "nobody" }), cookie).await,
        40300,
    );
    refused(
        &refresh(SHOP, &json!({ "app": "../x" }), cookie).await,
        40300,
    );
    // Under the other app's name, a cookie is none.
    let renamed = ours.cookie().replace("scangate=", "scangate-shop=");
    refused(&refresh(SHOP, &app, &renamed).await, 40100);
    let renamed = cookie.replace("scangate-shop=", "scangate=");
    refused(&gateway.refresh(&renamed).await, 40100);
    let next = refresh(SHOP, &app, cookie).await;
    assert_eq!(next.status, 200, "nothing of it was harmed: {next:?}");
    assert_eq!(gateway.refresh(ours.cookie()).await.status, 200);

    let ours_out = |body: Value| {
        let request = gateway.post_from(SHOP, "/auth/logout", &body);
        call(request.header("cookie", ours.cookie().to_owned()))
    };
    refused(&ours_out(json!({})).await, 40300);
    assert_eq!(
        ours_out(app).await.status,
        200,
        "there is no session of the shop in it"
    );
    assert_eq!(gateway.me(ours.token()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_opened_by_its_own_pages_alone() {
    let gateway = with_shop().await;
    let challenge = "A".repeat(43);
    let start = json!({ "type": "start", "app": "shop", "challenge": challenge });
    refused(&call(gateway.post("/scenes", &start)).await, 40300);
    let ours = json!({ "challenge": challenge });
    refused(
        &call(gateway.post_from(SHOP, "/scenes", &ours)).await,
        40300,
    );
    assert_eq!(
        call(gateway.post_from(SHOP, "/scenes", &start))
            .await
            .status,
        201
    );

    let mut tab = gateway.browser().await;
    tab.say(start).await;
    assert_eq!(tab.event("error").await["error"]["code"], 40300);
    assert_eq!(close_code(&tab.ended().await), 4403);
    gateway.stop().await;
}
