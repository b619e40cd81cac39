//! Opening and ending.

use super::*;

#[tokio::test]
async fn a_redeemed_grant_gives_the_same_answer_again() {
    let bench = bench();
    let stamp = bench.tokens.stamp();
    let first = bench.open(&stamp).await.unwrap();
    bench.pass(59);
    let stamp: Stamp = serde_json::from_str(&serde_json::to_string(&stamp).unwrap()).unwrap();
    let second = bench.open(&stamp).await.unwrap();
    assert_eq!(
        first.access_token.expose_secret(),
        second.access_token.expose_secret()
    );
    assert_eq!(refresh_token(&first), refresh_token(&second));
    assert_eq!((first.expires_in, second.expires_in), (600, 600));
    let week = 7 * 24 * 3600;
    assert!((week - 60..=week).contains(&first.refresh_max_age.as_secs()));
    assert_eq!(first.user, bench.user);

    let caller = bench
        .tokens
        .authenticate(first.access_token.expose_secret())
        .unwrap();
    assert_eq!(caller.user_id, bench.user.id);
    assert_eq!(
        bench.tokens.session_of(&caller).await.unwrap().id,
        first.session_id
    );
    let other = Caller {
        user_id: UserId("u2".to_owned()),
        ..caller
    };
    let theirs = bench.tokens.session_of(&other).await;
    assert_eq!(code(theirs), Some(Code::Unauthenticated), "not theirs");
}

#[tokio::test]
async fn a_grant_gives_nothing_once_its_session_went_on_or_ended() {
    let bench = bench();
    let stamp = bench.tokens.stamp();
    let issued = bench.open(&stamp).await.unwrap();
    bench.refresh(&refresh_token(&issued)).await.unwrap();
    assert_eq!(code(bench.open(&stamp).await), Some(Code::BadGrant));

    let stamp = bench.tokens.stamp();
    let issued = bench.open(&stamp).await.unwrap();
    assert!(
        bench
            .tokens
            .end(&issued.session_id, EndReason::SignedOut)
            .await
            .unwrap()
    );
    assert_eq!(code(bench.open(&stamp).await), Some(Code::BadGrant));
    assert_eq!(
        code(bench.refresh(&refresh_token(&issued)).await),
        Some(Code::SessionRevoked)
    );

    let stamp = bench.tokens.stamp();
    bench.open(&stamp).await.unwrap();
    let other = user("u2");
    let theirs = bench
        .tokens
        .open_session(&stamp, &other, &bench.app, &bench.device, &Via::Password)
        .await;
    assert_eq!(code(theirs), Some(Code::BadGrant), "another user's");
    let shop = AppId::parse("shop").unwrap();
    let theirs = bench
        .tokens
        .open_session(&stamp, &bench.user, &shop, &bench.device, &Via::Password)
        .await;
    assert_eq!(code(theirs), Some(Code::BadGrant), "another app's");
    let gone = Stamp {
        kid: "gone".to_owned(),
        ..bench.tokens.stamp()
    };
    assert_eq!(
        code(bench.open(&gone).await),
        Some(Code::BadGrant),
        "a key that is gone"
    );
}

#[tokio::test]
async fn a_burnt_stamp_opens_nothing_whichever_comes_first() {
    let bench = bench();
    let stamp = bench.tokens.stamp();
    bench
        .tokens
        .burn(&stamp, &bench.user.id, &bench.app)
        .await
        .unwrap();
    assert_eq!(
        code(bench.open(&stamp).await),
        Some(Code::BadGrant),
        "burnt before it opened"
    );

    let stamp = bench.tokens.stamp();
    let issued = bench.open(&stamp).await.unwrap();
    bench
        .tokens
        .burn(&stamp, &bench.user.id, &bench.app)
        .await
        .unwrap();
    assert_eq!(
        code(bench.refresh(&refresh_token(&issued)).await),
        Some(Code::SessionRevoked)
    );
    let caller = bench
        .tokens
        .authenticate(issued.access_token.expose_secret())
        .unwrap();
    assert_eq!(
        code(bench.tokens.session_of(&caller).await),
        Some(Code::SessionRevoked)
    );
}

#[tokio::test]
async fn any_token_of_a_live_session_leads_to_it() {
    let bench = bench();
    let (id, first) = bench.opened().await;
    let next = refresh_token(&bench.refresh(&first).await.unwrap());
    bench.pass(60);
    for token in [&first, &next] {
        let found = bench.tokens.session_of_cookie(&bench.app, token).await;
        assert_eq!(found.unwrap().id, id, "also one rotated out long ago");
    }
    bench.tokens.end(&id, EndReason::SignedOut).await.unwrap();
    for token in [&first, &next] {
        let found = bench.tokens.session_of_cookie(&bench.app, token).await;
        assert_eq!(code(found), Some(Code::SessionRevoked));
        assert_eq!(code(bench.refresh(token).await), Some(Code::SessionRevoked));
    }
    let (id, _) = bench.opened().await;
    assert_eq!(
        bench
            .tokens
            .end_all(&bench.user.id, None, EndReason::SignedOutEverywhere)
            .await
            .unwrap(),
        [id]
    );
}

#[tokio::test]
async fn an_access_token_ends_by_the_clock_and_a_user_may_vanish() {
    let bench = bench();
    let issued = bench.open(&bench.tokens.stamp()).await.unwrap();
    bench.pass(606);
    let late = bench
        .tokens
        .authenticate(issued.access_token.expose_secret());
    assert_eq!(code(late), Some(Code::TokenExpired));
    let gone = User {
        id: UserId("gone".to_owned()),
        ..bench.user.clone()
    };
    let issued = bench
        .tokens
        .open_session(
            &bench.tokens.stamp(),
            &gone,
            &bench.app,
            &bench.device,
            &Via::Password,
        )
        .await;
    let refreshed = bench.refresh(&refresh_token(&issued.unwrap())).await;
    assert_eq!(code(refreshed), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn every_end_is_announced_once() {
    let bench = bench();
    let (one, _) = bench.opened().await;
    for _ in 0..2 {
        bench
            .tokens
            .end(&one, EndReason::SignedOutElsewhere)
            .await
            .unwrap();
    }
    assert_eq!(bench.heard(), [(one, EndReason::SignedOutElsewhere)]);

    let (two, _) = bench.opened().await;
    for _ in 0..2 {
        bench.tokens.end(&two, EndReason::SignedOut).await.unwrap();
    }
    assert_eq!(bench.heard(), [(two, EndReason::SignedOut)]);

    let stamp = bench.tokens.stamp();
    bench.open(&stamp).await.unwrap();
    for _ in 0..2 {
        bench
            .tokens
            .burn(&stamp, &bench.user.id, &bench.app)
            .await
            .unwrap();
    }
    assert_eq!(bench.heard(), [(stamp.session_id, EndReason::GrantBurnt)]);

    let (stolen, first) = bench.opened().await;
    bench.refresh(&first).await.unwrap();
    bench.pass(11);
    for _ in 0..2 {
        assert_eq!(
            code(bench.refresh(&first).await),
            Some(Code::SessionRevoked)
        );
    }
    assert_eq!(bench.heard(), [(stolen, EndReason::Reuse)]);

    let (kept, _) = bench.opened().await;
    let (three, _) = bench.opened().await;
    let everywhere = EndReason::SignedOutEverywhere;
    for _ in 0..2 {
        bench
            .tokens
            .end_all(&bench.user.id, Some(&kept), everywhere)
            .await
            .unwrap();
    }
    assert_eq!(bench.heard(), [(three, everywhere)]);
}
