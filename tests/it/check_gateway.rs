//! `scangate check` beside a gateway: is it there, and is it this one?

use std::fs;

use tempfile::TempDir;

use crate::support::{Doctor, Gateway, answering, make_keys, spawn_gateway, spawn_gateway_with};

/// A gateway whose data directory the doctor may look into.
async fn gateway_in(data: &TempDir) -> Gateway {
    let path = data.path().display().to_string();
    spawn_gateway_with(&[("server.data_dir", &path)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_set_up_well_has_nothing_wrong() {
    let data = tempfile::tempdir().unwrap();
    let gateway = gateway_in(&data).await;
    let found = Doctor::beside(&gateway, &data)
        .set("geo.database", "tests/geo/places.mmdb")
        .set("wechat.official_account.fallback_flow", "h5")
        .findings()
        .await;
    let right = [
        "official_account",
        "website",
        "flows",
        "fallback_flow",
        "messages",
        "message_mode",
        "token_endpoint",
        "scan_confirm",
        "origins",
        "admin_bind",
        "admin_token",
        "number_match",
        "geo",
        "keys",
        "clock",
        "secret",
        "access_token",
        "ip_list",
        "account_type",
        "h5_page",
        "website_secret",
        "website_page",
        "public_url",
        "push_address",
    ];
    let first = [("configuration", "right"), ("mode", "weak")];
    let expected: Vec<_> = first
        .into_iter()
        .chain(right.map(|item| (item, "right")))
        .collect();
    assert_eq!(found.list(), expected, "{:#}", found.json);
    assert_eq!(found.code, 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_runs_little_can_be_known_and_nothing_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let doctor = Doctor::new(&data);
    let found = doctor.findings().await;
    assert_eq!(found.code, 0);
    found.say("wechat", "unknown", "scangate serve starts it");
    found.say("public_url", "unknown", "Connection refused");
    for item in ["clock", "secret", "push_address"] {
        found.omit(item);
    }
    let text = doctor.option("--lang=zh-CN").text().await;
    assert!(text.contains("沙箱没有运行"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_is_told_from_this_one() {
    let data = tempfile::tempdir().unwrap();
    let gateway = spawn_gateway().await;
    let doctor = Doctor::beside(&gateway, &data);
    let found = doctor.findings().await;
    found.say("public_url", "unknown", "no keys here");
    found.say("push_address", "right", "/callback/wechat/message");
    make_keys(&data.path().join("keys")).await;
    let found = doctor.findings().await;
    found.say("public_url", "wrong", "another gateway");
    found.omit("push_address");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_at_the_address_is_no_gateway() {
    let data = tempfile::tempdir().unwrap();
    let reply = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    };
    for (answer, verdict, words) in [
        (reply("502 Bad Gateway", "<html>"), "unknown", "behind it"),
        (
            reply("404 Not Found", ""),
            "wrong",
            "(HTTP 404), but it is not scangate",
        ),
        (reply("200 OK", "<html>"), "wrong", "not scangate"),
        (reply("200 OK", "{\"keys\":[]}"), "wrong", "not scangate"),
        (reply("301 Moved", ""), "wrong", "(HTTP 301)"),
        (
            "SSH-2.0-nobody\r\n".to_owned(),
            "unknown",
            "does not answer",
        ),
    ] {
        let url = format!("http://{}", answering(Some(answer)).await);
        let found = Doctor::new(&data)
            .set("server.public_url", url)
            .findings()
            .await;
        found.say("public_url", verdict, words);
        found.omit("push_address");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_running_gateway_does_not_have_is_found() {
    let data = tempfile::tempdir().unwrap();
    let gateway = gateway_in(&data).await;
    let found = Doctor::beside(&gateway, &data)
        .set("wechat.official_account.token", "anotherTokenThanItHas")
        .findings()
        .await;
    found.say("public_url", "right", "is this gateway");
    found.say("push_address", "wrong", "the same token?");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_proof_are_fetched_as_wechat_does() {
    let data = tempfile::tempdir().unwrap();
    let gateway = gateway_in(&data).await;
    let name = "MP_verify_0123456789abcDEF.txt";
    for folder in ["verify", "elsewhere"] {
        let folder = data.path().join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name), format!("of {}", folder.display())).unwrap();
    }
    let doctor = Doctor::beside(&gateway, &data);
    let found = doctor.findings().await;
    found.say("verify_files", "right", name);
    found.say("verify_address", "right", name);
    let elsewhere = data.path().join("elsewhere");
    let doctor = doctor.set("wechat.verify_dir", elsewhere.display());
    let found = doctor.findings().await;
    found.say("verify_address", "wrong", "does not give the file");
    gateway.stop().await;
}
