//! What every [`Outbox`] must do; a backend's own test is one call of [`outbox`].

use futures_util::future::join_all;

use super::{Due, Event, Fact, KEPT, KEPT_AT_MOST, Outbox, Outcome, Pruned, Settled, UNSEEN};
use crate::{
    clock::Millis,
    config::EventType::{self, UserCreated, UserErased},
};

const NOW: Millis = 1_795_312_000_000;
const LEASE: Millis = 60_000;

/// Runs the whole suite on an outbox that nobody listens to yet.
pub(crate) async fn outbox(outbox: &dyn Outbox) {
    nothing_is_kept_when_nobody_listens(outbox).await;
    each_sink_gets_what_it_wants_once(outbox).await;
    takers_share_the_work_in_order(outbox).await;
    what_is_not_settled_is_due_again(outbox).await;
    the_last_taker_decides_but_delivered_is_delivered(outbox).await;
    what_is_given_up_can_be_seen_and_tried_again(outbox).await;
    what_is_old_is_forgotten(outbox).await;
    a_sink_that_nobody_has_is_forgotten_with_what_waits(outbox).await;
}

fn created(id: &str) -> Event {
    let user_id = format!("user of {id}");
    Event {
        id: id.to_owned(),
        at: NOW,
        fact: Fact::UserCreated { user_id },
    }
}

async fn put(outbox: &dyn Outbox, ids: &[&str]) {
    for id in ids {
        outbox.put(&created(id)).await.unwrap();
    }
}

async fn listen(outbox: &dyn Outbox, sink: &str, types: &[EventType]) {
    outbox.subscribe(sink, types, NOW).await.unwrap();
}

async fn take(outbox: &dyn Outbox, sink: &str, now: Millis) -> Vec<Due> {
    outbox.take(sink, now, now + LEASE, 10).await.unwrap()
}

fn ids(due: &[Due]) -> Vec<&str> {
    due.iter().map(|one| &*one.id).collect()
}

async fn settle(outbox: &dyn Outbox, due: &[Due], outcome: &Outcome) {
    let settled = due.iter().map(|one| Settled {
        position: one.position,
        tries: one.tries,
        outcome: outcome.clone(),
    });
    let settled: Vec<_> = settled.collect();
    outbox.settle(&settled, NOW).await.unwrap();
}

fn dead(error: &str) -> Outcome {
    Outcome::Dead {
        error: error.to_owned(),
    }
}

/// Ends a story: nothing of it waits any more.
async fn finish(outbox: &dyn Outbox, sink: &str) {
    loop {
        let rest = take(outbox, sink, NOW + 10 * LEASE).await;
        if rest.is_empty() {
            return;
        }
        settle(outbox, &rest, &Outcome::Delivered).await;
    }
}

async fn waits(outbox: &dyn Outbox, sink: &str) -> (u64, u64) {
    let backlog = outbox.backlog().await.unwrap();
    let found = backlog.iter().find(|one| one.sink == sink);
    found.map_or((0, 0), |one| (one.pending, one.dead))
}

async fn nothing_is_kept_when_nobody_listens(outbox: &dyn Outbox) {
    put(outbox, &["unheard"]).await;
    assert_eq!(outbox.backlog().await.unwrap(), []);
    listen(outbox, "late", &EventType::ALL).await;
    assert_eq!(take(outbox, "late", NOW).await, []);
    finish(outbox, "late").await;
}

async fn each_sink_gets_what_it_wants_once(outbox: &dyn Outbox) {
    listen(outbox, "one", &[UserCreated, UserErased]).await;
    listen(outbox, "other", &[UserErased]).await;
    put(outbox, &["a", "a"]).await;
    let user_id = "u".to_owned();
    let erased = Event::of_scene("b", 7, NOW + 1, Fact::UserErased { user_id });
    outbox.put(&erased).await.unwrap();
    let taken = take(outbox, "one", NOW + 1).await;
    assert_eq!(ids(&taken), ["a", "b-7"]);
    let first = &taken[0];
    assert_eq!(
        (&*first.kind, &*first.subject),
        ("user.created", "user of a")
    );
    assert_eq!((first.at, first.tries), (NOW, 1));
    assert_eq!(first.data, r#"{"user_id":"user of a"}"#);
    assert_eq!(ids(&take(outbox, "other", NOW + 1).await), ["b-7"]);
    settle(outbox, &taken, &Outcome::Delivered).await;
    put(outbox, &["a"]).await;
    assert_eq!(take(outbox, "one", NOW + 2 * LEASE).await, []);
    finish(outbox, "other").await;
    finish(outbox, "late").await;
}

async fn takers_share_the_work_in_order(outbox: &dyn Outbox) {
    let all: Vec<String> = (10..50).map(|nth| format!("shared-{nth}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    put(outbox, &all).await;
    let taken = join_all((0..6).map(|_| take(outbox, "one", NOW))).await;
    for part in &taken {
        assert!(part.is_sorted_by_key(|one| one.position), "{part:?}");
    }
    let mut found: Vec<_> = taken.iter().flat_map(|part| ids(part)).collect();
    found.sort_unstable();
    assert_eq!(found, all);
    finish(outbox, "one").await;
    finish(outbox, "late").await;
}

async fn what_is_not_settled_is_due_again(outbox: &dyn Outbox) {
    put(outbox, &["leased"]).await;
    assert_eq!(ids(&take(outbox, "one", NOW).await), ["leased"]);
    assert_eq!(take(outbox, "one", NOW + LEASE - 1).await, []);
    let again = take(outbox, "one", NOW + LEASE).await;
    assert_eq!((ids(&again), again[0].tries), (vec!["leased"], 2));
    let later = Outcome::Again {
        at: NOW + 5 * LEASE,
        error: "it answered 500".to_owned(),
    };
    settle(outbox, &again, &later).await;
    assert_eq!(take(outbox, "one", NOW + 5 * LEASE - 1).await, []);
    let third = take(outbox, "one", NOW + 5 * LEASE).await;
    assert_eq!((ids(&third), third[0].tries), (vec!["leased"], 3));
    finish(outbox, "one").await;
    finish(outbox, "late").await;
}

async fn the_last_taker_decides_but_delivered_is_delivered(outbox: &dyn Outbox) {
    put(outbox, &["contested"]).await;
    let slow = take(outbox, "one", NOW).await;
    let quick = take(outbox, "one", NOW + LEASE).await;
    settle(outbox, &slow, &dead("slow")).await;
    assert_eq!(
        waits(outbox, "one").await,
        (1, 0),
        "it is not the slow one's"
    );
    settle(outbox, &slow, &Outcome::Delivered).await;
    assert_eq!(waits(outbox, "one").await, (0, 0));
    settle(outbox, &quick, &dead("quick")).await;
    assert_eq!(waits(outbox, "one").await, (0, 0), "delivered is delivered");
    finish(outbox, "late").await;
}

async fn what_is_given_up_can_be_seen_and_tried_again(outbox: &dyn Outbox) {
    put(outbox, &["hopeless"]).await;
    let taken = take(outbox, "one", NOW).await;
    settle(outbox, &taken, &dead("it answered 400")).await;
    assert_eq!(take(outbox, "one", NOW + 10 * LEASE).await, []);
    assert_eq!(waits(outbox, "one").await, (0, 1));
    let seen = outbox.dead(10).await.unwrap();
    assert_eq!(seen.len(), 1);
    let one = &seen[0];
    assert_eq!(
        (&*one.sink, &*one.id, &*one.kind),
        ("one", "hopeless", "user.created")
    );
    assert_eq!(
        (one.at, one.tries, &*one.error),
        (NOW, 1, "it answered 400")
    );
    assert_eq!(outbox.revive(Some("other"), NOW).await.unwrap(), 0);
    assert_eq!(outbox.revive(Some("one"), NOW).await.unwrap(), 1);
    assert_eq!(outbox.revive(None, NOW).await.unwrap(), 0);
    let again = take(outbox, "one", NOW).await;
    assert_eq!((ids(&again), again[0].tries), (vec!["hopeless"], 1));
    finish(outbox, "one").await;
    finish(outbox, "late").await;
}

async fn what_is_old_is_forgotten(outbox: &dyn Outbox) {
    let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap();
    let sinks = ["one", "other", "late"];
    let still_there = |now: Millis| async move {
        for sink in sinks {
            outbox.subscribe(sink, &[UserCreated], now).await.unwrap();
        }
    };
    let early = NOW + millis(KEPT);
    still_there(early).await;
    let pruned = outbox.prune(early).await.unwrap();
    assert_eq!(
        pruned,
        Pruned::default(),
        "delivered at NOW, a day ago to the millisecond"
    );
    put(outbox, &["forsaken"]).await;
    let pruned = outbox.prune(early + 1).await.unwrap();
    assert!(pruned.old > 80 && pruned.lost == 0, "{pruned:?}");
    assert_eq!(waits(outbox, "one").await, (1, 0), "what waits stays");
    let late = NOW + millis(KEPT_AT_MOST) + 1;
    still_there(late).await;
    let pruned = outbox.prune(late).await.unwrap();
    assert_eq!((pruned.old, pruned.lost), (3, 0));
    assert_eq!(outbox.backlog().await.unwrap(), []);
}

async fn a_sink_that_nobody_has_is_forgotten_with_what_waits(outbox: &dyn Outbox) {
    let start = NOW + 1_000_000_000;
    let unseen = u64::try_from(UNSEEN.as_millis()).unwrap();
    let late = start + unseen + 1;
    for sink in ["one", "other", "late"] {
        outbox
            .subscribe(sink, &EventType::ALL, start)
            .await
            .unwrap();
    }
    let told = Event {
        at: start,
        ..created("told")
    };
    outbox.put(&told).await.unwrap();
    outbox
        .subscribe("one", &EventType::ALL, late)
        .await
        .unwrap();
    let pruned = outbox.prune(late).await.unwrap();
    assert_eq!(pruned.lost, 2);
    let event = Event {
        at: late,
        ..created("told later")
    };
    outbox.put(&event).await.unwrap();
    assert_eq!(
        (waits(outbox, "one").await, waits(outbox, "other").await),
        ((2, 0), (0, 0))
    );
    assert_eq!(
        ids(&take(outbox, "one", late).await),
        ["told", "told later"]
    );
}
