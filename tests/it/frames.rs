//! What bytes may do at the WebSocket door, and what they may not.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{Browser, Process, Raw, close_code, frame, spawn_gateway, spawn_gateway_with};

const TEXT: u8 = 0x81;

async fn answer_to(address: SocketAddr, headers: &str) -> String {
    let mut raw = Raw::connect(address).await;
    raw.send(Raw::request(address, headers).as_bytes()).await;
    raw.head().await
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_pages_get_a_socket() {
    let gateway = spawn_gateway_with(&[("apps.default.origins", "https://shop.example")]).await;
    let own = gateway.origin();
    let origins = [
        (format!("Origin: {own}\r\n"), "101"),
        ("Origin: https://shop.example\r\n".to_owned(), "101"),
        (String::new(), "403"),
        ("Origin: null\r\n".to_owned(), "403"),
        ("Origin: https://evil.example\r\n".to_owned(), "403"),
        (
            "Origin: https://shop.example.evil.example\r\n".to_owned(),
            "403",
        ),
        ("Origin: https://shop.example:8443\r\n".to_owned(), "403"),
        ("Origin: http://shop.example\r\n".to_owned(), "403"),
        (format!("Origin: {own}/\r\n"), "403"),
        (format!("Origin: {own}\r\nOrigin: {own}\r\n"), "403"),
        (format!("Origin: {own} https://shop.example\r\n"), "403"),
    ];
    for (origin, expected) in origins {
        let headers = format!("{origin}Sec-WebSocket-Protocol: scan.v1\r\n");
        let head = answer_to(gateway.addr, &headers).await;
        assert_eq!(status(&head), expected, "{origin}{head}");
    }
    let native = spawn_gateway_with(&[("apps.default.allow_missing_origin", "true")]).await;
    let head = answer_to(native.addr, "Sec-WebSocket-Protocol: scan.v1\r\n").await;
    assert_eq!(status(&head), "101", "where the operator allows it");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_told_to_reload() {
    let gateway = spawn_gateway().await;
    let origin = format!("Origin: {}\r\n", gateway.origin());
    let offers = [
        ("", None),
        (
            "Sec-WebSocket-Protocol: scan.v2, scan.v9\r\n",
            Some("scan.v2"),
        ),
        ("Sec-WebSocket-Protocol: SCAN.V1\r\n", Some("SCAN.V1")),
    ];
    for (offer, agreed) in offers {
        let mut raw = Raw::connect(gateway.addr).await;
        // A page may speak before it has read a word.
        let mut bytes = Raw::request(gateway.addr, &format!("{origin}{offer}")).into_bytes();
        bytes.extend(frame(TEXT, br#"{"type":"pong"}"#));
        raw.send(&bytes).await;
        let head = raw.head().await.to_ascii_lowercase();
        assert_eq!(status(&head), "101");
        let named = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(
            named,
            agreed.map(str::to_ascii_lowercase).as_deref(),
            "{offer}"
        );
        let ending = raw.ending().await;
        assert_eq!(ending.refusal(), (Some(42600), None, Some(4426)), "{offer}");
        assert_eq!(ending.told.len(), 1, "no hello: {ending:?}");
        assert!(!ending.reset, "the page can read it");
    }
    let list = "Sec-WebSocket-Protocol: scan.v2, scan.v1\r\n";
    let head = answer_to(gateway.addr, &format!("{origin}{list}"))
        .await
        .to_ascii_lowercase();
    assert!(
        head.contains("sec-websocket-protocol: scan.v1\r\n"),
        "{head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_has_no_body() {
    let gateway = spawn_gateway().await;
    let page = Raw::page(gateway.addr);
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let head = answer_to(gateway.addr, &format!("{page}{body}")).await;
        assert_eq!(status(&head), "400", "{body}");
    }
    let plain = reqwest::Client::new()
        .get(gateway.api("/ws"))
        .header("origin", gateway.origin());
    let answer = plain.send().await.unwrap();
    assert_eq!(answer.status(), 400, "no upgrade asked for");
}

/// A header that promises 400 MiB, in a process of its own, whose memory nobody else uses.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_header_is_cut_at_once() {
    const MIB: usize = 1024 * 1024;
    let process = Process::start(&[]).await;
    let mut raw = Raw::upgraded(process.addr()).await;
    let before = process.resident_kib();
    let mut header = vec![TEXT, 0x80 | 127];
    header.extend_from_slice(&(400 * MIB as u64).to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    raw.send(&header).await;
    let chunk = vec![b' '; MIB];
    let mut sent = 0;
    while sent < 400 && raw.send(&chunk).await {
        sent += 1;
    }
    assert!(sent < 100, "{sent} MiB were taken");
    let grown = process.resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");

    let mut raw = Raw::upgraded(process.addr()).await;
    raw.send(&header).await;
    assert_eq!(raw.ending().await.close, Some((1009, "too_big".to_owned())));
    assert!(process.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_are_closed_with_their_reason() {
    let gateway = spawn_gateway().await;
    let fragments = [frame(0x01, &[b' '; 4_000]), frame(0x80, &[b' '; 97])].concat();
    let fits = [
        frame(0x01, br#"{"type":"#),
        frame(0x89, b"between"),
        frame(0x80, br#""start"}"#),
    ]
    .concat();
    let cases: [(&str, Vec<u8>, u16); 14] = [
        ("4097 bytes", frame(TEXT, &[b' '; 4_097]), 1009),
        ("fragments that add up to 4097", fragments, 1009),
        (
            "4096 bytes that are no JSON",
            frame(TEXT, &[b' '; 4_096]),
            4400,
        ),
        ("fragments with a ping between", fits, 4400),
        ("binary", frame(0x82, b"x"), 1003),
        ("bad UTF-8", frame(TEXT, &[0xc3, 0x28]), 1007),
        (
            "bad UTF-8 in fragments",
            [frame(0x01, &[0xe4]), frame(0x80, &[0x28])].concat(),
            1007,
        ),
        ("not masked", vec![TEXT, 0x01, b'x'], 1002),
        ("reserved bit", frame(0xc1, b"x"), 1002),
        ("reserved opcode", frame(0x83, b"x"), 1002),
        ("fragmented ping", frame(0x09, b"x"), 1002),
        ("ping over 125 bytes", frame(0x89, &[b'x'; 126]), 1002),
        ("continuation of nothing", frame(0x80, b"x"), 1002),
        (
            "a new message inside another",
            [frame(0x01, b"{"), frame(TEXT, b"{")].concat(),
            1002,
        ),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::upgraded(gateway.addr).await;
        raw.send(&bytes).await;
        let ending = raw.ending().await;
        assert_eq!(
            ending.close.as_ref().map(|(code, _)| *code),
            Some(code),
            "{what}: {ending:?}"
        );
    }
    gateway.until_metric("scangate_sockets", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_breaks_the_protocol() {
    let gateway = spawn_gateway().await;
    let challenge = gateway.browser().await.challenge();
    let cases = [
        ("{", Value::Null),
        ("[]", Value::Null),
        ("null", Value::Null),
        (r#"{"type":7}"#, Value::Null),
        (r#"{"type":"dance"}"#, Value::Null),
        (r#"{"type":"start"}"#, json!("start")),
        (r#"{"type":"start","challenge":"short"}"#, json!("start")),
        (
            r#"{"type":"resume","scene":"x","secret":"y"}"#,
            json!("resume"),
        ),
        (
            r#"{"type":"resume","scene":"x","secret":"y","seq":-1}"#,
            json!("resume"),
        ),
        (
            r#"{"type":"resume","scene":1,"secret":"y","seq":0}"#,
            json!("resume"),
        ),
    ];
    let with = |more: &str| format!(r#"{{"type":"start","challenge":"{challenge}",{more}}}"#);
    let fields = [
        r#""flow":"carrier_pigeon""#,
        r#""locale":"fr""#,
        r#""svg":"yes""#,
        r#""app":7"#,
    ];
    let mistyped = fields.map(|field| (with(field), json!("start")));
    let cases = cases.map(|(text, name)| (text.to_owned(), name));
    for (text, command) in cases.into_iter().chain(mistyped) {
        let mut raw = Raw::upgraded(gateway.addr).await;
        raw.say(&text).await;
        let ending = raw.ending().await;
        assert_eq!(ending.refusal(), (Some(40001), None, Some(4400)), "{text}");
        let error = ending.told.last().unwrap();
        assert_eq!(error.get("ref").unwrap_or(&Value::Null), &command, "{text}");
    }
    let mut tab = gateway.browser().await;
    tab.start().await;
    tab.say(json!({ "type": "start", "challenge": challenge }))
        .await;
    assert_eq!(tab.refused().await.1, 4400, "one start for one socket");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_others_are_refused_by_their_code() {
    let gateway = spawn_gateway_with(&[
        ("apps.default.flows", "h5"),
        ("apps.shop.name", "Shop"),
        ("apps.shop.flows", "h5"),
        ("apps.shop.origins", "https://shop.example"),
    ])
    .await;
    let challenge = gateway.browser().await.challenge();
    let cases = [
        (json!({ "app": "shop" }), 40300, 4403),
        (json!({ "app": "nobody" }), 40300, 4403),
        (json!({ "app": "NOT AN ID" }), 40300, 4403),
        (json!({ "flow": "website" }), 40301, 4403),
        (json!({ "return_to": "https://evil.example/" }), 40301, 4403),
    ];
    for (more, number, close) in cases {
        let mut start = json!({ "type": "start", "challenge": challenge });
        start
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut tab = gateway.browser().await;
        tab.say(start).await;
        let (error, code, _) = tab.refused().await;
        assert_eq!(
            (&error["error"]["code"], code),
            (&json!(number), close),
            "{more}"
        );
        assert_eq!(error["ref"], "start");
    }
    let mut shop = Browser::open_as(&gateway, "https://shop.example", Some("scan.v1"))
        .await
        .unwrap();
    shop.say(json!({ "type": "start", "challenge": challenge, "app": "shop" }))
        .await;
    let pending = shop.event("pending").await;
    let mut other = gateway.browser().await;
    other.resume(&pending, 1).await;
    assert_eq!(
        other.refused().await.1,
        4403,
        "a scene belongs to its app's pages"
    );
    assert!(shop.told_meanwhile().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_fields_and_early_words_do_no_harm() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    for command in ["refresh", "cancel"] {
        tab.say(json!({ "type": command })).await;
        let error = tab.event("error").await;
        assert_eq!(
            (&error["error"]["code"], &error["ref"]),
            (&json!(40900), &json!(command))
        );
    }
    let challenge = tab.challenge();
    tab.say(json!({ "type": "start", "challenge": challenge, "colour": "red", "locale": "en", "flow": null })).await;
    assert_eq!(tab.event("pending").await["flow"], "h5");
    tab.say(json!({ "type": "pong", "mood": { "good": true } }))
        .await;
    tab.say(json!({ "type": "cancel", "why": "no reason" }))
        .await;
    tab.event("cancelled").await;
    tab.leave().await;
    gateway.until_metric("scangate_sockets", 0.0).await;
    let told = gateway
        .metric(r#"scangate_sockets_closed_total{code="1000"}"#)
        .await;
    assert_eq!(
        told.to_bits(),
        1.0_f64.to_bits(),
        "a page that leaves has ended well"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_of_the_rfc_is_answered_with_its_payload() {
    let gateway = spawn_gateway().await;
    let mut raw = Raw::upgraded(gateway.addr).await;
    for payload in [&b""[..], b"marco", &[b'x'; 125]] {
        raw.send(&frame(0x89, payload)).await;
        let pong = loop {
            match raw.next().await.unwrap().unwrap() {
                (1, _) => {}
                other => break other,
            }
        };
        assert_eq!(pong, (10, payload.to_vec()));
    }
    // As many as a page may send at once, in one segment.
    let mut busy = Raw::upgraded(gateway.addr).await;
    busy.send(&frame(0x89, b"again").repeat(40)).await;
    let mut answered = 0;
    while answered < 40 {
        match busy.next().await.unwrap() {
            Some((10, _)) => answered += 1,
            Some((1, _)) => {}
            other => panic!("{other:?} after {answered} answers"),
        }
    }
    raw.send(&frame(0x88, &1000_u16.to_be_bytes())).await;
    assert_eq!(raw.ending().await.close.map(|(code, _)| code), Some(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_are_limited() {
    let gateway = spawn_gateway().await;
    let floods = [
        ("commands", frame(TEXT, br#"{"type":"pong"}"#)),
        ("pings", frame(0x89, b"")),
        ("pongs", frame(0x8a, b"")),
        ("empty continuations", frame(0x00, b"")),
    ];
    for (what, each) in floods {
        let mut raw = Raw::upgraded(gateway.addr).await;
        if what == "empty continuations" {
            raw.send(&frame(0x01, b"")).await;
        }
        raw.send(&each.repeat(200)).await;
        let ending = raw.ending().await;
        assert_eq!(
            ending.refusal(),
            (Some(42900), Some(1_000), Some(4429)),
            "{what}: {ending:?}"
        );
    }
    let mut tab = gateway.browser().await;
    tab.start().await;
    for _ in 0..10 {
        assert!(
            tab.told_meanwhile().await.is_empty(),
            "a page that behaves is not limited"
        );
    }
    tab.leave().await;
    assert_ne!(close_code(&tab.ended().await), 4429);
}
