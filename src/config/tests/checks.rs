use std::path::Path;

use secrecy::ExposeSecret;

use super::{LIVE, file, live, variable};
use crate::config::{SANDBOX_APP_ID, SANDBOX_APP_SECRET};

#[test]
fn the_sandbox_stays_at_home() {
    for (name, value) in [
        ("SCANGATE_SERVER__BIND", "0.0.0.0:8080"),
        ("SCANGATE_SANDBOX__BIND", "192.0.2.1:8090"),
        (
            "SCANGATE_WECHAT__OFFICIAL_ACCOUNT__APP_ID",
            "wx0123456789abcdef",
        ),
        ("SCANGATE_WECHAT__API_BASE", "https://api.weixin.qq.com"),
    ] {
        let error = variable(name, value).unwrap_err();
        assert!(
            error.contains(name) && error.contains("wechat.mode = \"live\""),
            "{error}"
        );
    }
    let open = "[server]\nbind = \"0.0.0.0:8080\"\n[sandbox]\nbind = \"0.0.0.0:8090\"\nallow_private = true";
    file(open).unwrap();
    let (app_id, secret) = variable("X", "").unwrap().official_account().unwrap();
    assert_eq!(
        (app_id.as_str(), secret.expose_secret()),
        (SANDBOX_APP_ID, SANDBOX_APP_SECRET)
    );
}

#[test]
fn live_wants_everything_that_wechat_wants() {
    let config = file(LIVE).unwrap();
    assert_eq!(config.official_account().unwrap().0, "wx0123456789abcdef");
    assert_eq!(
        config.wechat.api_base(&config.sandbox).as_str(),
        "https://api.weixin.qq.com/"
    );
    for (key, value, expected) in [
        (
            "server.public_url",
            "http://login.example.com",
            "https is expected",
        ),
        (
            "server.public_url",
            "https://login.example.com:8443",
            "10003",
        ),
        (
            "server.public_url",
            "https://login.example.com/sub/",
            "scheme and host alone",
        ),
        ("wechat.official_account.app_id", "wx123", "16 hex digits"),
        (
            "wechat.official_account.app_id",
            SANDBOX_APP_ID,
            "the sandbox's",
        ),
        ("wechat.official_account.app_id", "", "16 hex digits"),
        ("wechat.official_account.app_secret", "", "32 hex digits"),
        (
            "wechat.api_base",
            "http://api.example.com",
            "https is expected",
        ),
        ("apps.default.origins", "https://*.example.com", "wildcards"),
        ("apps.default.origins", "*", "scheme, host and port"),
        ("apps.default.flows", "website", "not in this release"),
        ("apps.default.flows", "", "scene.default_flow"),
        (
            "scene.default_flow",
            "official_account",
            "not in this release",
        ),
        ("scene.pending_ttl_s", "9", "between 10s and 1800s"),
        ("scene.pending_ttl_s", "1801", "between 10s and 1800s"),
        ("token.access_ttl_s", "0", "between 30s"),
        ("token.refresh_idle_s", "2592001", "token.refresh_ttl_s"),
        ("limits.frame_burst", "0", "at least 1"),
        ("store.url", "postgres://h/d", "not in this release"),
    ] {
        let error = live(key, value).unwrap_err();
        assert!(
            error.contains(key) && error.contains(expected),
            "{key} = {value}: {error}"
        );
    }
    live("server.public_url", "http://127.0.0.1:8080").unwrap();
}

#[test]
fn all_problems_are_told_at_once() {
    let error = file("[wechat]\nmode = \"live\"\n[limits]\nframe_burst = 0").unwrap_err();
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn places_follow_from_the_data_directory() {
    let config = variable("SCANGATE_SERVER__DATA_DIR", "/srv/a b%").unwrap();
    assert_eq!(config.data_dir(), Path::new("/srv/a b%"));
    assert_eq!(config.key_dir(), Path::new("/srv/a b%/keys"));
    assert_eq!(
        config.store_url().expose_secret(),
        "sqlite:///srv/a b%25/scangate.db"
    );
    assert_eq!(
        config.store_path().unwrap(),
        Path::new("/srv/a b%/scangate.db")
    );
    for (url, path) in [
        ("sqlite::memory:", None),
        ("sqlite:x.db?mode=rwc", Some("x.db")),
        ("sqlite:///var/x%20y.db", Some("/var/x y.db")),
    ] {
        let config = variable("SCANGATE_STORE__URL", url).unwrap();
        assert_eq!(config.store_path().as_deref(), path.map(Path::new), "{url}");
    }
}
