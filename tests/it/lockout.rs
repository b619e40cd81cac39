//! Who fails twice by wrong digits has to wait.

use std::time::Duration;

use serde_json::json;

use crate::{
    lifecycle::text,
    number_match::{Asked, always, digits, verify},
};

const LIFE: Duration = Duration::from_secs(15 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn two_logins_failed_by_wrong_digits_lock_the_person_out() {
    let gateway = always().await;
    Asked::by(&gateway, "zoe").await.fail().await;
    let scanned_before = gateway.browser().await.start().await;
    let early = gateway.phone("zoe");
    let asks = early.scan(text(&scanned_before)).await;
    Asked::by(&gateway, "zoe").await.fail().await;

    let refused = early.press(&asks, "confirm").await;
    refused.says(403, "输错次数过多");
    gateway.stands_at(&scanned_before, "rejected", 3).await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    let phone = gateway.phone("zoe");
    phone
        .scan(text(&pending))
        .await
        .says(403, "请 15 分钟后再扫码");
    let rejected = tab.event("rejected").await;
    assert_eq!(
        (&rejected["by"], &rejected["reason"], &rejected["seq"]),
        (&json!("policy"), &json!("too_many_wrong_codes"), &json!(2))
    );
    phone.open(text(&pending)).await.says(403, "输错次数过多");
    let other = gateway.phone("lixiaolong");
    other
        .scan(text(&pending))
        .await
        .says(409, "已在另一台设备上使用");
    Asked::by(&gateway, "wangfang").await;

    gateway.later(LIFE);
    let mut asked = Asked::by(&gateway, "zoe").await;
    verify(&mut asked.tab, digits(&asked.page)).await;
    asked.tab.event("authorized").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_forgotten_after_a_quarter_of_an_hour() {
    let gateway = always().await;
    Asked::by(&gateway, "zoe").await.fail().await;
    gateway.later(LIFE);
    Asked::by(&gateway, "zoe").await.fail().await;
    Asked::by(&gateway, "zoe").await;
    gateway.stop().await;
}
