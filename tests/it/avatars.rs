//! Pictures of people, as browsers get them: from the gateway alone.

use std::net::TcpListener;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Gateway, call, spawn_gateway, spawn_gateway_with, within};

/// Where the gateway serves the picture of somebody who has just logged in.
async fn avatar(gateway: &Gateway, user: &str) -> String {
    let login = gateway.login(user).await;
    let url = login.json["data"]["user"]["avatar"].as_str().unwrap();
    let begin = format!("{}/avatars/", gateway.origin());
    assert!(url.starts_with(&begin), "{url}");
    url.to_owned()
}

async fn get(gateway: &Gateway, url: &str) -> Answer {
    call(gateway.get(url)).await
}

/// Somebody of the sandbox with a picture of their own.
async fn add_user(gateway: &Gateway, id: &str, picture: &str) {
    let url = format!("http://{}/sandbox/api/users", gateway.sandbox);
    let user = json!({ "id": id, "name": id, "avatar": picture });
    let answer = call(gateway.method("POST", &url).json(&user)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn is_missing(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (404, 40400), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_comes_from_the_gateway_and_is_fetched_once() {
    let gateway = spawn_gateway().await;
    gateway.strike("avatars", None).await;
    let url = avatar(&gateway, "lixiaolong").await;
    assert_eq!(gateway.passed("avatars").await, 0, "nobody has looked yet");

    let ten = join_all((0..10).map(|_| get(&gateway, &url))).await;
    let drawing = format!("http://{}/sandbox/avatars/lixiaolong.jpg", gateway.sandbox);
    assert_eq!(gateway.passed("avatars").await, 1);
    let drawing = get(&gateway, &drawing).await;
    for answer in &ten {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.text, drawing.text);
    }
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("cache-control", "public, max-age=86400, immutable"),
        ("content-disposition", "inline"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("set-cookie", ""),
    ] {
        assert_eq!(ten[0].header(name), value, "{name}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_a_browser_has_is_not_sent_again() {
    let gateway = spawn_gateway().await;
    let url = avatar(&gateway, "zoe").await;
    let head = call(gateway.method("HEAD", &url)).await;
    assert_eq!((head.status, &*head.text), (200, ""));
    let tag = head.header("etag");
    let again = call(gateway.get(&url).header("if-none-match", tag)).await;
    assert_eq!((again.status, &*again.text), (304, ""));
    assert_eq!(again.header("etag"), tag);
    assert!(again.header("cache-control").contains("immutable"));
    let other = call(gateway.get(&url).header("if-none-match", "\"other\"")).await;
    assert_eq!(other.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_nobodys_are_not_found() {
    let gateway = spawn_gateway().await;
    for name in [
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAB",
        "AAAA",
        "%00",
        "..%2fs",
        "zoe.jpg",
        "http:%2f%2f127.0.0.1%2f",
    ] {
        is_missing(&get(&gateway, &format!("/avatars/{name}")).await);
    }
    let post = call(gateway.method("POST", "/avatars/AAAAAAAAAAAAAAAAAAAAAA")).await;
    assert_eq!(post.status, 405);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_not_served_and_not_asked_for_again() {
    let gateway = spawn_gateway().await;
    for (user, fault) in [
        ("lixiaolong", json!({ "body": "<html><script>1</script>" })),
        ("wangfang", json!({ "status": 302 })),
        ("zoe", json!({ "truncate": 100 })),
        ("dirty", json!({ "reset": "after" })),
    ] {
        let url = avatar(&gateway, user).await;
        gateway.strike("avatars", Some(fault)).await;
        is_missing(&get(&gateway, &url).await);
        gateway.strike("avatars", None).await;
        is_missing(&get(&gateway, &url).await);
        assert_eq!(gateway.passed("avatars").await, 0, "{user}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawing_that_can_hold_scripts_is_not_served() {
    let gateway = spawn_gateway().await;
    let svg = format!("http://{}/sandbox/assets/icon.svg", gateway.sandbox);
    assert_eq!(
        get(&gateway, &svg).await.header("content-type"),
        "image/svg+xml"
    );
    add_user(&gateway, "amy", &svg).await;
    let url = avatar(&gateway, "amy").await;
    is_missing(&get(&gateway, &url).await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_elsewhere_is_not_fetched() {
    let gateway = spawn_gateway().await;
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let address = inside.local_addr().unwrap();
    for (id, picture) in [
        ("amy", format!("http://{address}/a.jpg")),
        ("bob", format!("https://{address}/a.jpg")),
        ("cat", format!("https://wx.qlogo.cn@{address}/a.jpg")),
        ("dan", format!("http://localhost:{}/a.jpg", address.port())),
    ] {
        add_user(&gateway, id, &picture).await;
        let login = gateway.login(id).await;
        // What cannot be an address at all was not kept.
        if let Some(url) = login.json["data"]["user"]["avatar"].as_str() {
            is_missing(&get(&gateway, url).await);
        } else {
            assert_eq!(id, "cat");
        }
    }
    let connected = inside.accept().map_err(|error| error.kind());
    assert_eq!(connected.unwrap_err(), std::io::ErrorKind::WouldBlock);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_picture_is_given_up_and_holds_nobody_up() {
    let gateway = spawn_gateway().await;
    let [slow, quick] = ["lixiaolong", "zoe"].map(|user| avatar(&gateway, user));
    let (slow, quick) = (slow.await, quick.await);
    let minute = json!({ "endpoint": "/sandbox/avatars", "latency_ms": 60_000, "times": 1 });
    gateway.faults(json!([minute])).await;
    let others = async {
        let struck = async { while !gateway.faults_left("avatars").await.is_empty() {} };
        within("the slow picture to be asked for", struck).await;
        let answer = get(&gateway, &quick).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let mut answer = Box::pin(get(&gateway, &slow));
    tokio::select! {
        biased;
        () = others => {}
        answer = &mut answer => panic!("it was quicker: {answer:?}"),
    }
    is_missing(&answer.await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_looks_at_so_many_pictures() {
    let gateway = spawn_gateway_with(&[("limits.avatars_per_address_per_min", "2")]).await;
    let url = avatar(&gateway, "zoe").await;
    for expected in [200, 200, 429] {
        assert_eq!(get(&gateway, &url).await.status, expected);
    }
    gateway.stop().await;
}
