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

/// What is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn the_alarm_says_what_to_do_and_nothing_says_the_token() {
    let not_listed = r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist, rid: 1-2"}"#;
    let script = vec![
        json(not_listed),
        token("T0KEN1"),
        token("T0KEN1"),
        token("T0KEN2"),
    ];
    let world = World::new(script).await;
    let (log, _guard) = Log::start();
    world.errcode().await;
    world.later(30);
    assert_eq!(world.text().await, "T0KEN1");
    assert_eq!(world.heal("T0KEN1").await.unwrap(), "T0KEN2");
    let text = log.text();
    let alarm = text
        .lines()
        .find(|line| line.contains("somebody has to act"))
        .unwrap();
    for part in ["ERROR", "203.0.113.9", "40164", "1-2", "IP allow-list"] {
        assert!(alarm.contains(part), "{part} in {alarm}");
    }
    assert!(text.contains("asking for another one"), "{text}");
    for secret in ["T0KEN", "5ec3e75"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
