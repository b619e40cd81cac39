//! The phone shows two digits, and the browser must send them.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    lifecycle::text,
    support::{Browser, Caller, Gateway, Page, Phone, path, read, spawn_gateway_with},
};

const ALWAYS: (&str, &str) = ("scene.number_match", "always");

/// A page with digits on it.
pub(crate) fn digits(page: &Page) -> &str {
    let rest = page.html.split(r#"class="digits" value=""#).nth(1);
    let digits = rest.and_then(|rest| rest.split('"').next());
    digits.unwrap_or_else(|| panic!("no digits: {page:?}"))
}

/// Others than these, a different pair for each `nth` below 100.
fn wrong(digits: &str, nth: u8) -> String {
    format!("{:02}", (digits.parse::<u8>().unwrap() + nth) % 100)
}

pub(crate) async fn verify(tab: &mut Browser, code: &str) {
    tab.say(json!({ "type": "verify", "code": code })).await;
}

/// A login whose phone shows digits and whose tab is asked for them.
pub(crate) struct Asked {
    pub(crate) tab: Browser,
    phone: Phone,
    pending: Value,
    verifying: Value,
    pub(crate) page: Page,
}

impl Asked {
    pub(crate) async fn by(gateway: &Gateway, user: &str) -> Self {
        let mut tab = gateway.browser().await;
        let pending = tab.start().await;
        let phone = gateway.phone(user);
        let page = phone.confirm(text(&pending)).await;
        tab.event("scanned").await;
        let verifying = tab.event("verifying").await;
        Self {
            tab,
            phone,
            pending,
            verifying,
            page,
        }
    }

    /// Sends three wrong codes.
    pub(crate) async fn fail(mut self) {
        for nth in 1..=3 {
            verify(&mut self.tab, &wrong(digits(&self.page), nth)).await;
        }
        for tries_left in [2, 1] {
            assert_eq!(self.tab.event("verifying").await["tries_left"], tries_left);
        }
        let failed = self.tab.event("failed").await;
        assert_eq!(failed["error"]["code"], 40003, "{failed}");
        let page = self.phone.open(text(&self.pending)).await;
        page.says(410, "登录没有完成");
    }
}

pub(crate) async fn always() -> Gateway {
    spawn_gateway_with(&[ALWAYS]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_digits_sign_in() {
    let gateway = always().await;
    for user in ["lixiaolong", "lixiaolong"] {
        let mut asked = Asked::by(&gateway, user).await;
        let verifying = &asked.verifying;
        assert_eq!(
            (&verifying["seq"], &verifying["code_length"]),
            (&json!(3), &json!(2)),
            "{verifying}"
        );
        assert_eq!(verifying["tries_left"], 3);
        let shown = digits(&asked.page);
        let host = gateway.url.authority();
        asked.page.says(200, &format!("<bdi>{host}</bdi>"));
        assert!(!verifying.to_string().contains(&format!("\"{shown}\"")));

        let again = asked.phone.open(text(&asked.pending)).await;
        assert_eq!(digits(&again), shown, "the same after a reload");
        let pressed = asked
            .phone
            .open(&format!("{}/confirm", asked.page.url))
            .await;
        assert_eq!(digits(&pressed), shown, "the same after a second tap");

        verify(&mut asked.tab, shown).await;
        let authorized = asked.tab.event("authorized").await;
        assert_eq!(authorized["seq"], 4);
        let done = asked.phone.open(text(&asked.pending)).await;
        done.says(200, "已登录");
        let (status, redeemed) = asked.tab.redeem(&authorized["grant"]).await;
        assert_eq!(
            (status, &redeemed["data"]["user"]["name"]),
            (200, &json!("李小龙"))
        );
    }
    let right = r#"scangate_number_match_total{outcome="right"}"#;
    assert_eq!(gateway.metric(right).await.to_bits(), 2f64.to_bits());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_is_forgiven_and_gains_no_time() {
    let gateway = always().await;
    let mut asked = Asked::by(&gateway, "zoe").await;
    let deadline = &asked.verifying["expires_at"];
    for (seq, tries_left) in [(4, 2), (5, 1)] {
        gateway.later(Duration::from_secs(2));
        verify(&mut asked.tab, &wrong(digits(&asked.page), tries_left)).await;
        let again = asked.tab.event("verifying").await;
        assert_eq!(
            (&again["seq"], &again["tries_left"]),
            (&json!(seq), &json!(tries_left))
        );
        assert_eq!(&again["expires_at"], deadline, "no more time");
    }
    verify(&mut asked.tab, digits(&asked.page)).await;
    assert_eq!(asked.tab.event("authorized").await["seq"], 6);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digits_are_good_for_a_minute_and_no_longer_than_the_scan() {
    for (scanned_ttl, left) in [("180", 60_000), ("30", 30_000)] {
        let gateway = spawn_gateway_with(&[ALWAYS, ("scene.scanned_ttl_s", scanned_ttl)]).await;
        let mut tab = gateway.browser().await;
        let pending = tab.start().await;
        let phone = gateway.phone("zoe");
        phone.confirm(text(&pending)).await;
        let scanned = tab.event("scanned").await;
        let verifying = tab.event("verifying").await;
        let at = |event: &Value, name: &str| event[name].as_u64().unwrap();
        let deadline = (at(&verifying, "at") + 60_000).min(at(&scanned, "expires_at"));
        assert_eq!(at(&verifying, "expires_at"), deadline);
        gateway.later(Duration::from_millis(left));
        assert_eq!(gateway.after(&pending, 3).await["type"], "expired");
        phone.open(text(&pending)).await.says(410, "二维码已失效");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_the_digits() {
    let gateway = always().await;
    let asked = Asked::by(&gateway, "wangfang").await;
    let other = gateway.phone("zoe").scan(text(&asked.pending)).await;
    other.says(409, "已在另一台设备上使用");
    assert!(!other.html.contains("digits"), "{other:?}");
    let mine = asked.phone.open(text(&asked.pending)).await;
    assert_eq!(digits(&mine), digits(&asked.page));

    // The same person in another browser, as WeChat says: the digits go along, and the older page counts no more.
    let newer = gateway.phone("wangfang");
    let page = newer.scan(text(&asked.pending)).await;
    assert_eq!(digits(&page), digits(&asked.page));
    asked.phone.press(&mine, "reject").await.says(403, "");
    gateway.stands_at(&asked.pending, "verifying", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_with_too_many_codes_still_finds_its_digits() {
    let gateway = always().await;
    let asked = Asked::by(&gateway, "wangfang").await;
    for _ in 0..5 {
        let pending = gateway.browser().await.start().await;
        asked.phone.scan(text(&pending)).await;
    }
    let again = asked.phone.open(text(&asked.pending)).await;
    assert_eq!(digits(&again), digits(&asked.page));
    gateway.stands_at(&asked.pending, "verifying", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_may_still_say_no_and_so_may_the_browser() {
    let gateway = always().await;
    let mut asked = Asked::by(&gateway, "zoe").await;
    let page = asked.phone.press(&asked.page, "reject").await;
    page.says(200, "已取消登录");
    let rejected = asked.tab.event("rejected").await;
    assert_eq!(
        (&rejected["by"], &rejected["seq"]),
        (&json!("user"), &json!(4))
    );

    let mut asked = Asked::by(&gateway, "zoe").await;
    asked.tab.say(json!({ "type": "cancel" })).await;
    asked.tab.event("cancelled").await;
    let page = asked.phone.press(&asked.page, "reject").await;
    page.says(200, "电脑上已取消登录");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_is_asked_again() {
    let gateway = always().await;
    let mut asked = Asked::by(&gateway, "zoe").await;
    verify(&mut asked.tab, &wrong(digits(&asked.page), 1)).await;
    let told = asked.tab.event("verifying").await;
    let mut back = gateway.browser().await;
    back.resume(&asked.pending, 3).await;
    let mut replay = back.event("verifying").await;
    assert_eq!(replay["replay"], true);
    replay.as_object_mut().unwrap().remove("replay");
    assert_eq!(replay, told);
    verify(&mut back, digits(&asked.page)).await;
    back.event("authorized").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_count_only_when_they_are_asked_for() {
    let gateway = always().await;
    let refused = async |tab: &mut Browser| {
        verify(tab, "42").await;
        let error = tab.event("error").await;
        assert_eq!(
            (&error["error"]["code"], &error["ref"]),
            (&json!(40900), &json!("verify"))
        );
    };
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    refused(&mut tab).await;
    gateway.phone("zoe").scan(text(&pending)).await;
    tab.event("scanned").await;
    refused(&mut tab).await;
    tab.say(json!({ "type": "cancel" })).await;
    tab.event("cancelled").await;
    refused(&mut tab).await;

    let mut asked = Asked::by(&gateway, "zoe").await;
    verify(&mut asked.tab, digits(&asked.page)).await;
    asked.tab.event("authorized").await;
    refused(&mut asked.tab).await;
    gateway.stands_at(&asked.pending, "authorized", 4).await;
    gateway.stop().await;
}

async fn sent(caller: &Caller, pending: &Value, code: &str) -> (u16, Value) {
    let call = path(pending, "verify");
    read(caller.post(&call, Some(&pending["secret"]), &json!({ "code": code }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_by_http() {
    let gateway = always().await;
    let (caller, tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    let (status, early) = sent(&caller, &pending, "42").await;
    assert_eq!((status, &early["code"]), (409, &json!(40900)));
    let page = gateway.phone("zoe").confirm(text(&pending)).await;
    let (_, polled) = caller.poll(&pending, "after=2").await;
    assert_eq!(polled["data"]["type"], "verifying");

    let (status, again) = sent(&caller, &pending, &wrong(digits(&page), 50)).await;
    assert_eq!(
        (status, &again["data"]["tries_left"], &again["data"]["seq"]),
        (200, &json!(2), &json!(4))
    );
    let (status, done) = sent(&caller, &pending, digits(&page)).await;
    assert_eq!((status, &done["data"]["type"]), (200, &json!("authorized")));
    assert_eq!(tab.redeem(&done["data"]["grant"]).await.0, 200);
    gateway.stop().await;
}

/// Sends all of these at once; gives the types of what came of them, refusals by their code.
async fn at_once(caller: &Caller, pending: &Value, codes: &[String]) -> Vec<String> {
    let sent = join_all(codes.iter().map(|code| sent(caller, pending, code))).await;
    let came = sent
        .into_iter()
        .map(|(_, answer)| match answer["data"]["type"].as_str() {
            Some(name) => name.to_owned(),
            None => answer["code"].to_string(),
        });
    let mut came: Vec<_> = came.collect();
    came.sort();
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_at_once_has_one_result() {
    let gateway = always().await;
    let caller = Caller::new(&gateway);
    for _ in 0..10 {
        let asked = Asked::by(&gateway, "zoe").await;
        let right = digits(&asked.page).to_owned();
        let came = at_once(&caller, &asked.pending, &[right.clone(), right]).await;
        assert_eq!(came, ["40900", "authorized"]);
        gateway.stands_at(&asked.pending, "authorized", 4).await;

        let asked = Asked::by(&gateway, "zoe").await;
        let right = digits(&asked.page).to_owned();
        let codes = [right.clone(), wrong(&right, 1)];
        let came = at_once(&caller, &asked.pending, &codes).await;
        let seq = match came.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["40900", "authorized"] => 4,
            ["authorized", "verifying"] => 5,
            _ => panic!("{came:?}"),
        };
        gateway.stands_at(&asked.pending, "authorized", seq).await;
    }
    let asked = Asked::by(&gateway, "zoe").await;
    let codes: Vec<_> = (1..=8).map(|nth| wrong(digits(&asked.page), nth)).collect();
    let came = at_once(&caller, &asked.pending, &codes).await;
    let expected = ["40900"; 5]
        .into_iter()
        .chain(["failed", "verifying", "verifying"]);
    assert_eq!(
        came,
        expected.collect::<Vec<_>>(),
        "three tries, however fast"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_phones_sees_digits() {
    let gateway = always().await;
    for user in ["zoe", "wangfang"] {
        gateway
            .phone(user)
            .confirm(text(&gateway.browser().await.start().await))
            .await;
    }
    for _ in 0..3 {
        let mut tab = gateway.browser().await;
        let pending = tab.start().await;
        let phones = ["zoe", "wangfang"].map(|user| gateway.phone(user));
        let pages = join_all(phones.iter().map(|phone| phone.scan(text(&pending)))).await;
        let asked = pages
            .iter()
            .zip(&phones)
            .filter(|(page, _)| page.has_form("confirm"));
        let pressed = asked.map(async |(page, phone)| {
            join_all([phone.press(page, "confirm"), phone.press(page, "confirm")]).await
        });
        let shown: Vec<_> = join_all(pressed).await.into_iter().flatten().collect();
        assert_eq!(shown.len(), 2, "both taps of the one phone");
        assert_eq!(digits(&shown[0]), digits(&shown[1]));
        tab.event("scanned").await;
        verify(&mut tab, digits(&shown[0])).await;
        tab.event("verifying").await;
        tab.event("authorized").await;
    }
    gateway.stop().await;
}
