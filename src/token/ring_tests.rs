use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

const ED: SigningAlgorithm = SigningAlgorithm::EdDsa;
const EC: SigningAlgorithm = SigningAlgorithm::Es256;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
const STAY: Millis = 615_000;

const POLICY: Policy = Policy {
    algorithm: ED,
    rotate_every: Some(90 * DAY),
    publish_ahead: HOUR,
    stay: STAY,
};

/// Keys named by their number, as they would be made.
#[derive(Default)]
struct Forge(u32);

impl Forge {
    fn rotate(&mut self, ring: &Ring, rotation: KeyRotation, policy: &Policy, now: Millis) -> Ring {
        let make = |signs_from| {
            self.0 += 1;
            Ok::<_, Infallible>(Entry {
                kid: self.0.to_string(),
                algorithm: policy.algorithm,
                published_at: now,
                signs_from,
            })
        };
        ring.rotated(rotation, policy, now, make).unwrap()
    }
}

/// Kid, state, since, until.
fn states(ring: &Ring, now: Millis) -> Vec<(String, KeyState, Millis, Option<Millis>)> {
    let keys = ring.status(&POLICY, now);
    keys.map(|key| (key.kid, key.state, key.since, key.until))
        .collect()
}

fn row(
    kid: &str,
    state: KeyState,
    since: Millis,
    until: Millis,
) -> (String, KeyState, Millis, Option<Millis>) {
    (kid.to_owned(), state, since, Some(until))
}

#[test]
fn the_next_key_is_published_before_it_signs_and_the_retired_one_until_its_tokens_are_dead() {
    let mut forge = Forge::default();
    let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, 0);
    let turn = 90 * DAY;
    assert_eq!(states(&ring, 0), [row("1", KeyState::Signing, 0, turn)]);
    assert!(!ring.is_due(&POLICY, turn - HOUR - 1));
    assert!(ring.is_due(&POLICY, turn - HOUR));

    let ring = forge.rotate(&ring, KeyRotation::Scheduled, &POLICY, turn - HOUR);
    let both = [
        row("1", KeyState::Signing, 0, turn),
        row("2", KeyState::Next, turn - HOUR, turn),
    ];
    assert_eq!(states(&ring, turn - 1), both);
    assert!(!ring.is_due(&POLICY, turn - 1), "one waits already");
    let turned = [
        row("1", KeyState::Retired, turn, turn + STAY),
        row("2", KeyState::Signing, turn, turn * 2),
    ];
    assert_eq!(states(&ring, turn), turned);
    assert!(!ring.is_due(&POLICY, turn + STAY - 1));
    assert!(ring.is_due(&POLICY, turn + STAY), "one is dead");
    let ring = forge.rotate(&ring, KeyRotation::Scheduled, &POLICY, turn + STAY);
    assert_eq!(states(&ring, turn + STAY), turned[1..]);
}

#[test]
fn who_has_slept_over_a_turn_still_publishes_first() {
    let mut forge = Forge::default();
    let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, 0);
    let late = 200 * DAY;
    let ring = forge.rotate(&ring, KeyRotation::Scheduled, &POLICY, late);
    assert_eq!(ring.current(late).unwrap().kid, "1");
    assert_eq!(ring.current(late + HOUR - 1).unwrap().kid, "1");
    assert_eq!(ring.current(late + HOUR).unwrap().kid, "2");
}

#[test]
fn commands_do_what_they_say() {
    let mut forge = Forge::default();
    let start = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, 0);
    let ahead = forge.rotate(&start, KeyRotation::Ahead, &POLICY, DAY);
    assert_eq!(ahead.keys()[1].signs_from, DAY + HOUR);

    let promoted = forge.rotate(&ahead, KeyRotation::AtOnce, &POLICY, DAY + 2);
    assert_eq!(
        promoted.current(DAY + 2).unwrap().kid,
        "2",
        "the one that waited"
    );
    assert_eq!(promoted.keys().len(), 2);
    let fresh = forge.rotate(&promoted, KeyRotation::AtOnce, &POLICY, DAY + 3);
    assert_eq!(fresh.current(DAY + 3).unwrap().kid, "3");
    assert_eq!(fresh.keys().len(), 3, "tokens of both others live");

    let alone = forge.rotate(&fresh, KeyRotation::Revoke, &POLICY, DAY + 4);
    assert_eq!(alone.keys().len(), 1);
    assert_eq!(alone.current(DAY + 4).unwrap().kid, "4");
}

#[test]
fn without_a_schedule_only_commands_rotate() {
    let policy = Policy {
        rotate_every: None,
        ..POLICY
    };
    let mut forge = Forge::default();
    let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &policy, 0);
    assert!(!ring.is_due(&policy, 10_000 * DAY));
    let [only] = ring
        .status(&policy, 0)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!((only.state, only.until), (KeyState::Signing, None));
    let ring = forge.rotate(&ring, KeyRotation::Ahead, &policy, DAY);
    assert_eq!(ring.current(DAY + HOUR).unwrap().kid, "2");
}

#[test]
fn another_algorithm_signs_at_once_and_the_key_that_waited_goes() {
    let mut forge = Forge::default();
    let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, 0);
    let ring = forge.rotate(&ring, KeyRotation::Ahead, &POLICY, DAY);
    let policy = Policy {
        algorithm: EC,
        ..POLICY
    };
    assert!(
        !ring.is_due(&policy, DAY),
        "only a start goes over to another"
    );
    let ring = forge.rotate(&ring, KeyRotation::Start, &policy, DAY);
    let kids: Vec<_> = ring.keys().iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["1", "3"]);
    assert_eq!(ring.current(DAY).unwrap().kid, "3");
    assert_eq!(ring.signing(EC, DAY).unwrap().kid, "3");
    let other = ring.signing(ED, DAY).unwrap();
    assert_eq!(other.kid, "1", "for a gateway that has not gone over");
    assert!(!ring.is_due(&POLICY, 100 * DAY), "it leaves the ring alone");
    let back = forge.rotate(&ring, KeyRotation::Start, &POLICY, DAY + 1);
    assert_eq!(
        back.current(DAY + 1).unwrap().kid,
        "4",
        "not the retired one"
    );
}

#[test]
fn a_clock_that_went_back_still_finds_a_key() {
    let mut forge = Forge::default();
    let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, DAY);
    assert_eq!(ring.current(0).unwrap().kid, "1");
    assert_eq!(ring.signing(ED, 0).unwrap().kid, "1");
    assert!(!ring.is_due(&POLICY, 0));
    assert_eq!(Ring::default().current(0), None);
}

#[test]
fn the_last_command_counts_though_the_clocks_of_two_machines_differ() {
    for rotation in [KeyRotation::AtOnce, KeyRotation::Ahead] {
        let mut forge = Forge::default();
        let ring = forge.rotate(&Ring::default(), KeyRotation::Start, &POLICY, DAY);
        let ring = forge.rotate(&ring, rotation, &POLICY, DAY - 2_000);
        assert_eq!(ring.current(DAY + HOUR).unwrap().kid, "2", "{rotation:?}");
        let again = forge.rotate(&ring, KeyRotation::AtOnce, &POLICY, DAY - 1_000);
        assert_ne!(again.current(DAY).unwrap().kid, "1");
        assert!(again.keys().is_sorted_by_key(|key| key.signs_from));
    }
}

fn events() -> impl Strategy<Value = Vec<(KeyRotation, Millis)>> {
    let rotation = prop_oneof![
        8 => Just(KeyRotation::Scheduled),
        1 => Just(KeyRotation::Ahead),
        1 => Just(KeyRotation::AtOnce),
        1 => Just(KeyRotation::Start),
    ];
    let pause = prop_oneof![0..20_000_u64, 0..2 * HOUR, 0..3 * DAY];
    proptest::collection::vec((rotation, pause), 1..60)
}

proptest! {
    /// A token dies of age, never because its key has gone, whoever signed it a little late.
    #[test]
    fn no_key_goes_before_its_tokens(events in events(), every in 2 * HOUR..9 * DAY) {
        let policy = Policy { rotate_every: Some(every), ..POLICY };
        let life = STAY - 10_000;
        let mut forge = Forge::default();
        let mut now = 0;
        let mut ring = forge.rotate(&Ring::default(), KeyRotation::Start, &policy, now);
        let mut signed: Vec<(String, Millis)> = Vec::new();
        for (rotation, pause) in events {
            let before = ring.clone();
            ring = forge.rotate(&before, rotation, &policy, now);
            signed.push((ring.signing(ED, now).unwrap().kid.clone(), now));
            // A process that has not looked yet signs by the list it knows.
            let late = now + pause.min(9_999);
            signed.push((before.signing(ED, late).unwrap().kid.clone(), late));
            now += pause;
            signed.push((ring.signing(ED, now).unwrap().kid.clone(), now));
            signed.retain(|(_, at)| now < at + life);
            let published: Vec<_> = ring.status(&policy, now).filter(|key| key.state != KeyState::Dead).collect();
            for (kid, at) in &signed {
                prop_assert!(published.iter().any(|key| key.kid == *kid), "{kid} of {at} is gone at {now}: {ring:?}");
            }
            prop_assert!(ring.keys().is_sorted_by_key(|key| key.signs_from));
            let signing = published.iter().filter(|key| key.state == KeyState::Signing);
            prop_assert_eq!(signing.count(), 1);
        }
    }

    /// Unless somebody is impatient, no verifier meets a key that was not published long before.
    #[test]
    fn no_key_signs_before_it_was_published(
        pauses in proptest::collection::vec(0..5 * DAY, 1..60),
        every in 2 * HOUR..9 * DAY,
    ) {
        let policy = Policy { rotate_every: Some(every), ..POLICY };
        let mut forge = Forge::default();
        let mut now = 0;
        let mut ring = forge.rotate(&Ring::default(), KeyRotation::Start, &policy, now);
        for pause in pauses {
            now += pause;
            ring = forge.rotate(&ring, KeyRotation::Scheduled, &policy, now);
            prop_assert!(ring.keys().len() <= 3, "{ring:?}");
            prop_assert!(ring.keys().iter().any(|key| key.signs_from > now || now < key.signs_from + every), "a turn was missed: {ring:?}");
            let current = ring.current(now).unwrap();
            prop_assert!(current.kid == "1" || now - current.published_at >= HOUR);
        }
    }
}
