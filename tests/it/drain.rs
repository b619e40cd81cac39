//! A gateway that is stopped sends its pages to the others, and finishes what it has begun.

use std::{collections::BTreeSet, ops::RangeInclusive};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use url::Url;

use crate::{
    attach::attached,
    lifecycle::{polls, text},
    support::{
        Browser, Caller, Gateway, Process, Raw, Step, Stream, close_code, spawn_cluster,
        spawn_gateway_with, within,
    },
};

/// What a few pages may be told to wait: 0.2 s, and a millisecond for each of them.
const SOON: RangeInclusive<u64> = 200..=220;
const CROWD: usize = 100;
/// The same of a crowd, to which some come late.
const CROWDED: RangeInclusive<u64> = 200..=1_000;

fn assert_soon(drain: &Value) {
    let wait = drain["reconnect_in_ms"].as_u64().unwrap();
    assert!(SOON.contains(&wait), "{drain}");
}

/// That the tab is told to come back elsewhere, and that its socket is over then.
async fn is_sent_away(tab: &mut Browser) {
    assert_soon(&tab.event("drain").await);
    let ended = tab.ended().await;
    assert_eq!(close_code(&ended), 1012);
    assert_eq!(ended.unwrap().reason, "restart");
}

/// The same of a stream.
async fn ends_with_drain(stream: &mut Stream) {
    let drain = stream.event("drain").await;
    assert_eq!(drain.id, None, "it is no state of the scene");
    assert_soon(&drain.data);
    assert!(stream.has_ended().await);
}

/// A phone's return from WeChat, which stands there for a minute of the sandbox's time.
async fn callback_in_flight(gateway: &Gateway, pending: &Value) -> JoinHandle<Step> {
    let slow = json!({ "latency_ms": 60_000, "times": 1 });
    gateway.strike("access_token", Some(slow)).await;
    let phone = gateway.steps("zoe");
    let callback = phone.to_callback(text(pending)).await;
    let opened = tokio::spawn(async move { phone.open(callback).await });
    let asked = async { while gateway.faults_left("access_token").await.len() > 1 {} };
    within("the call to WeChat", asked).await;
    opened
}

/// That the phone is sent back to its scene: it was scanned.
async fn is_finished(callback: JoinHandle<Step>, pending: &Value) {
    let step = within("the callback", callback).await.unwrap();
    let back = step.location.as_ref().map(Url::as_str);
    assert_eq!(back, Some(text(pending)), "{step:?}");
}

/// The real program, with everybody there who can be: all of them are told, nobody is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_sigterm_sends_everybody_away_and_cuts_nobody_off() {
    let process = Process::start(&[]).await;
    let gateway = process.gateway();
    let caller = Caller::new(&gateway);
    let mut signed_in = attached(&gateway, &gateway.login("lixiaolong").await).await;
    let (mut first, mut second) = (gateway.browser().await, gateway.browser().await);
    let scanned = first.start().await;
    let streamed = second.start().await;
    let mut stream = caller.stream(&streamed, Some("1")).await;
    second.event("error").await;
    second = gateway.browser().await;
    let polled = second.start().await;
    let polls = polls(&gateway, &caller, &polled).await;
    let callback = callback_in_flight(&gateway, &scanned).await;
    let mut silent = gateway.browser().await;

    process.ask_to_stop().await;
    for tab in [&mut signed_in, &mut first, &mut second, &mut silent] {
        is_sent_away(tab).await;
    }
    ends_with_drain(&mut stream).await;
    for poll in join_all(polls).await {
        let (status, answer) = poll.unwrap();
        assert_eq!((status, &answer["data"]["type"]), (200, &json!("pending")));
    }
    gateway.sandbox_later(60).await;
    is_finished(callback, &scanned).await;
    let ended = process.ended().await;
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// Each page of many is told a wait of its own, and whoever comes in meanwhile is told too.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_does_not_come_back_at_once() {
    let mut gateway = spawn_gateway_with(&[
        ("limits.handshakes_per_address_per_s", "100000"),
        ("limits.sockets_per_address", "10000"),
    ])
    .await;
    let mut tabs = join_all((0..CROWD).map(|_| gateway.browser())).await;
    let pending = tabs[0].start().await;
    // It holds the stop up, so that the metrics can be read.
    let callback = callback_in_flight(&gateway, &pending).await;

    gateway.ask_to_stop();
    let mut late = Vec::new();
    while let Some(page) = Raw::admitted(gateway.addr).await {
        late.push(page);
    }
    let told = join_all(tabs.iter_mut().map(|tab| tab.event("drain"))).await;
    let waits: BTreeSet<_> = told
        .iter()
        .map(|drain| drain["reconnect_in_ms"].as_u64().unwrap())
        .collect();
    assert!(waits.iter().all(|wait| CROWDED.contains(wait)), "{waits:?}");
    assert!(waits.len() > CROWD / 3, "{waits:?}");
    for tab in &mut tabs {
        assert_eq!(close_code(&tab.ended().await), 1012);
    }
    for page in &mut late {
        let ending = page.ending().await;
        assert_eq!(ending.told.last().unwrap()["type"], "drain");
        assert_eq!(ending.close, Some((1012, "restart".to_owned())));
    }
    // The last one may have been told and cut off by the stop.
    let told = gateway.metric("scangate_sockets_drained_total").await - (CROWD + late.len()) as f64;
    assert!((0.0..2.0).contains(&told), "{told} more than here");

    gateway.sandbox_later(60).await;
    is_finished(callback, &pending).await;
    gateway.stop().await;
}

/// A restart of one node after the other: whoever confirms while the page is between two of them is signed in.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_moves_with_its_page() {
    let mut cluster = spawn_cluster().await;
    let mut tab = cluster.second.browser().await;
    let pending = tab.start().await;
    let phone = cluster.first.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    tab.event("scanned").await;

    cluster.second.ask_to_stop();
    is_sent_away(&mut tab).await;
    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let mut back = cluster.first.browser().await;
    back.resume(&pending, 2).await;
    let authorized = back.event("authorized").await;
    assert_eq!(authorized["replay"], true);
    let (status, answer) = back.redeem_with(&authorized["grant"], &tab.verifier).await;
    assert_eq!(status, 200, "{answer}");
    cluster.stop().await;
}
