//! Peers that do not want a login: what they get, and what they cost.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::support::{Process, Raw, frame, spawn_gateway, spawn_gateway_with, within};

const TEXT: u8 = 0x81;
const START: &str = r#"{"type":"start","challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}"#;
/// As many frames as anybody likes.
const NO_LIMIT: [(&str, &str); 2] = [
    ("limits.frames_per_s", "1000"),
    ("limits.frame_burst", "1000000"),
];

/// Opcode and JSON of the next frame.
async fn told(raw: &mut Raw) -> serde_json::Value {
    let (opcode, payload) = raw.next().await.unwrap().unwrap();
    assert_eq!(opcode, 1);
    serde_json::from_slice(&payload).unwrap()
}

/// `hello` and `pending` have come.
async fn is_served(raw: &mut Raw) {
    assert_eq!(told(raw).await["type"], "hello");
    assert_eq!(told(raw).await["type"], "pending");
}

fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first, 0x80 | 127];
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_command_may_come_with_the_handshake() {
    let gateway = spawn_gateway().await;
    let mut raw = Raw::connect(gateway.addr).await;
    let mut bytes = Raw::request(gateway.addr, &Raw::page(gateway.addr)).into_bytes();
    bytes.extend(frame(TEXT, START.as_bytes()));
    bytes.extend(frame(TEXT, br#"{"type":"cancel"}"#));
    raw.send(&bytes).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    is_served(&mut raw).await;
    assert_eq!(told(&mut raw).await["type"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_may_come_byte_by_byte_and_two_at_once() {
    let gateway = spawn_gateway().await;
    let mut slow = Raw::upgraded(gateway.addr).await;
    slow.stream.set_nodelay(true).unwrap();
    for byte in frame(TEXT, START.as_bytes()) {
        slow.send(&[byte]).await;
    }
    is_served(&mut slow).await;
    let mut quick = Raw::upgraded(gateway.addr).await;
    let both = [START.as_bytes(), br#"{"type":"cancel"}"#].map(|text| frame(TEXT, text));
    quick.send(&both.concat()).await;
    is_served(&mut quick).await;
    assert_eq!(told(&mut quick).await["type"], "cancelled");
}

/// Each promises a frame and sends a piece of it. What is promised is not kept room for.
#[tokio::test(flavor = "multi_thread")]
async fn promises_cost_nothing() {
    const PEERS: usize = 200;
    let process = Process::start(&[
        "limits.handshakes_per_address_per_s=100000",
        "limits.sockets_per_address=1000",
    ])
    .await;
    let address = process.addr();
    for promise in [4_097, 400 << 20, u64::MAX >> 1, u64::MAX] {
        for opcode in [TEXT, 0x01, 0x82] {
            let mut raw = Raw::upgraded(address).await;
            raw.send(&header(opcode, promise)).await;
            let close = raw.ending().await.close;
            assert_eq!(close, Some((1009, "too_big".to_owned())), "{promise}");
        }
    }
    let before = process.resident_kib();
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut raw = Raw::upgraded(address).await;
        raw.send(&header(TEXT, 4_096)).await;
        raw.send(&[b' '; 100]).await;
        peers.push(raw);
    }
    let each = process.resident_kib().saturating_sub(before) / PEERS as u64;
    assert!(each < 16, "{each} KiB for each");
    for raw in &mut peers {
        raw.send(&[b' '; 3_996]).await;
    }
    for raw in &mut peers {
        let ending = raw.ending().await;
        assert_eq!(ending.refusal(), (Some(40001), None, Some(4400)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_without_end_come_to_one() {
    let gateway = spawn_gateway_with(&NO_LIMIT).await;
    let mut raw = Raw::upgraded(gateway.addr).await;
    raw.send(&frame(0x01, b"{")).await;
    let one = frame(0x00, b" ");
    assert!(raw.send(&one.repeat(4_095)).await, "4096 bytes may come");
    raw.send(&frame(0x89, b"still here")).await;
    let answer = async { while raw.next().await.unwrap().unwrap().0 != 10 {} };
    within("the pong", answer).await;
    raw.send(&one).await;
    assert_eq!(raw.ending().await.close, Some((1009, "too_big".to_owned())));
}

/// Nothing comes from it any more, and no FIN.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_has_vanished_is_gone_within_a_minute() {
    let gateway = spawn_gateway().await;
    let mut raw = Raw::upgraded(gateway.addr).await;
    raw.say(START).await;
    is_served(&mut raw).await;
    // One step of time would be nobody's silence.
    gateway.later(Duration::from_secs(26));
    assert_eq!(told(&mut raw).await["type"], "ping");
    gateway.later(Duration::from_secs(11));
    gateway.until_metric("scangate_sockets", 0.0).await;
    let closed = r#"scangate_sockets_closed_total{code="1001"}"#;
    gateway.until_metric(closed, 1.0).await;
    // It never answers the close frame either, and loses the connection all the same.
    let ending = raw.ending().await;
    assert_eq!(ending.close, Some((1001, "gone".to_owned())));
}

/// Its place is free for the next one, although the connection is not over.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_answer_a_close_frame_takes_nobodys_place() {
    let gateway = spawn_gateway_with(&[("limits.sockets_per_address", "1")]).await;
    let mut silent = Raw::upgraded(gateway.addr).await;
    silent.send(&frame(0x82, b"binary")).await;
    let closed = async { while silent.next().await.unwrap().unwrap().0 != 8 {} };
    within("the close frame", closed).await;
    gateway.until_metric("scangate_sockets", 0.0).await;
    let mut next = Raw::upgraded(gateway.addr).await;
    next.say(START).await;
    is_served(&mut next).await;
}

/// Each connection breaks off where it does most harm; the gateway keeps none, and serves on.
#[tokio::test(flavor = "multi_thread")]
async fn upgrades_that_break_off_leave_nothing_behind() {
    let gateway = spawn_gateway_with(&[("limits.handshakes_per_address_per_s", "100000")]).await;
    let request = Raw::request(gateway.addr, &Raw::page(gateway.addr));
    for round in 0..50 {
        // In the middle of the request, just behind it, and behind a piece of a frame; closed and reset.
        let ends = [request.len() / 2, request.len(), request.len() + 3];
        for end in ends {
            let mut raw = Raw::connect(gateway.addr).await;
            let mut bytes = request.clone().into_bytes();
            bytes.extend(frame(TEXT, START.as_bytes()));
            raw.send(&bytes[..end]).await;
            if round % 2 == 0 {
                let at_once = Some(Duration::ZERO);
                SockRef::from(&raw.stream).set_linger(at_once).unwrap();
            }
        }
    }
    gateway.until_metric("scangate_sockets", 0.0).await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    gateway.until_metric("scangate_sockets", 1.0).await;
    tab.leave().await;
    gateway.stop().await;
}

/// The head of a request comes within 5 seconds, or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_end_is_not_waited_for() {
    let gateway = spawn_gateway().await;
    let request = Raw::request(gateway.addr, &Raw::page(gateway.addr));
    let mut raw = Raw::connect(gateway.addr).await;
    raw.send(&request.as_bytes()[..request.len() - 2]).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 408 "));
}

/// `server.max_connections` sockets, and 1024 connections beside them: whoever comes then is shown out at once, until
/// there is a place.
#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_request_are_bounded() {
    let gateway = spawn_gateway_with(&[("server.max_connections", "2")]).await;
    let (mut first, mut second) = (gateway.browser().await, gateway.browser().await);
    first.start().await;
    let mut idle = Vec::new();
    let full = async {
        while let Some(connection) = stays(gateway.addr).await {
            idle.push(connection);
        }
    };
    within("the limit", full).await;
    // The test's own pages keep some connections for HTTP.
    assert!((1_000..=1_024).contains(&idle.len()), "{}", idle.len());
    assert!(
        first.told_meanwhile().await.is_empty(),
        "who is inside stays inside"
    );

    second.leave().await;
    let place = async { while stays(gateway.addr).await.is_none() {} };
    within("a place", place).await;
}

/// A connection, unless it is ended at once: it is if nothing of a request is answered.
async fn stays(address: SocketAddr) -> Option<TcpStream> {
    let mut raw = Raw::connect(address).await;
    let request = format!("GET /api/v1/config HTTP/1.1\r\nHost: {address}\r\n\r\n");
    raw.send(request.as_bytes()).await;
    raw.head_if_any().await?;
    Some(raw.stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_read_although_the_caller_had_more_to_say() {
    let gateway = spawn_gateway().await;
    let mut raw = Raw::connect(gateway.addr).await;
    let request = Raw::request(gateway.addr, "Origin: https://evil.example\r\n");
    let frames = frame(TEXT, json!({ "type": "pong" }).to_string().as_bytes()).repeat(500);
    raw.send(&[request.as_bytes(), &frames].concat()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 403 "));
    assert!(!raw.rest().await.is_empty(), "all of it, and no reset");
}
