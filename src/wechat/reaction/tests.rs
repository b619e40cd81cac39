use super::*;

use Endpoint::{
    Auth, CallbackAddresses, CreateQr, Exchange, Follower, Refresh, StableToken, Token, UserInfo,
};
use Reaction::{Alert, FailLogin, Ok, RefreshRetry, Retry};

const BUSINESS: &[Endpoint] = &[CreateQr, Follower, CallbackAddresses];
const PERSON: &[Endpoint] = &[Refresh, Auth, UserInfo];
const FETCHES: &[Endpoint] = &[Token, StableToken];

/// WeChat's errors and what is due, written down without looking at the table.
const EXPECTED: &[(&[i64], &[Endpoint], Reaction)] = &[
    (&[0], &Endpoint::ALL, Ok),
    (&[-1, 45011], &Endpoint::ALL, Retry),
    (&[40001, 40014, 42001], BUSINESS, RefreshRetry),
    (&[40001, 40014, 42001], PERSON, FailLogin),
    (&[40001, 40014, 42001], FETCHES, Alert),
    (&[40001, 40014, 42001], &[Exchange], Alert),
    (&[40003], &[UserInfo, Auth, Follower], FailLogin),
    (&[40029, 40163, 41008, 42003], &[Exchange], FailLogin),
    (&[40030, 42002, 42007], &[Refresh], FailLogin),
    (&[40226, 50001, 50002], &Endpoint::ALL, FailLogin),
    (&[43004, 50005], BUSINESS, FailLogin),
    (&[46004, 49003], &[Follower], FailLogin),
    (&[48001], &[UserInfo], FailLogin),
    (
        &[48001],
        &[Exchange, CreateQr, Follower, Token, StableToken],
        Alert,
    ),
    (&[40002, 40243, 89503, 89506, 89507], FETCHES, Alert),
    (&[40164, 61004, 50004, 50007], FETCHES, Alert),
    (&[40013, 40125], &[Exchange, Token, StableToken], Alert),
    (&[41002, 41004], &[Exchange, Token, StableToken], Alert),
    (&[40013, 40035, 40066, 40097], &Endpoint::ALL, Alert),
    (
        &[40033, 44002, 47001, 40052, 40053],
        &[CreateQr, StableToken],
        Alert,
    ),
    (&[41001, 41003, 41009], &Endpoint::ALL, Alert),
    (&[43001, 43002, 43003], &Endpoint::ALL, Alert),
    (&[45009, 48004, 61007], &Endpoint::ALL, Alert),
    (&[40129, 40169, 41030], &Endpoint::ALL, Alert),
    (&[1, 99_999, -40001], &Endpoint::ALL, Alert),
];

const PAGES: [i64; 12] = [
    10003, 10004, 10005, 10006, 10009, 10010, 10011, 10012, 10013, 10015, 10016, 10038,
];

#[test]
fn a_code_means_what_its_endpoint_makes_of_it() {
    for (errcodes, endpoints, expected) in EXPECTED {
        for (errcode, endpoint) in pairs(errcodes, endpoints) {
            let place = endpoint.path();
            assert_eq!(
                reaction(endpoint, errcode),
                *expected,
                "{errcode} at {place}"
            );
        }
    }
}

#[test]
fn no_phone_can_blame_the_account() {
    let ours: &[(&[i64], &[Endpoint])] = &[
        (&[40001, 40013, 40125, 40243, 41002, 41004], &[Exchange]),
        (&[48001, 48004, 50004, 50007, 61007], &[Exchange]),
        (&[40001, 40014, 42001], BUSINESS),
        (&[40001, 40164, 89503], FETCHES),
    ];
    for (errcodes, endpoints) in ours {
        for (errcode, endpoint) in pairs(errcodes, endpoints) {
            assert!(is_ours(endpoint, errcode), "{errcode} at {endpoint:?}");
        }
    }
    let others: &[(&[i64], &[Endpoint])] = &[
        (&[0, -1, 45009, 45011, 40029, 40163, 41008], &[Exchange]),
        (&[40035, 47001, 99_999], &[Exchange]),
        (&[40001, 40014, 42001, 48001], &[UserInfo]),
    ];
    for (errcodes, endpoints) in others {
        for (errcode, endpoint) in pairs(errcodes, endpoints) {
            assert!(!is_ours(endpoint, errcode), "{errcode} at {endpoint:?}");
        }
    }
}

#[test]
fn every_code_is_explained_in_both_languages() {
    for (errcodes, endpoints, _) in EXPECTED {
        for (errcode, endpoint) in pairs(errcodes, endpoints) {
            for kind in [AccountKind::OfficialAccount, AccountKind::Website] {
                is_english(&advice(kind, endpoint, errcode, Locale::En));
                is_chinese(&advice(kind, endpoint, errcode, Locale::ZhCn));
            }
        }
    }
}

#[test]
fn only_codes_that_nobody_knows_get_the_advice_to_look_them_up() {
    let unknown = |errcode| std::ptr::eq(row(Exchange, errcode), UNKNOWN);
    assert!([1, 99_999, -40001, 10003].into_iter().all(unknown));
    let known = EXPECTED.iter().rev().skip(1);
    assert!(
        known
            .flat_map(|(codes, ..)| *codes)
            .all(|code| !unknown(*code))
    );
}

#[test]
fn the_advice_names_the_section_of_the_account_at_fault() {
    for (kind, key) in [
        (
            AccountKind::OfficialAccount,
            "wechat.official_account.app_secret",
        ),
        (AccountKind::Website, "wechat.website.app_secret"),
    ] {
        for locale in [Locale::En, Locale::ZhCn] {
            for errcode in [40001, 40125] {
                assert!(advice(kind, StableToken, errcode, locale).contains(key));
            }
        }
    }
}

#[test]
fn every_page_error_is_explained_and_comes_from_no_api() {
    for code in PAGES {
        is_english(page_error(code, Locale::En).unwrap());
        is_chinese(page_error(code, Locale::ZhCn).unwrap());
    }
    let english = page_error(10003, Locale::En).unwrap();
    assert!(
        english.starts_with("The domain of redirect_uri is not the one in the account's settings")
    );
    assert_eq!(page_error(10007, Locale::En), None);
    assert_eq!(page_error(40001, Locale::ZhCn), None);
}

#[test]
fn every_line_can_be_reached() {
    for row in TABLE {
        for errcode in row.errcodes {
            let reached = Endpoint::ALL
                .into_iter()
                .any(|endpoint| std::ptr::eq(super::row(endpoint, *errcode), row));
            assert!(reached, "{errcode} is hidden by an earlier line");
        }
    }
}

fn pairs(errcodes: &[i64], endpoints: &[Endpoint]) -> Vec<(i64, Endpoint)> {
    let both = |errcode: &i64| {
        endpoints
            .iter()
            .map(|endpoint| (*errcode, *endpoint))
            .collect::<Vec<_>>()
    };
    errcodes.iter().flat_map(both).collect()
}

fn is_english(sentence: &str) {
    assert!(
        sentence.is_ascii() && !sentence.contains('{'),
        "{sentence:?}"
    );
    assert!(sentence.ends_with(['.', '?']), "{sentence:?}");
}

fn is_chinese(sentence: &str) {
    let has_han = sentence
        .chars()
        .any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
    assert!(has_han && !sentence.contains('{'), "{sentence:?}");
    assert!(sentence.ends_with(['。', '？']), "{sentence:?}");
}
