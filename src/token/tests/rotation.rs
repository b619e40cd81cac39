//! Refreshing.

use std::sync::atomic::Ordering;

use futures_util::{FutureExt, future::join_all};
use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn tabs_that_race_get_the_same_successor() {
    let bench = bench();
    let (id, token) = bench.opened().await;
    let raced = join_all((0..16).map(|_| bench.refresh(&token))).await;
    let successors: Vec<_> = raced
        .into_iter()
        .map(|one| refresh_token(&one.unwrap()))
        .collect();
    assert!(
        successors
            .iter()
            .all(|one| *one == successors[0] && *one != token)
    );
    assert_eq!(
        bench.sessions.get(&id).await.unwrap().unwrap().generation,
        1
    );
    bench.pass(9);
    assert_eq!(
        refresh_token(&bench.refresh(&token).await.unwrap()),
        successors[0]
    );
}

#[tokio::test]
async fn a_new_token_is_kept_for_ten_seconds() {
    let bench = bench();
    let (id, first) = bench.opened().await;
    let next = refresh_token(&bench.refresh(&first).await.unwrap());
    bench.pass(9);
    let issued = bench.refresh(&next).await.unwrap();
    assert!(issued.refresh_token.is_none(), "the browser has it");
    let late = refresh_token(&bench.refresh(&first).await.unwrap());
    assert_eq!(late, next, "whoever was under way is answered still");
    bench.pass(2);
    let after = refresh_token(&bench.refresh(&next).await.unwrap());
    assert_ne!(after, next);
    let session = bench.sessions.get(&id).await.unwrap().unwrap();
    assert_eq!(session.generation, 2);
}

#[tokio::test]
async fn an_old_token_ends_the_session() {
    let bench = bench();
    let (id, token) = bench.opened().await;
    let next = refresh_token(&bench.refresh(&token).await.unwrap());
    bench.pass(11);
    for (token, whose) in [(token, "the one"), (next, "the thief's too")] {
        let error = bench.refresh(&token).await.err().unwrap();
        assert_eq!(error.code(), Code::SessionRevoked, "{whose}");
        assert_eq!(error.end_reason(), Some(EndReason::Reuse), "{whose}");
    }
    assert!(
        !bench.tokens.end(&id, EndReason::SignedOut).await.unwrap(),
        "it is over"
    );
}

#[tokio::test]
async fn reading_a_cookie_changes_nothing() {
    let bench = bench();
    let (id, token) = bench.opened().await;
    let next = refresh_token(&bench.refresh(&token).await.unwrap());
    bench.pass(11);
    let last = refresh_token(&bench.refresh(&next).await.unwrap());
    let read = async |token: &str| bench.tokens.read_cookie(&bench.app, token).await;
    assert_eq!(read(&last).await.unwrap().session_id, id);
    assert_eq!(read(&next).await.unwrap().user_id, bench.user.id);
    assert_eq!(code(read(&token).await), Some(Code::Unauthenticated));
    bench.pass(11);
    assert_eq!(code(read(&next).await), Some(Code::Unauthenticated));
    let shop = AppId::parse("shop").unwrap();
    let elsewhere = bench.tokens.read_cookie(&shop, &last).await;
    assert_eq!(code(elsewhere), Some(Code::Unauthenticated));
    assert_eq!(read(&last).await.unwrap().session_id, id, "it lives");

    bench.tokens.end(&id, EndReason::SignedOut).await.unwrap();
    assert_eq!(code(read(&last).await), Some(Code::SessionRevoked));
}

#[tokio::test]
async fn a_session_runs_out_unused_and_at_last_in_any_case() {
    let bench = bench();
    let (_, token) = bench.opened().await;
    bench.pass(7 * 24 * 3600);
    assert_eq!(
        code(bench.refresh(&token).await),
        Some(Code::Unauthenticated),
        "unused"
    );

    let (id, mut token) = bench.opened().await;
    for day in [6, 12, 18, 24] {
        bench.pass(6 * 24 * 3600);
        let issued = bench.refresh(&token).await.unwrap();
        let left = Duration::from_secs((30 - day).min(7) * 24 * 3600);
        assert!(
            issued.refresh_max_age <= left
                && issued.refresh_max_age + Duration::from_secs(60) > left
        );
        token = refresh_token(&issued);
    }
    bench.pass(6 * 24 * 3600);
    assert_eq!(
        code(bench.refresh(&token).await),
        Some(Code::Unauthenticated),
        "at last"
    );
    let caller = Caller {
        user_id: bench.user.id.clone(),
        session_id: id,
        app: bench.app.clone(),
    };
    assert_eq!(
        code(bench.tokens.session_of(&caller).await),
        Some(Code::Unauthenticated)
    );
}

#[tokio::test]
async fn another_app_or_a_foreign_token_gets_nothing() {
    let (bench, elsewhere) = (bench(), bench());
    let (id, token) = bench.opened().await;
    let shop = AppId::parse("shop").unwrap();
    let wrong_app = bench.tokens.refresh(&shop, &token, ip()).await;
    assert_eq!(code(wrong_app), Some(Code::Unauthenticated));
    let wrong_app = bench.tokens.session_of_cookie(&shop, &token).await;
    assert_eq!(code(wrong_app), Some(Code::Unauthenticated));
    for text in ["", "x", &token[1..], &"A".repeat(70)] {
        assert_eq!(code(bench.refresh(text).await), Some(Code::Unauthenticated));
        let found = bench.tokens.session_of_cookie(&bench.app, text).await;
        assert_eq!(code(found), Some(Code::Unauthenticated));
    }
    let (_, foreign) = elsewhere.opened().await;
    assert_eq!(
        code(bench.refresh(&foreign).await),
        Some(Code::Unauthenticated)
    );
    assert!(
        bench
            .sessions
            .get(&id)
            .await
            .unwrap()
            .unwrap()
            .end
            .is_none()
    );
    assert!(bench.refresh(&token).await.is_ok(), "no harm was done");
}

#[tokio::test]
async fn a_store_that_is_away_spends_nothing() {
    let bench = bench();
    let (_, token) = bench.opened().await;
    bench.sessions.away.store(true, Ordering::Relaxed);
    assert_eq!(code(bench.refresh(&token).await), Some(Code::Overloaded));
    let found = bench.tokens.session_of_cookie(&bench.app, &token).await;
    assert_eq!(code(found), Some(Code::Overloaded));
    bench.sessions.away.store(false, Ordering::Relaxed);
    assert!(bench.refresh(&token).await.is_ok());
}

/// What a browser, or a thief, may do next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Show the token of the generation this many before the newest known.
    Show(usize),
    /// Let milliseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_usize).prop_map(Step::Show),
        // Threes add up to 9 s and 12 s, never to the 10 s that the real clock's milliseconds would tip over.
        1 => (1..5_u64).prop_map(|threes| Step::Pass(threes * 3000)),
    ]
}

/// The rules of rotation once more, as plainly as can be: known tokens, when the last one was made, whether all
/// is over.
async fn follow(bench: &Bench, steps: &[Step]) {
    let (_, first) = bench.opened().await;
    let mut known = vec![first];
    let (mut since_ms, mut over) = (0, false);
    for step in steps {
        match *step {
            Step::Pass(ms) => {
                bench.clock.advance(Duration::from_millis(ms));
                since_ms += ms;
            }
            Step::Show(back) => {
                let newest = known.len() - 1;
                let shown = newest.saturating_sub(back);
                let outcome = bench.refresh(&known[shown]).await;
                let rotates = newest == 0 || since_ms > 10_000;
                // The real clock runs on between the steps; nobody is that slow.
                let theft = newest - shown > 1 || (newest - shown == 1 && since_ms > 10_000);
                over |= theft;
                match outcome {
                    Err(error) => {
                        assert!(over, "{error}");
                        assert_eq!(error.code(), Code::SessionRevoked);
                    }
                    Ok(issued) if shown < newest => {
                        assert!(!over && refresh_token(&issued) == known[newest]);
                    }
                    Ok(issued) if rotates => {
                        let token = refresh_token(&issued);
                        assert!(!over && !known.contains(&token));
                        known.push(token);
                        since_ms = 0;
                    }
                    Ok(issued) => assert!(!over && issued.refresh_token.is_none()),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rotation_keeps_its_rules_in_every_order(steps in prop::collection::vec(step(), 1..24)) {
        follow(&bench(), &steps).now_or_never().expect("the fakes never wait");
    }
}
