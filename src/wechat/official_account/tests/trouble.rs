//! WeChat is slow, broken or wanted by too many.

use super::*;

const PERSON: &str = r#"{"subscribe":0,"openid":"oA"}"#;
const EXCHANGED: &str =
    r#"{"access_token":"P","expires_in":7200,"openid":"oA","scope":"snsapi_base"}"#;

#[tokio::test]
async fn a_slow_code_is_waited_for() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let world = World::new(&[Play::Held(gate.clone(), QR.to_owned())]).await;
    world.account.authority().token().await.unwrap();
    let world = world.hurried();
    let answering = async {
        world.requests(2).await;
        gate.notify_one();
    };
    let (made, ()) = tokio::join!(world.qr(), answering);
    made.unwrap();
    assert_eq!(world.fake.requests().len(), 2, "asked for once");
}

#[tokio::test]
async fn a_code_that_may_have_been_made_is_not_asked_for_again() {
    for play in [
        Play::Reset,
        Play::CutOff,
        Play::Answer(502, Vec::new()),
        json("<html>"),
    ] {
        let world = World::new(&[play, json(QR)]).await;
        world.qr().await.unwrap_err();
        assert_eq!(world.requests(2).await, 2);
        assert_eq!(world.account.qr_codes_today(), 1);
    }
}

#[tokio::test]
async fn every_try_that_wechat_may_have_seen_counts_and_no_other() {
    let busy = refusal(-1);
    let world = World::new(&[busy.clone(), busy, json(QR), Play::Silence]).await;
    world.qr().await.unwrap();
    assert_eq!(world.account.qr_codes_today(), 3);
    tokio::select! {
        _ = world.qr() => panic!("nobody answers it"),
        _ = world.requests(5) => {}
    }
    assert_eq!(world.account.qr_codes_today(), 4, "its caller hung up");

    let world = World::of(vec![refusal(40125)]).await;
    world.qr().await.unwrap_err();
    assert_eq!(world.account.qr_codes_today(), 0, "there was no token");
}

#[tokio::test]
async fn trouble_with_codes_is_no_trouble_for_exchanges() {
    let mut script = vec![Play::Reset; 5];
    script.push(json(EXCHANGED));
    let world = World::new(&script).await;
    for _ in 0..5 {
        assert_eq!(world.qr().await.unwrap_err().outcome(), "broken");
    }
    assert_eq!(world.qr().await.unwrap_err().outcome(), "away");
    assert_eq!(world.account.qr_codes_today(), 5, "the last was not sent");
    let oauth = world.account.oauth();
    assert_eq!(oauth.exchange("c0de").await.unwrap().openid, "oA");
    assert_eq!(
        oauth.api().breaker(),
        BreakerState::Open,
        "the worst is shown"
    );
}

#[tokio::test]
async fn a_flood_of_codes_is_bounded_and_leaves_others_alone() {
    let mut script = vec![Play::Silence; AT_ONCE];
    script.push(json(PERSON));
    let world = World::new(&script).await;
    let flood = join_all((0..AT_ONCE).map(|_| world.qr()));
    let meanwhile = async {
        assert_eq!(world.requests(AT_ONCE + 1).await, AT_ONCE + 1);
        let error = world.qr().await.unwrap_err();
        assert_eq!(error.code(), crate::code::Code::Overloaded);
        assert!(error.is_unsent() && error.retry_after().is_some());
        world.account.follower("oA").await.unwrap();
    };
    tokio::select! {
        _ = flood => panic!("nobody answers it"),
        () = meanwhile => {}
    }
    let error = world.qr().await.unwrap_err();
    assert_eq!(error.outcome(), "protocol", "there is room again");
}
