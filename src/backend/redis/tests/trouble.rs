//! A Redis that is away, and a clock that is wrong.

use super::*;

#[tokio::test]
async fn a_redis_that_stands_still_is_away_at_once_and_missed_nothing() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    let tasks = Tasks::new();
    for link in [one.link.clone(), other.link.clone()] {
        tasks.spawn_loop("redis", async move { link.keep().await });
    }

    server.pause();
    assert!(one.scenes.get(&scene.id).await.is_err());
    let began = Stopwatch::start();
    assert!(one.scenes.get(&scene.id).await.is_err());
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "nothing hangs"
    );
    server.resume();

    let back = async { while other.scenes.get(&scene.id).await.is_err() {} };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
    other.advance(&scene, &scan()).await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        match one.news().await {
            News::Gap if !heard.contains(&"gap") => heard.push("gap"),
            News::Moved(..) | News::Changed(..) if !heard.contains(&"step") => heard.push("step"),
            _ => {}
        }
    }
    tasks.shut_down(PATIENCE).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_refused_and_one_that_is_not_agrees() {
    let server = server::Redis::start();
    let url = SecretString::from(server.url());
    let clock = Clock::new();
    clock.advance(Duration::from_secs(6));
    let refused = Redis::open(&url, "a", 1, LIVES, &clock).await;
    let Err(OpenError::Away(error)) = refused else {
        panic!("six seconds are too many");
    };
    assert!(error.message.contains("apart"), "{error}");

    let ahead = Clock::new();
    ahead.advance(Duration::from_secs(3));
    let wall = ahead.wall();
    Redis::open(&url, "a", 1, LIVES, &ahead)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(ahead.now() < wall - 1_000, "as Redis says");
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_a_gap() {
    let server = server::Redis::start();
    let redis = open(&server, 10).await;
    let (link, tasks, port) = (redis.link.clone(), Tasks::new(), server.port);
    tasks.spawn_loop("redis", async move { link.keep().await });
    drop(server);
    let _again = server::Redis::start_at(port, &[]);
    assert!(matches!(redis.news().await, News::Gap));
    let scene = scene(&redis);
    redis.scenes.create(scene.clone()).await.unwrap();
    assert_eq!(redis.scenes.get(&scene.id).await.unwrap(), Some(scene));
    tasks.shut_down(PATIENCE).await;
}
