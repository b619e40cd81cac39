//! What every [`Once`] must do.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Claim, Lease, Once, Shared};
const TTL: Duration = Duration::from_secs(300);
const WAIT: Duration = Duration::from_secs(2);

/// `later` lets so much time pass for the claims, or a little more.
pub(crate) async fn once(once: &dyn Once, later: impl AsyncFn(Duration)) {
    one_of_many_is_first(once).await;
    the_first_outcome_stays(once).await;
    an_unsettled_claim_is_pending(once).await;
    a_claim_ends_with_its_life(once, &later).await;
    looking_takes_nothing(once, &later).await;
}

async fn one_of_many_is_first(once: &dyn Once) {
    let claims = (0..16).map(|_| once.claim("many", TTL, WAIT));
    let settler = async {
        while !once.is_claimed("many").await.unwrap() {
            tokio::task::yield_now().await;
        }
        once.settle("many", "done").await.unwrap();
    };
    let (claims, ()) = tokio::join!(futures_util::future::join_all(claims), settler);
    let first = claims
        .iter()
        .filter(|claim| matches!(claim, Ok(Claim::First)))
        .count();
    let again = claims
        .iter()
        .filter(|claim| matches!(claim, Ok(Claim::Again(outcome)) if outcome == "done"))
        .count();
    assert_eq!((first, again), (1, 15));
}

async fn the_first_outcome_stays(once: &dyn Once) {
    assert_eq!(
        once.claim("outcome", TTL, WAIT).await.unwrap(),
        Claim::First
    );
    once.settle("outcome", "one").await.unwrap();
    once.settle("outcome", "two").await.unwrap();
    assert_eq!(
        once.claim("outcome", TTL, WAIT).await.unwrap(),
        Claim::Again("one".to_owned())
    );
}

async fn an_unsettled_claim_is_pending(once: &dyn Once) {
    assert_eq!(
        once.claim("unsettled", TTL, WAIT).await.unwrap(),
        Claim::First
    );
    assert_eq!(
        once.claim("unsettled", TTL, Duration::from_millis(10))
            .await
            .unwrap(),
        Claim::Pending
    );
}

async fn a_claim_ends_with_its_life(once: &dyn Once, later: &impl AsyncFn(Duration)) {
    assert_eq!(
        once.claim("short", Duration::from_secs(1), WAIT)
            .await
            .unwrap(),
        Claim::First
    );
    later(Duration::from_secs(1)).await;
    assert_eq!(once.claim("short", TTL, WAIT).await.unwrap(), Claim::First);
}

async fn looking_takes_nothing(once: &dyn Once, later: &impl AsyncFn(Duration)) {
    let looked = async || once.is_claimed("looked at").await.unwrap();
    assert!(!looked().await);
    assert!(!looked().await, "to look is not to claim");
    let claim = once.claim("looked at", Duration::from_secs(1), WAIT);
    assert_eq!(claim.await.unwrap(), Claim::First);
    assert!(looked().await, "unsettled too");
    once.settle("looked at", "done").await.unwrap();
    assert!(looked().await);
    later(Duration::from_secs(1)).await;
    assert!(!looked().await);
}

/// As [`once`].
pub(crate) async fn shared(shared: &dyn Shared, later: impl AsyncFn(Duration)) {
    one_at_a_time_makes_a_value(shared).await;
    who_is_late_writes_nothing(shared, &later).await;
    a_value_lives_as_long_as_it_is_said(shared, &later).await;
}

async fn read(shared: &dyn Shared, key: &str) -> Option<String> {
    let found = shared.read(key).await.unwrap();
    found.map(|value| value.expose_secret().to_owned())
}

async fn lease(shared: &dyn Shared, key: &str, ttl: Duration) -> Option<Lease> {
    shared.lease(key, ttl).await.unwrap()
}

async fn one_at_a_time_makes_a_value(shared: &dyn Shared) {
    assert_eq!(read(shared, "one").await, None);
    let leases = (0..16).map(|_| lease(shared, "one", TTL));
    let leases = futures_util::future::join_all(leases).await;
    let [mine] = leases.iter().flatten().collect::<Vec<_>>()[..] else {
        panic!("{leases:?}");
    };
    assert!(lease(shared, "other", TTL).await.is_some());
    let value = SecretString::from("value");
    assert!(shared.write(mine, &value, TTL).await.unwrap());
    assert_eq!(read(shared, "one").await.as_deref(), Some("value"));
    assert!(
        lease(shared, "one", TTL).await.is_some(),
        "it was given back"
    );
    let again = shared.write(mine, &"again".into(), TTL).await.unwrap();
    assert!(!again, "a lease is for one value");
}

async fn who_is_late_writes_nothing(shared: &dyn Shared, later: &impl AsyncFn(Duration)) {
    let late = lease(shared, "late", Duration::from_secs(1)).await.unwrap();
    later(Duration::from_secs(1)).await;
    let next = lease(shared, "late", TTL).await.unwrap();
    assert!(!shared.write(&late, &"late".into(), TTL).await.unwrap());
    assert!(shared.write(&next, &"next".into(), TTL).await.unwrap());
    assert_eq!(read(shared, "late").await.as_deref(), Some("next"));
}

async fn a_value_lives_as_long_as_it_is_said(shared: &dyn Shared, later: &impl AsyncFn(Duration)) {
    let lease = lease(shared, "short", TTL).await.unwrap();
    let life = Duration::from_secs(1);
    assert!(shared.write(&lease, &"short".into(), life).await.unwrap());
    later(life).await;
    assert_eq!(read(shared, "short").await, None);
}
