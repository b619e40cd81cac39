//! WeChat's error codes, row by row: who is told what, and how often WeChat is asked.
//!
//! The rows are written down here once more, from WeChat's lists and not from the gateway's own table.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Gateway, Steps, read, spawn_gateway};

/// WeChat is busy: the one code that is asked again at once, twice at most.
const BUSY: i64 = -1;

/// How often WeChat is asked when it always answers this.
const fn asked(errcode: i64) -> u64 {
    if errcode == BUSY { 3 } else { 1 }
}

/// WeChat answers this, exactly as often as it may be asked.
async fn strike(gateway: &Gateway, endpoint: &str, errcode: i64, times: u64) {
    let fault = json!({ "errcode": errcode, "times": times });
    gateway.strike(endpoint, Some(fault)).await;
}

/// That it was asked as often as [`strike`] said, and not once more.
async fn was_asked_no_more(gateway: &Gateway, endpoint: &str, errcode: i64) {
    let left = gateway.faults_left(endpoint).await;
    assert_eq!(left.len(), 1, "{errcode} at {endpoint}: asked less");
    assert_eq!(gateway.passed(endpoint).await, 0, "{errcode}: asked more");
}

async fn refused(gateway: &Gateway, endpoint: &str, rows: usize) {
    let line =
        format!("scangate_wechat_requests_total{{endpoint=\"{endpoint}\",outcome=\"refused\"}}");
    gateway
        .until_metric(&line, f64::from(u32::try_from(rows).unwrap()))
        .await;
}

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_at_the_scan() {
    let gateway = spawn_gateway().await;
    // Ours to mend, so the page is told too; the person's, who may try again; nobody's, or a bug.
    let rows: [(u16, &str, &[i64]); 3] = [
        (
            410,
            "登录没有完成",
            &[
                40001, 40013, 40014, 40125, 40164, 40243, 41002, 41004, 42001, 48001, 48004, 50004,
                50007, 61004, 61007, 89503, 89506, 89507,
            ],
        ),
        (
            400,
            "微信没有确认你的身份",
            &[
                40003, 40029, 40030, 40163, 40226, 41008, 42002, 42003, 42007, 43004, 46004, 49003,
                50001, 50002, 50005,
            ],
        ),
        (
            502,
            "暂时无法登录",
            &[
                BUSY, 40002, 40033, 40035, 40066, 40097, 41001, 41003, 41009, 43001, 43002, 43003,
                44002, 45009, 45011, 47001, 99999,
            ],
        ),
    ];
    let phone = gateway.steps("lixiaolong");
    let mut count = 0;
    for (status, says, errcodes) in rows {
        for &errcode in errcodes {
            let pending = phone.start(&gateway, json!({ "flow": "h5" })).await;
            let callback = phone.to_callback(text(&pending)).await;
            strike(&gateway, "access_token", errcode, asked(errcode)).await;
            let step = phone.follow(&callback).await;
            assert!(
                step.page.status == status && step.page.html.contains(says),
                "{errcode}: {step:?}"
            );
            was_asked_no_more(&gateway, "access_token", errcode).await;
            if status == 410 {
                failed(&gateway, &pending, errcode, 2).await;
            } else {
                gateway.stands_at(&pending, "pending", 1).await;
                gateway.faults(json!([])).await;
                phone.scan(text(&pending)).await;
                gateway.stands_at(&pending, "scanned", 2).await;
            }
            count += 1;
        }
    }
    refused(&gateway, "exchange", count).await;
    gateway.stop().await;
}

/// The browser is told that it is over, and no more; it can begin again.
async fn failed(gateway: &Gateway, pending: &Value, errcode: i64, seq: u64) {
    let failed = gateway.now(pending).await;
    assert_eq!(
        (&failed["type"], &failed["seq"], &failed["error"]["code"]),
        (&json!("failed"), &json!(seq), &json!(50200)),
        "{errcode}: {failed}"
    );
    let told = failed["error"].to_string();
    assert!(!told.contains(&errcode.to_string()), "internals: {told}");
    gateway.refreshed(pending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_on_wechats_own_page() {
    let gateway = spawn_gateway().await;
    let exchange = [
        BUSY, 40001, 40013, 40029, 40125, 40163, 40226, 41002, 41004, 41008, 42003, 45009, 45011,
        48001, 50001, 50002, 99999,
    ];
    let userinfo = [
        BUSY, 40001, 40003, 40014, 41001, 41009, 42001, 42007, 43003, 45009, 45011, 46004, 48001,
        48004, 49003, 50001, 50002, 50005, 99999,
    ];
    let browser = gateway.steps("zoe");
    for (endpoint, errcodes) in [("access_token", &exchange[..]), ("userinfo", &userinfo[..])] {
        for &errcode in errcodes {
            let pending = browser.start_website(&gateway).await;
            let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
            strike(&gateway, endpoint, errcode, asked(errcode)).await;
            for _ in 0..2 {
                let step = browser.open_framed(&callback).await;
                step.says(410, "登录没有完成");
            }
            was_asked_no_more(&gateway, endpoint, errcode).await;
            failed(&gateway, &pending, errcode, 2).await;
        }
    }
    refused(&gateway, "exchange", exchange.len()).await;
    refused(&gateway, "userinfo", userinfo.len()).await;
    gateway.stop().await;
}

/// Somebody wants a code of the official account: status and body.
async fn wanted(gateway: &Gateway, browser: &Steps) -> (u16, Value) {
    let body = json!({
        "challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "flow": "official_account",
    });
    let call = browser.http.post(gateway.api("/scenes"));
    read(call.header("origin", gateway.origin()).json(&body)).await
}

async fn cannot_be_had(gateway: &Gateway, browser: &Steps, errcode: i64) -> Value {
    let (status, error) = wanted(gateway, browser).await;
    assert_eq!((status, &error["code"]), (502, &json!(50200)), "{error}");
    let told = error["message"].to_string();
    assert!(!told.contains(&errcode.to_string()), "internals: {told}");
    error
}

async fn later(gateway: &Gateway, seconds: u64) {
    gateway.later(Duration::from_secs(seconds));
    gateway.sandbox_later(seconds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_where_the_qr_is_made() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    assert_eq!(wanted(&gateway, &browser).await.0, 201);
    let minute = (60, "in the next minute");
    let half_an_hour = (1_800, "when somebody may have cleared the quota");
    for (errcode, times, rest) in [
        (BUSY, 3, None),
        // The token is healed once.
        (40001, 2, None),
        (40014, 2, None),
        (42001, 2, None),
        (40013, 1, None),
        (40035, 1, None),
        (40052, 1, None),
        (40053, 1, None),
        (40066, 1, None),
        (40097, 1, None),
        (41001, 1, None),
        (43002, 1, None),
        (44002, 1, None),
        (45009, 1, Some(half_an_hour)),
        (45011, 1, Some(minute)),
        (47001, 1, None),
        (48001, 1, None),
        (48004, 1, None),
        (61007, 1, None),
        (99999, 1, None),
    ] {
        strike(&gateway, "create", errcode, times).await;
        cannot_be_had(&gateway, &browser, errcode).await;
        if let Some((_, when)) = rest {
            let again = cannot_be_had(&gateway, &browser, errcode).await;
            let wait = again["retry_after_ms"].as_u64();
            assert!(wait.is_some_and(|wait| wait > 0), "{when}: {again}");
        }
        was_asked_no_more(&gateway, "create", errcode).await;
        gateway.faults(json!([])).await;
        // Between two heals have to be 30 s.
        later(&gateway, rest.map_or(30, |(seconds, _)| seconds)).await;
        let (status, pending) = wanted(&gateway, &browser).await;
        assert_eq!(status, 201, "after {errcode}: {pending}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_where_the_token_is_fetched() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let stops = [
        40001, 40002, 40013, 40125, 40164, 40243, 41002, 41004, 43002, 44002, 45009, 47001, 50004,
        50007, 61004, 89503, 89506, 89507, 99999,
    ];
    let passes = [BUSY, 45011];
    for errcode in stops.into_iter().chain(passes) {
        strike(&gateway, "stable_token", errcode, asked(errcode)).await;
        cannot_be_had(&gateway, &browser, errcode).await;
        let is_stopped = stops.contains(&errcode);
        gateway
            .until_metric("scangate_wechat_token_stopped", f64::from(is_stopped))
            .await;
        // Nobody who comes now reaches WeChat.
        let again = cannot_be_had(&gateway, &browser, errcode).await;
        let wait = again["retry_after_ms"].as_u64();
        assert!(wait.is_some_and(|wait| wait > 0), "{errcode}: {again}");
        was_asked_no_more(&gateway, "stable_token", errcode).await;
        gateway.faults(json!([])).await;
        gateway.later(Duration::from_secs(60));
        let (status, pending) = wanted(&gateway, &browser).await;
        assert_eq!(status, 201, "after {errcode}: {pending}");
        gateway
            .until_metric("scangate_wechat_token_stopped", 0.0)
            .await;
        // So that there is none the next time.
        gateway.later(Duration::from_secs(7_200));
    }
    gateway.stop().await;
}
