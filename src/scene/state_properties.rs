//! The life of a scene under random orders of whatever can happen to it.

use proptest::prelude::*;

use super::{
    conformance::{LIVES, NOW, confirm, phone, scan, scene, user},
    *,
};
use crate::{clock::Millis, code::Code};

fn inputs() -> impl Strategy<Value = Input> {
    let phones = (prop_oneof![Just("o"), Just("other")], 1_u8..=3)
        .prop_map(|(openid, tie)| phone(openid, tie));
    prop_oneof![
        3 => phones.clone().prop_map(|phone| Input::Scan { phone, known: None }),
        3 => phones.prop_map(|phone| Input::Confirm { phone, user: user() }),
        1 => (1_u8..=3).prop_map(|tie| Input::Reject { tie: [tie; 32] }),
        1 => Just(Input::Replace),
        1 => Just(Input::Cancel),
        2 => Just(Input::Expire),
        2 => Just(Input::Redeem { receipt: "r".to_owned() }),
        1 => Just(Input::Burn),
        1 => prop::option::of((1_u8..=3).prop_map(|tie| [tie; 32]))
            .prop_map(|tie| Input::Fail { code: Code::WechatFailed, tie }),
    ]
}

/// What happens, and how long after what happened before.
fn lives() -> impl Strategy<Value = Vec<(Input, Millis)>> {
    let pauses = prop_oneof![4 => 0_u64..20_000, 1 => 0_u64..400_000];
    prop::collection::vec((inputs(), pauses), 1..40)
}

/// A step: the scene before, what happened, when, what came of it.
type Step = (Scene, Input, Millis, Result<(Scene, Effect), Refused>);

/// Every step taken: the scene before, what happened, the scene after, what follows.
fn walk(life: &[(Input, Millis)]) -> Vec<Step> {
    let (mut scene, mut now) = (scene(&Secret::random()), NOW);
    life.iter()
        .map(|(input, pause)| {
            now += pause;
            let before = scene.clone();
            let result = scene.advance(input, now, &LIVES);
            if let Ok((next, _)) = &result {
                scene = next.clone();
            }
            (before, input.clone(), now, result)
        })
        .collect()
}

proptest! {
    #[test]
    fn seq_grows_by_one_with_each_announcement(life in lives()) {
        for (before, input, _, result) in walk(&life) {
            let Ok((after, effect)) = result else { continue };
            let replaced = matches!(input, Input::Replace);
            let step = u64::from(effect == Effect::Announce || replaced);
            prop_assert_eq!(after.seq, before.seq + step, "{:?} on {:?}", input, before.state);
            prop_assert_eq!(effect == Effect::Finish, after.is_redeemed() && !before.is_redeemed());
        }
    }

    #[test]
    fn ends_are_final_and_time_is_kept(life in lives()) {
        for (before, input, now, result) in walk(&life) {
            if !before.state.is_live() {
                let burnt = before.is_redeemed() && matches!(input, Input::Burn);
                prop_assert!(result.is_err() || burnt, "{:?} on {:?}", input, before.state);
            }
            if before.state.is_live() && now >= before.deadline {
                let expired = matches!(&result, Ok((after, _)) if after.state == State::Expired);
                prop_assert_eq!(expired, matches!(input, Input::Expire));
            }
            if let Ok((after, _)) = result {
                prop_assert!(after.deadline >= now, "a step never sets a deadline in the past");
            }
        }
    }

    #[test]
    fn only_the_phone_that_scanned_authorizes(life in lives()) {
        for (before, input, _, result) in walk(&life) {
            let Ok((after, _)) = result else { continue };
            if matches!(after.state, State::Authorized { redeemed: None, .. }) && before.state != after.state {
                let Input::Confirm { phone, .. } = input else {
                    return Err(TestCaseError::fail("authorized by something else than a confirm"));
                };
                let was_scanned = matches!(before.state, State::Scanned { .. });
                prop_assert!(was_scanned);
                prop_assert_eq!(before.phone.as_deref(), Some(&phone));
            }
        }
    }

    #[test]
    fn the_first_scan_stays(life in lives()) {
        for (before, _, _, result) in walk(&life) {
            let Ok((after, _)) = result else { continue };
            if let (Some(first), Some(then)) = (&before.phone, &after.phone) {
                prop_assert_eq!(&first.openid, &then.openid);
            }
            prop_assert!(before.phone.is_none() || after.phone.is_some());
        }
    }

    #[test]
    fn a_grant_is_redeemed_at_most_once(life in lives()) {
        let redeemed = walk(&life).into_iter().filter(|(_, input, _, result)| {
            matches!(input, Input::Redeem { .. }) && result.is_ok()
        });
        prop_assert!(redeemed.count() <= 1);
    }
}

#[test]
fn confirming_does_not_extend_the_scan_and_rescanning_neither() {
    let scene = scene(&Secret::random());
    let (scanned, _) = scene.advance(&scan(), NOW + 1_000, &LIVES).unwrap();
    assert_eq!(scanned.deadline, NOW + 181_000);
    let again = Input::Scan {
        phone: phone("o", 2),
        known: None,
    };
    let (moved, effect) = scanned.advance(&again, NOW + 90_000, &LIVES).unwrap();
    assert_eq!(
        (moved.deadline, effect, moved.seq),
        (scanned.deadline, Effect::Quiet, scanned.seq)
    );
    assert!(moved.is_tied_to(&[2; 32]) && !moved.is_tied_to(&[1; 32]));
    assert_eq!(
        moved.advance(&confirm(), NOW + 91_000, &LIVES).unwrap_err(),
        Refused::OtherPhone
    );
}

#[test]
fn a_phone_that_does_not_hold_the_scene_cannot_fail_it() {
    let fail = |tie| Input::Fail {
        code: Code::WechatFailed,
        tie,
    };
    let pending = scene(&Secret::random());
    let (scanned, _) = pending.advance(&scan(), NOW, &LIVES).unwrap();
    let (hit, stranger) = (fail(Some([1; 32])), fail(Some([2; 32])));
    assert_eq!(
        pending.advance(&hit, NOW, &LIVES).unwrap_err(),
        Refused::OtherPhone
    );
    assert_eq!(
        scanned.advance(&stranger, NOW, &LIVES).unwrap_err(),
        Refused::OtherPhone
    );
    for input in [hit, fail(None)] {
        let (failed, _) = scanned.advance(&input, NOW, &LIVES).unwrap();
        assert_eq!(
            failed.state,
            State::Failed {
                code: Code::WechatFailed
            }
        );
    }
}

#[test]
fn a_second_confirm_and_a_second_scan_change_nothing() {
    let scene = scene(&Secret::random());
    let (scanned, _) = scene.advance(&scan(), NOW, &LIVES).unwrap();
    assert_eq!(
        scanned.advance(&scan(), NOW, &LIVES).unwrap_err(),
        Refused::Again
    );
    let (authorized, _) = scanned.advance(&confirm(), NOW, &LIVES).unwrap();
    assert_eq!(
        authorized.advance(&confirm(), NOW, &LIVES).unwrap_err(),
        Refused::Again
    );
    let stranger = Input::Scan {
        phone: phone("other", 9),
        known: None,
    };
    assert_eq!(
        authorized.advance(&stranger, NOW, &LIVES).unwrap_err(),
        Refused::OtherPhone
    );
}

#[test]
fn another_verifier_burns_the_grant_before_and_after_it_was_redeemed() {
    let scene = scene(&Secret::random());
    let (scanned, _) = scene.advance(&scan(), NOW, &LIVES).unwrap();
    let (authorized, _) = scanned.advance(&confirm(), NOW, &LIVES).unwrap();
    let (failed, effect) = authorized.advance(&Input::Burn, NOW, &LIVES).unwrap();
    assert_eq!(
        (failed.state, effect),
        (
            State::Failed {
                code: Code::BadGrant
            },
            Effect::Announce
        )
    );

    let redeem = Input::Redeem {
        receipt: "r".to_owned(),
    };
    let (redeemed, _) = authorized.advance(&redeem, NOW, &LIVES).unwrap();
    let (burnt, effect) = redeemed
        .advance(&Input::Burn, NOW + 59_000, &LIVES)
        .unwrap();
    assert_eq!(
        (burnt.seq, effect),
        (redeemed.seq, Effect::Quiet),
        "the scene stays redeemed"
    );
    assert_eq!(
        redeemed
            .advance(&Input::Burn, NOW + 60_000, &LIVES)
            .unwrap_err(),
        Refused::Redeemed
    );
}
