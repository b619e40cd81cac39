//! The life of a scene under random orders of whatever can happen to it.

use proptest::prelude::*;

use super::{
    conformance::{LIVES, NOW, confirm, phone, scan, scene, scene_of, user},
    *,
};
use crate::{clock::Millis, code::Code, config::Flow};

fn phones() -> impl Strategy<Value = Phone> {
    let openids = prop_oneof![Just("o"), Just("other")];
    (openids, 0_u8..=3).prop_map(|(openid, tie)| Phone {
        // An event has no tie.
        tie: (tie > 0).then_some([tie; 32]),
        ..phone(openid, tie)
    })
}

fn digits() -> impl Strategy<Value = Digits> {
    prop_oneof![Just("00"), Just("42")].prop_map(|text| Digits::parse(text).unwrap())
}

fn inputs() -> impl Strategy<Value = Input> {
    let ties = || (1_u8..=3).prop_map(|tie| [tie; 32]);
    let confirm = (phones(), prop::option::of(digits()));
    prop_oneof![
        3 => phones().prop_map(|phone| Input::Scan { phone, known: None }),
        3 => confirm.prop_map(|(phone, digits)| Input::Confirm { phone, user: user(), digits }),
        2 => digits().prop_map(|digits| Input::Verify { digits }),
        1 => phones().prop_map(|phone| Input::SignIn { openid: phone.openid, user: user() }),
        1 => Just(Input::Decline),
        1 => phones().prop_map(|phone| Input::Deny { phone, reason: "r" }),
        1 => ties().prop_map(|tie| Input::Reject { tie }),
        1 => Just(Input::Replace),
        1 => Just(Input::Cancel),
        2 => Just(Input::Expire),
        2 => Just(Input::Redeem { receipt: "r".to_owned() }),
        1 => Just(Input::Burn),
        1 => prop::option::of(ties()).prop_map(|tie| Input::Fail { code: Code::WechatFailed, tie }),
    ]
}

/// A flow; what happens, and how long after what happened before.
type Life = (Flow, Vec<(Input, Millis)>);

fn lives() -> impl Strategy<Value = Life> {
    let flows = prop_oneof![
        2 => Just(Flow::H5),
        2 => Just(Flow::OfficialAccount),
        1 => Just(Flow::Website)
    ];
    let pauses = prop_oneof![4 => 0_u64..20_000, 1 => 0_u64..400_000];
    (flows, prop::collection::vec((inputs(), pauses), 1..40))
}

/// A step: the scene before, what happened, when, what came of it.
type Step = (Scene, Input, Millis, Result<(Scene, Effect), Refused>);

/// Every step taken: the scene before, what happened, the scene after, what follows.
fn walk((flow, life): &Life) -> Vec<Step> {
    let (mut scene, mut now) = (scene_of(*flow, &Secret::random()), NOW);
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
    fn only_who_may_authorizes(life in lives()) {
        for (before, input, _, result) in walk(&life) {
            let Ok((after, _)) = result else { continue };
            let is_new = matches!(after.state, State::Authorized { redeemed: None, .. }) && before.state != after.state;
            if !is_new {
                continue;
            }
            match (&before.state, &input, before.opening.flow) {
                (State::Scanned { .. }, Input::Confirm { phone, digits: None, .. }, _) => {
                    prop_assert!(phone.tie.is_some());
                    prop_assert_eq!(before.phone.as_deref(), Some(phone));
                }
                (State::Verifying { digits, .. }, Input::Verify { digits: sent }, _) => prop_assert_eq!(digits, sent),
                (State::Pending, Input::SignIn { .. }, Flow::Website) => {}
                (State::Scanned { .. }, Input::SignIn { openid, .. }, Flow::OfficialAccount) => {
                    prop_assert!(before.is_openid(openid));
                }
                (state, input, flow) => {
                    return Err(TestCaseError::fail(format!("{input:?} authorized a {flow:?} that was {state:?}")));
                }
            }
        }
    }

    #[test]
    fn a_flow_knows_its_own_scan_only(life in lives()) {
        for (before, input, _, result) in walk(&life) {
            let Ok((after, _)) = result else { continue };
            if let (State::Pending, State::Scanned { .. }, Input::Scan { phone, .. }) = (&before.state, &after.state, &input) {
                let by_page = phone.tie.is_some();
                prop_assert_eq!(by_page, before.opening.flow == Flow::H5);
                prop_assert!(before.opening.flow != Flow::Website);
            }
        }
    }

    #[test]
    fn digits_are_forgiven_twice_and_never_given_more_time(life in lives()) {
        let mut wrong = 0;
        for (before, input, _, result) in walk(&life) {
            let Ok((after, _)) = result else { continue };
            if let (State::Scanned { .. }, State::Verifying { tries_left, .. }) = (&before.state, &after.state) {
                prop_assert_eq!((*tries_left, wrong), (3, 0));
                prop_assert!(after.deadline <= before.deadline);
            }
            let State::Verifying { tries_left, .. } = &before.state else { continue };
            if matches!(input, Input::Verify { .. }) && !matches!(after.state, State::Authorized { .. }) {
                wrong += 1;
                prop_assert_eq!(matches!(after.state, State::Failed { code: Code::WrongDigits }), *tries_left == 1);
                prop_assert!(after.deadline == before.deadline || !after.state.is_live());
            }
        }
        prop_assert!(wrong <= 3);
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
    assert!(moved.is_tied_to(Some(&[2; 32])) && !moved.is_tied_to(Some(&[1; 32])));
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
