//! `scangate check`: what it tells of the configuration alone, and how.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Doctor, make_keys, within};

const LIVE: [&str; 3] = [
    "wechat.mode=live",
    "wechat.official_account.app_id=wx0a1b2c3d4e5f6789",
    "wechat.official_account.app_secret=89abcdef0123456789abcdef01234567",
];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_one_object_of_a_shape_that_stays() {
    let output = Doctor::new(&folder())
        .option("--json")
        .option("--offline")
        .output()
        .await;
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["items", "ok", "version"]);
    assert_eq!(json["ok"], true);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    for item in json["items"].as_array().unwrap() {
        let keys: Vec<_> = item.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["item", "message", "verdict"]);
        let verdict = item["verdict"].as_str().unwrap();
        assert!(
            ["right", "wrong", "weak", "unknown"].contains(&verdict),
            "{item}"
        );
        assert!(!item["message"].as_str().unwrap().is_empty(), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_the_same_items_in_their_language() {
    let data = folder();
    let doctor = Doctor::new(&data)
        .option("--offline")
        .set("scene.number_match", "off");
    let found = doctor.findings().await;
    for (tag, sum) in [
        ("en", "11 right, 0 wrong, 4 weak, 2 that cannot be known"),
        ("zh-CN", "正确 11，错误 0，可加强 4，无法判断 2"),
    ] {
        let lang = format!("--lang={tag}");
        let text = doctor.clone().option(&lang).text().await;
        let mut lines = text.lines();
        for (item, verdict) in found.list() {
            let line = lines.next().unwrap();
            let mark = match verdict {
                "right" => "✓",
                "wrong" => "✗",
                "weak" => "!",
                _ => "?",
            };
            let start = format!("{mark} {item:<22} ");
            assert!(line.starts_with(&start), "{line}");
            let is_chinese = line.chars().any(|letter| letter >= '\u{3000}');
            assert_eq!(is_chinese, tag == "zh-CN", "{line}");
        }
        assert_eq!(lines.collect::<Vec<_>>(), ["", sum], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_chooses_the_language() {
    let doctor = Doctor::new(&folder()).option("--offline");
    for (variables, words) in [
        (vec![], "the configuration can be used"),
        (vec![("LANG", "zh_CN.UTF-8")], "配置可用"),
        (
            vec![("LANG", "de_DE.UTF-8")],
            "the configuration can be used",
        ),
        (
            vec![("LANG", "en_US.UTF-8"), ("LC_ALL", "zh_TW")],
            "配置可用",
        ),
        (vec![("LANG", "zh_CN"), ("LC_MESSAGES", "C")], "can be used"),
    ] {
        let mut command = doctor.command();
        command.envs(variables.clone());
        let output = doctor.told_by(command).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(words), "{variables:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_used_is_a_finding() {
    let doctor = Doctor::new(&folder());
    for (settings, words) in [
        (vec!["server.bnid=127.0.0.1:0"], "server.bnid (--set): "),
        (vec!["scene.pending_ttl_s=99999"], "scene.pending_ttl_s = "),
        (
            vec!["wechat.official_account.token=not-one-of-these"],
            "wechat.official_account.token (--set): 3 to 32 letters",
        ),
        (
            vec![
                LIVE[0],
                LIVE[1],
                "wechat.official_account.app_secret=5ecre7-5ecre7",
            ],
            "wechat.official_account.app_secret (--set): 32 hex digits",
        ),
        (
            vec!["wechat.official_account.app_secert=5ecre7-5ecre7"],
            "wechat.official_account.app_secert (--set): there is no such key",
        ),
    ] {
        let found = doctor.clone().with(&settings).findings().await;
        assert_eq!(found.list(), [("configuration", "wrong")], "{settings:?}");
        let message = found.json["items"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(words), "{message}");
        assert!(!message.contains("5ecre7"), "{message}");
    }
    let both = ["scene.pending_ttl_s=99999", "limits.live_scenes=0"];
    let found = doctor.with(&both).findings().await;
    assert_eq!(found.list().len(), 2, "each is an item: {}", found.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_a_finding_and_tells_no_secret() {
    let data = folder();
    let file = data.path().join("scangate.toml");
    let option = format!("--config={}", file.display());
    let doctor = Doctor::new(&data).option(&option);
    let found = doctor.findings().await;
    found.say("configuration", "wrong", "cannot read ");
    for (text, words) in [
        ("app_secret = \"5ecre7", "line 2: "),
        ("app_secret = 53053053053", "app_secret"),
        ("app_secert = \"5ecre7\"", "app_secert"),
        ("app_secret_file = \"/nowhere\"", "/nowhere"),
    ] {
        fs::write(&file, format!("[wechat.official_account]\n{text}\n")).unwrap();
        let found = doctor.findings().await;
        found.say("configuration", "wrong", words);
        let said = found.json.to_string();
        assert!(
            !said.contains("5ecre7") && !said.contains("53053"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_that_cannot_be_understood_ends_with_2() {
    for option in ["--lang=fr", "--nothing", "--set=x", "--json=1"] {
        let output = Doctor::new(&folder()).option(option).output().await;
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(output.stdout.is_empty(), "{option}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_early_breaks_nothing() {
    let mut command = Doctor::new(&folder()).option("--offline").command();
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = within("the doctor", child.wait_with_output())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Settings, and what is said of an item under them.
#[rustfmt::skip]
const CHOICES: &[(&str, &str, &str, &str)] = &[
    ("", "mode", "weak", "everybody can sign in as anybody"),
    ("", "official_account", "right", "wx5a9d0c1b7e3f2468"),
    ("", "website", "right", "wx7b3e1f0a9c5d8642"),
    ("", "flows", "right", "app default: h5, official_account, website (default h5)"),
    ("apps.default.flows=h5", "flows", "right", "app default: h5 (default h5)"),
    ("", "fallback_flow", "weak", "fallback_flow = \"h5\""),
    ("wechat.official_account.fallback_flow=h5", "fallback_flow", "right", "h5 stands in"),
    (
        "wechat.official_account.fallback_flow=h5 scene.default_flow=official_account apps.default.flows=official_account",
        "fallback_flow", "weak", "apps.default.flows lacks h5",
    ),
    ("", "messages", "right", "the right shape"),
    ("", "message_mode", "right", "safe"),
    ("wechat.official_account.message_mode=compatible", "message_mode", "weak", "compatible"),
    ("wechat.official_account.message_mode=plain", "message_mode", "weak", "plain"),
    ("", "token_endpoint", "right", "stable"),
    ("wechat.official_account.token_endpoint=token", "token_endpoint", "weak", "stable_token"),
    ("", "scan_confirm", "right", "link"),
    ("wechat.official_account.confirm=bearer_link", "scan_confirm", "weak", "bearer_link"),
    ("wechat.official_account.confirm=none", "scan_confirm", "weak", "takes the account over"),
    ("", "origins", "right", "app default: 1 origin"),
    ("apps.shop.name=Shop", "origins", "wrong", "apps.shop.origins is empty"),
    ("apps.default.allow_missing_origin=true", "missing_origin", "weak", "app default"),
    ("apps.default.confirm_in_browser=never", "confirm_in_browser", "weak", "auto"),
    ("", "admin_bind", "right", "127.0.0.1:2"),
    ("server.admin_bind=0.0.0.0:2", "admin_bind", "weak", "keep it off the internet"),
    ("sandbox.allow_private=true", "allow_private", "weak", "sandbox.allow_private"),
    ("", "admin_token", "right", "closed"),
    ("server.admin_token=5hort5hort", "admin_token", "weak", "can be guessed"),
    ("server.admin_token=xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy", "admin_token", "weak", "24"),
    ("server.admin_token=vN3kq8Zt5Lw2Xy7Rb9Jd4Hs6", "admin_token", "right", "long enough"),
    ("server.trusted_proxies=0.0.0.0/0", "trusted_proxies", "wrong", "0.0.0.0/0"),
    ("", "number_match", "right", "risk"),
    ("scene.number_match=always", "number_match", "right", "always"),
    ("scene.number_match=off", "number_match", "weak", "off"),
    ("scene.scanned_user=full", "scanned_user", "weak", "masked is better"),
    ("", "geo", "weak", "no geo.database"),
    ("geo.database=tests/geo/places.mmdb", "geo", "right", "places.mmdb"),
    ("geo.database=tests/geo/make.py", "geo", "wrong", "will not start"),
    ("geo.database=/nowhere.mmdb", "geo", "wrong", "/nowhere.mmdb"),
    ("", "network", "unknown", "--offline"),
];

#[tokio::test(flavor = "multi_thread")]
async fn choices_are_judged() {
    let data = folder();
    let doctor = Doctor::new(&data).option("--offline");
    let defaults = doctor.findings().await;
    for (settings, item, verdict, words) in CHOICES {
        let settings: Vec<_> = settings.split_whitespace().collect();
        if settings.is_empty() {
            defaults.say(item, verdict, words);
        } else {
            let found = doctor.clone().with(&settings).findings().await;
            found.say(item, verdict, words);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_account_needs_more() {
    const PUSH: &str = "wechat.official_account.encoding_aes_key=\
                        Zk3Qw9Rt7Yp2Ls5Xd8Vb4Nm6Hj1Gf0Ca3Se7Ui9Oo2K";
    let domain = "server.public_url=https://login.example.com";
    let long = format!("{PUSH} wechat.official_account.token=pR9vK2mX7qL4tW8z");
    let short = format!("{PUSH} wechat.official_account.token=pR9vK2");
    let public = format!("{PUSH} wechat.official_account.token=aTextOfYourOwn");
    let data = folder();
    let doctor = Doctor::new(&data).option("--offline").with(&LIVE);
    for (settings, item, verdict, words) in [
        ("", "mode", "right", "live"),
        (
            "wechat.api_base=https://egress.example.com",
            "wechat_base",
            "weak",
            "wechat.api_base",
        ),
        (
            "wechat.open_base=http://127.0.0.1:3",
            "wechat_base",
            "weak",
            "wechat.open_base",
        ),
        ("", "website", "right", "no website application"),
        ("", "flows", "right", "app default: h5 (default h5)"),
        ("", "callback", "wrong", "server.public_url"),
        (domain, "callback", "right", "exactly login.example.com"),
        (
            "server.public_url=https://192.0.2.1",
            "callback",
            "wrong",
            "a name is needed",
        ),
        ("", "messages", "right", "no message push"),
        (PUSH, "messages", "wrong", "half configured"),
        (&short, "message_secrets", "weak", "shorter than 16"),
        (&public, "message_secrets", "weak", "everybody can read"),
        (&long, "messages", "right", "the right shape"),
        (
            "apps.default.origins=http://www.example.com",
            "origins",
            "weak",
            "http://www.example.com is not https",
        ),
        (
            "",
            "trusted_proxies",
            "wrong",
            "everybody counts as one address",
        ),
        ("", "verify_files", "unknown", "MP_verify_"),
    ] {
        let settings: Vec<_> = settings.split_whitespace().collect();
        let found = doctor.clone().with(&settings).findings().await;
        found.say(item, verdict, words);
    }
    let good = [domain, "server.trusted_proxies=127.0.0.1/32"];
    let found = doctor.with(&good).findings().await;
    assert_eq!(found.code, 0, "{:#}", found.json);
    for item in ["wechat_base", "message_secrets", "trusted_proxies"] {
        found.omit(item);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_on_disk_are_looked_at_and_none_is_made() {
    let data = folder();
    let doctor = Doctor::new(&data).option("--offline");
    doctor
        .findings()
        .await
        .say("keys", "unknown", "first start");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);

    let keys = data.path().join("keys");
    make_keys(&keys).await;
    doctor.findings().await.say("keys", "right", "owner only");
    let soon = [
        "token.publish_ahead_s=0.001",
        "token.access_ttl_s=0.001",
        "token.rotate_every_s=0.002",
    ];
    let late = doctor.clone().with(&soon);
    late.findings().await.say("keys", "weak", "been rotated");
    let signing = keys.join("keys.json");
    fs::set_permissions(&signing, fs::Permissions::from_mode(0o644)).unwrap();
    doctor.findings().await.say("keys", "wrong", "chmod 600");

    let verify = data.path().join("verify");
    fs::create_dir(&verify).unwrap();
    let name = "MP_verify_0123456789abcDEF.txt";
    fs::write(verify.join(name), "0123456789abcDEF").unwrap();
    doctor.findings().await.say("verify_files", "right", name);
    let twice = "MP_verify_0123456789abcDEF.txt.txt";
    fs::write(verify.join(twice), "0123456789abcDEF").unwrap();
    doctor.findings().await.say("verify_files", "wrong", twice);
}
