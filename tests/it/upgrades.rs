//! An upgrade is a request like all others until it is answered: it passes the same middlewares.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::{Process, Raw, frame, spawn_gateway, spawn_gateway_with, within};

const START: &str = r#"{"type":"start","challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Head and body of the answer to a request that asks for an upgrade and gets none.
async fn answer(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut raw = Raw::connect(address).await;
    raw.send(request.as_bytes()).await;
    let head = raw.head().await.to_ascii_lowercase();
    (head, raw.rest().await)
}

/// Status and envelope of the same.
async fn refused(address: SocketAddr, request: &str) -> (u16, Value) {
    let (head, body) = answer(address, request).await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let id = body["request_id"].as_str().unwrap();
    assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert!(head.contains("cache-control: no-store\r\n"), "{head}");
    (status, body)
}

fn asked_for(address: SocketAddr, line: &str, headers: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{headers}\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_has_its_trace_its_cookie_and_its_headers() {
    let gateway = spawn_gateway().await;
    let mut raw = Raw::connect(gateway.addr).await;
    let trace = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let headers = Raw::page(gateway.addr) + &trace;
    raw.send(Raw::request(gateway.addr, &headers).as_bytes())
        .await;
    let head = raw.head().await.to_ascii_lowercase();
    for line in [
        "http/1.1 101 switching protocols",
        "upgrade: websocket",
        "connection: upgrade",
        // RFC 6455 section 1.3 has the same key.
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        "sec-websocket-protocol: scan.v1",
        "x-content-type-options: nosniff",
        &format!("x-request-id: {TRACE}"),
    ] {
        assert!(head.lines().any(|found| found == line), "{line}\n{head}");
    }
    assert!(head.contains("set-cookie: scangate-b="), "{head}");
    for absent in ["content-length", "transfer-encoding"] {
        assert!(!head.contains(absent), "{head}");
    }
    raw.say(START).await;
    raw.next().await.unwrap();
    let (_, pending) = raw.next().await.unwrap().unwrap();
    let pending: Value = serde_json::from_slice(&pending).unwrap();
    assert_eq!(pending["trace_id"], TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_none_is_answered_as_any_request() {
    let gateway = spawn_gateway().await;
    let address = gateway.addr;
    let page = Raw::page(address);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let old = "Sec-WebSocket-Version: 12\r\n";
    let ws = "/api/v1/ws";
    for (line, headers, status) in [
        (format!("GET {ws}"), format!("{page}{version}"), 400),
        (format!("GET {ws}"), format!("{page}{key}"), 400),
        (
            format!("GET {ws}"),
            format!("{page}{key}{version}Upgrade: h2c\r\n"),
            101,
        ),
        (format!("POST {ws}"), format!("{page}{key}{version}"), 405),
        (
            "GET /nowhere".to_owned(),
            format!("{page}{key}{version}"),
            404,
        ),
        (
            "POST /api/v1/auth/token".to_owned(),
            format!("{page}Content-Length: 2\r\n\r\n{{}}"),
            400,
        ),
        (format!("GET {ws}"), format!("{key}{version}"), 403),
    ] {
        let request = asked_for(address, &line, &headers);
        if status == 101 {
            let mut raw = Raw::connect(address).await;
            raw.send(request.as_bytes()).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "), "{request}");
            continue;
        }
        let (found, body) = refused(address, &request).await;
        assert_eq!(found, status, "{request}");
        assert_eq!(
            body["code"].as_u64().unwrap() / 100,
            u64::from(status),
            "{body}"
        );
    }
    let (head, _) = answer(
        address,
        &asked_for(address, &format!("GET {ws}"), &format!("{page}{key}{old}")),
    )
    .await;
    assert!(
        head.starts_with("http/1.1 426 ") && head.contains("sec-websocket-version: 13"),
        "{head}"
    );
    // What the server itself does not take for an upgrade has no connection to give.
    let other = asked_for(
        address,
        &format!("GET {ws}"),
        &format!("{page}{key}{version}"),
    );
    let other = other.replace("Upgrade: websocket", "Upgrade: websocket/13, h2c");
    let (head, _) = answer(
        address,
        &other.replace("Connection: Upgrade", "Connection: close, Upgrade"),
    )
    .await;
    assert!(head.starts_with("http/1.1 400 "), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pages_are_served_to_whoever_asks_for_an_upgrade() {
    let gateway = spawn_gateway().await;
    let (head, body) = answer(gateway.addr, &asked_for(gateway.addr, "GET /", "")).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(
        String::from_utf8(body).unwrap().contains("</html>"),
        "the whole page"
    );
    let (head, body) = answer(gateway.addr, &asked_for(gateway.addr, "HEAD /", "")).await;
    assert!(
        head.starts_with("http/1.1 200 ") && body.is_empty(),
        "{head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_under_another_name_is_misdirected() {
    let gateway = spawn_gateway().await;
    let page = Raw::page(gateway.addr);
    for host in ["evil.example", "localhost:1"] {
        let request = Raw::request(gateway.addr, &page).replacen(
            &format!("Host: {}", gateway.addr),
            &format!("Host: {host}"),
            1,
        );
        let (status, body) = refused(gateway.addr, &request).await;
        assert_eq!((status, &body["code"]), (421, &json!(42100)), "{host}");
    }
}

/// Limits count callers behind a proxy by the address that it names.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_behind_a_proxy_is_its_callers() {
    let gateway = spawn_gateway_with(&[
        ("server.trusted_proxies", "127.0.0.1/32"),
        ("limits.sockets_per_address", "1"),
    ])
    .await;
    let mut open = Vec::new();
    for (caller, served) in [
        ("203.0.113.7", true),
        ("203.0.113.8", true),
        ("203.0.113.7", false),
    ] {
        let mut raw = Raw::connect(gateway.addr).await;
        let headers = format!("{}X-Forwarded-For: {caller}\r\n", Raw::page(gateway.addr));
        let mut bytes = Raw::request(gateway.addr, &headers).into_bytes();
        bytes.extend(frame(0x81, START.as_bytes()));
        raw.send(&bytes).await;
        raw.head().await;
        let (_, first) = within("a word", raw.next()).await.unwrap().unwrap();
        let first: Value = serde_json::from_slice(&first).unwrap();
        let expected = if served { "hello" } else { "error" };
        assert_eq!(first["type"], expected, "{caller}: {first}");
        open.push(raw);
    }
}

/// A stream's pieces are small, and the next one may be long to come.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_out_piece_by_piece_to_whoever_asks_for_an_upgrade() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let (scene, secret, seq) = (&pending["scene"], &pending["secret"], &pending["seq"]);
    let line = format!("GET /api/v1/scenes/{}/events", scene.as_str().unwrap());
    let headers = format!(
        "Origin: {}\r\nAuthorization: Scene {}\r\nLast-Event-ID: {seq}\r\n",
        gateway.origin(),
        secret.as_str().unwrap(),
    );
    let mut raw = Raw::connect(gateway.addr).await;
    raw.send(asked_for(gateway.addr, &line, &headers).as_bytes())
        .await;
    let head = within("the head, before any event", raw.head()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

/// Anybody can do it, as often as they like.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_do_not_wait_for_their_answer_are_no_errors() {
    let settings = ["telemetry.log=info,actix_server=warn"];
    let (mut process, mut log) = Process::begin(&settings);
    process.served().await;
    let page = Raw::page(process.addr());
    for headers in [&page, "Origin: https://evil.example\r\n"].repeat(10) {
        let mut raw = Raw::connect(process.addr()).await;
        let at_once = Some(Duration::ZERO);
        SockRef::from(&raw.stream).set_linger(at_once).unwrap();
        raw.send(Raw::request(process.addr(), headers).as_bytes())
            .await;
    }
    process.terminate().await;
    while let Some(line) = log.next_line().await.unwrap() {
        assert!(!line.contains("ERROR"), "{line}");
    }
}
