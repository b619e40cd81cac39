//! WeChat gives no token.

use super::*;

#[tokio::test]
async fn a_refusal_stops_everything_for_longer_and_longer() {
    for errcode in [
        40001, 40125, 40164, 40243, 89503, 89506, 89507, 40013, 50004, 50007, 48004, 61004, 45009,
        99_999,
    ] {
        let world = World::new(vec![refusal(errcode)]).await;
        assert_eq!(world.authority.health(), Health::Unknown);
        let since = world.clock.now();
        let mut asked = 0;
        for stop in [30, 60, 120, 240, 480, 600, 600] {
            assert_eq!(world.errcode().await, Some(errcode));
            asked += 1;
            world.later(stop - 1);
            let error = world.authority.token().await.unwrap_err();
            assert_eq!(error.errcode(), Some(errcode));
            assert!(error.retry_after().unwrap() <= Duration::from_secs(1));
            let healed = world.heal("T0").await;
            assert_eq!(healed.unwrap_err().errcode(), Some(errcode));
            assert_eq!(
                world.fake.requests().len(),
                asked,
                "not asked while stopped"
            );
            let Health::Stopped {
                errcode: because,
                since: stopped,
            } = world.authority.health()
            else {
                panic!("{:?}", world.authority.health());
            };
            assert_eq!(because, Some(errcode));
            assert!(
                (since..since + 5_000).contains(&stopped),
                "the first refusal"
            );
            world.later(1);
        }
    }
}

#[tokio::test]
async fn a_success_ends_the_alarm() {
    let script = vec![refusal(40164), refusal(40164), token("T1"), refusal(40164)];
    let world = World::new(script).await;
    world.errcode().await;
    world.later(30);
    world.errcode().await;
    world.later(60);
    assert_eq!(world.text().await, "T1");
    let Health::Ok { expires_at } = world.authority.health() else {
        panic!("{:?}", world.authority.health());
    };
    assert!(expires_at > world.clock.now() + 7_100_000);
    world.later(7_200);
    assert_eq!(world.authority.health(), Health::Unknown);
    world.errcode().await;
    world.later(29);
    world.errcode().await;
    assert_eq!(world.fake.requests().len(), 4, "30 s again");
}

#[tokio::test]
async fn what_passes_by_itself_is_no_alarm() {
    let world = World::new(vec![refusal(45011), token("T1")]).await;
    assert_eq!(world.errcode().await, Some(45011));
    assert_eq!(world.authority.health(), Health::Unknown);
    world.later(59);
    assert_eq!(world.errcode().await, Some(45011));
    assert_eq!(world.fake.requests().len(), 1);
    world.later(1);
    assert_eq!(world.text().await, "T1");

    let broken = Play::Answer(502, Vec::new());
    let script = vec![broken.clone(), broken.clone(), broken, token("T1")];
    let world = World::new(script).await;
    assert_eq!(world.errcode().await, None);
    assert_eq!(world.authority.health(), Health::Unknown);
    world.later(1);
    assert_eq!(world.text().await, "T1");
}

#[tokio::test]
async fn an_answer_without_a_token_or_a_life_is_refused() {
    for body in [
        r#"{"expires_in":7200}"#,
        r#"{"access_token":"T1"}"#,
        r#"{"access_token":"T1","expires_in":0}"#,
        r#"{"access_token":"T1","expires_in":-5}"#,
        r#"{"access_token":"T 1","expires_in":7200}"#,
        r#"{"errcode":0,"errmsg":"ok"}"#,
    ] {
        let world = World::new(vec![json(body)]).await;
        let error = world.authority.token().await.unwrap_err();
        assert_eq!(error.outcome(), "protocol", "{body}");
        let stopped = matches!(
            world.authority.health(),
            Health::Stopped { errcode: None, .. }
        );
        assert!(stopped, "{body}");
    }
    let world = World::new(vec![living("T1", 1_000_000_000)]).await;
    let token = world.authority.token().await.unwrap();
    assert!(token.expires_in <= MAX_LIFE, "no token lives longer");
}

#[tokio::test]
async fn the_alarm_shows_the_address_that_wechat_saw() {
    let not_listed = r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist, rid: 1-2"}"#;
    let world = World::new(vec![json(not_listed)]).await;
    let error = world.authority.token().await.unwrap_err();
    assert_eq!(error.address(), Some([203, 0, 113, 9].into()));
    assert_eq!(error.reaction(), Reaction::Alert);
    // The log has these two.
    assert_eq!(
        error.fault().to_string(),
        "errcode 40164 (seen from 203.0.113.9) (rid 1-2)"
    );
    let advice = error.advice(crate::code::Locale::En);
    assert!(advice.contains("IP allow-list"), "{advice}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("5ec3e75"), "{shown}");
}

fn held(gate: &Arc<Notify>, token: &str) -> Play {
    let body = format!(r#"{{"access_token":"{token}","expires_in":7200}}"#);
    Play::Held(gate.clone(), body)
}

#[tokio::test]
async fn a_fetch_is_finished_though_its_caller_hangs_up() {
    let gate = Arc::new(Notify::new());
    let world = World::new(vec![held(&gate, "T1"), token("T2")]).await;
    tokio::select! {
        _ = world.authority.token() => panic!("it is held"),
        _ = world.fake.count(1) => {}
    }
    gate.notify_one();
    assert_eq!(world.text().await, "T1");
    assert_eq!(world.fake.requests().len(), 1);
}

#[tokio::test]
async fn a_forced_heal_is_finished_though_its_caller_hangs_up() {
    let gate = Arc::new(Notify::new());
    let script = vec![token("T1"), token("T1"), held(&gate, "T2"), token("T3")];
    let world = World::new(script).await;
    world.text().await;
    tokio::select! {
        _ = world.heal("T1") => panic!("it is held"),
        _ = world.fake.count(3) => {}
    }
    gate.notify_one();
    assert_eq!(world.heal("T1").await.unwrap(), "T2");
    assert_eq!(world.forced(), [false, false, true]);
}
