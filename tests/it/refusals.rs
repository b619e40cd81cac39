//! Under which names the gateway answers, and how it says no.

use crate::support::{call, spawn_gateway};

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_has_one_name() {
    let gateway = spawn_gateway().await;
    let port = gateway.url.port().unwrap();
    let from = |path: &str, host: &str| call(gateway.get(path).header("host", host));
    for host in ["localhost", "LOCALHOST", "127.0.0.2", "[::1]"] {
        let host = format!("{host}:{port}");
        for path in ["/", "/app?x=1", "/s/abc"] {
            let answer = from(path, &host).await;
            assert_eq!(answer.status, 307, "{host}{path}: {answer:?}");
            let due = format!("{}{path}", gateway.origin());
            assert_eq!(answer.header("location"), due);
        }
        let api = from("/api/v1/config", &host).await;
        assert_eq!((api.status, api.code()), (421, 42100), "{host}");
    }
    let own = gateway.url.host_str().unwrap();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("{own}:1"),
        own.to_owned(),
        format!("192.168.0.1:{port}"),
    ] {
        for path in ["/", "/s/abc", "/api/v1/config", "/callback/wechat"] {
            let answer = from(path, &host).await;
            assert_eq!((answer.status, answer.code()), (421, 42100), "{host}{path}");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_behind_a_proxy_plays_no_more() {
    let gateway = spawn_gateway().await;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-host", "login.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
    ] {
        for path in ["/", "/api/v1/config", "/s/abc"] {
            let answer = call(gateway.get(path).header(name, value)).await;
            assert_eq!(
                (answer.status, answer.code()),
                (421, 42100),
                "{name} {path}"
            );
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_speak_two_languages() {
    let gateway = spawn_gateway().await;
    for (method, path, code, zh, en) in [
        ("GET", "/nothing", 40400, "未找到。", "Not found."),
        ("GET", "/api/v1/nothing", 40400, "未找到。", "Not found."),
        (
            "DELETE",
            "/",
            40500,
            "不支持此请求方法。",
            "This method is not allowed here.",
        ),
        (
            "GET",
            "/api/v1/auth/token",
            40500,
            "不支持此请求方法。",
            "This method is not allowed here.",
        ),
    ] {
        for (language, tag, message) in [
            ("zh-CN,zh;q=0.9", "zh-CN", zh),
            ("en-GB", "en", en),
            ("de", "zh-CN", zh),
        ] {
            let request = gateway.method(method, path);
            let answer = call(request.header("accept-language", language)).await;
            assert_eq!(
                u64::from(answer.status),
                code / 100,
                "{method} {path}: {answer:?}"
            );
            assert_eq!(
                (answer.code(), answer.json["message"].as_str()),
                (code, Some(message))
            );
            assert_eq!(answer.header("content-language"), tag);
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.json["request_id"], answer.header("x-request-id"));
        }
    }
    let chosen = gateway
        .get("/nothing?lang=en")
        .header("accept-language", "zh-CN");
    assert_eq!(call(chosen).await.json["message"], "Not found.");
    gateway.stop().await;
}
