use std::path::Path;

use secrecy::ExposeSecret;

use super::{LIVE, Layers, file, live, variable};
use crate::config::{Flow, SANDBOX_APP_ID, SANDBOX_APP_SECRET};

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
    let account = variable("X", "").unwrap().official_account().unwrap();
    assert_eq!(
        (account.app_id.as_str(), account.app_secret.expose_secret()),
        (SANDBOX_APP_ID, SANDBOX_APP_SECRET)
    );
}

#[test]
fn the_sandbox_plays_further_accounts() {
    const SHOP: &str = r#"
        [sandbox.accounts.shop]
        app_id = "wx0123456789abcdef"
        app_secret = "0123456789abcdef0123456789abcdef"
        kind = "official_account"
        "#;
    let config = file(SHOP).unwrap();
    let shop = &config.sandbox.accounts["shop"];
    assert_eq!(
        (shop.is_verified, shop.platform.as_str()),
        (true, "sandbox")
    );
    for (key, value) in [
        ("sandbox.accounts.shop.app_id", "wx1"),
        ("sandbox.accounts.shop.app_secret", ""),
        ("sandbox.accounts.shop.kind", "subscription"),
        ("sandbox.accounts.shop.token", "-"),
        ("sandbox.accounts.shop.message_mode", "none"),
        ("sandbox.accounts.shop.encoding_aes_key", "short"),
        ("sandbox.accounts.shop.ip_allow_list", "x"),
    ] {
        let layers = Layers {
            file: Some(SHOP),
            set: vec![(key, value)],
            ..Layers::default()
        };
        let error = layers.load().unwrap_err();
        assert!(error.contains(key), "{value}: {error}");
    }
}

/// A key, what it must not be when WeChat is live, and what the error says.
const REFUSED_LIVE: &[(&str, &str, &str)] = &[
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
    ("apps.default.flows", "website", "wechat.website.app_id"),
    (
        "scene.default_flow",
        "official_account",
        "token and encoding_aes_key",
    ),
    (
        "apps.default.flows",
        "official_account",
        "token and encoding_aes_key",
    ),
    ("wechat.official_account.token", "a b", "letters and digits"),
    (
        "wechat.official_account.encoding_aes_key",
        "short",
        "43 letters",
    ),
    (
        "wechat.official_account.message_mode",
        "plain",
        "safe or compatible",
    ),
    (
        "wechat.official_account.fallback_flow",
        "website",
        "only h5",
    ),
    (
        "wechat.website.app_id",
        "wx0123456789abcdef",
        "not the official account",
    ),
    ("scene.pending_ttl_s", "9", "between 10s and 1800s"),
    ("scene.pending_ttl_s", "1801", "between 10s and 1800s"),
    ("token.access_ttl_s", "0", "between 30s"),
    ("token.refresh_idle_s", "2592001", "token.refresh_ttl_s"),
    ("token.publish_ahead_s", "899", "between 900s"),
    ("token.rotate_every_s", "4199", "between 4200s"),
    ("token.rotate_every_s", "34560001", "0, or between"),
    ("token.algorithm", "HS256", "EdDSA"),
    ("limits.frame_burst", "0", "at least 1"),
    ("store.url", "mysql://h/d", "postgres://role"),
    ("store.max_connections", "0", "at least 1"),
    ("store.wait_s", "0", "between 1s"),
    ("token.master_key", "a password", "openssl rand -base64 32"),
    (
        "token.master_key",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "store.url must be postgres://",
    ),
    ("cluster.url", "http://redis", "redis+sentinel://"),
    ("cluster.node", "A1", "1 to 32 of"),
    ("cluster.node", "node.internal", "1 to 32 of"),
    ("limits.avatars_per_address_per_min", "0", "at least 1"),
    ("avatars.hosts", "*.qlogo.cn", "names in lower case"),
    ("avatars.hosts", ".qlogo.cn", "names in lower case"),
    ("avatars.hosts", "qlogo.cn.", "names in lower case"),
    ("avatars.hosts", "QLOGO.cn", "names in lower case"),
    ("avatars.hosts", "localhost", "names in lower case"),
    ("avatars.hosts", "127.0.0.1", "names in lower case"),
    ("avatars.hosts", "https://qlogo.cn", "names in lower case"),
];

#[test]
fn live_wants_everything_that_wechat_wants() {
    let config = file(LIVE).unwrap();
    assert_eq!(
        config.official_account().unwrap().app_id,
        "wx0123456789abcdef"
    );
    assert_eq!(
        config.wechat.api_base(&config.sandbox).as_str(),
        "https://api.weixin.qq.com/"
    );
    for (key, value, expected) in REFUSED_LIVE {
        let error = live(key, value).unwrap_err();
        assert!(
            error.contains(key) && error.contains(expected),
            "{key} = {value}: {error}"
        );
    }
    live("server.public_url", "http://127.0.0.1:8080").unwrap();
}

#[test]
fn an_app_that_names_no_flow_gets_what_the_accounts_allow() {
    let flows = |config: crate::config::Config| {
        let (_, app) = config.apps.iter().next().unwrap();
        app.flows.clone()
    };
    let all = vec![Flow::H5, Flow::OfficialAccount, Flow::Website];
    assert_eq!(flows(variable("X", "").unwrap()), all, "in the sandbox");
    assert_eq!(flows(file(LIVE).unwrap()), [Flow::H5]);
    let website = r#"
        [server]
        public_url = "https://login.example.com"
        [wechat]
        mode = "live"
        [wechat.website]
        app_id = "wx0123456789abcdef"
        app_secret = "01234567890123456789012345678901"
        [scene]
        default_flow = "website"
    "#;
    assert_eq!(flows(file(website).unwrap()), [Flow::Website]);
}

#[test]
fn scanning_is_logging_in_only_where_messages_are_safe() {
    let set = |mode: &str| variable("SCANGATE_WECHAT__OFFICIAL_ACCOUNT__MESSAGE_MODE", mode);
    for mode in ["plain", "compatible", "safe"] {
        set(mode).unwrap();
    }
    let none = "[wechat.official_account]\nconfirm = \"none\"\nmessage_mode = \"compatible\"";
    let error = file(none).unwrap_err();
    assert!(error.contains("wechat.official_account.confirm"), "{error}");
    file("[wechat.official_account]\nconfirm = \"none\"").unwrap();
    let digits =
        "[wechat.official_account]\nconfirm = \"none\"\n[scene]\nnumber_match = \"always\"";
    let error = file(digits).unwrap_err();
    assert!(error.contains("no page that could show digits"), "{error}");
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

#[test]
fn a_webhook_is_signed_and_private_and_a_stream_needs_a_redis() {
    const CRM: &str = r#"
        [webhooks.crm]
        url = "https://crm.example.com/hook?to=crm"
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        types = ["session.opened"]
        "#;
    let set = |key, value| {
        let layers = Layers {
            file: Some(CRM),
            set: vec![(key, value)],
            ..Layers::default()
        };
        layers.load()
    };
    let config = set("webhooks.crm.url", "http://127.0.0.1:9/hook").unwrap();
    let crm = &config.webhooks["crm"];
    assert_eq!(crm.keys().unwrap()[0].len(), 24);
    for (key, value) in [
        ("webhooks.crm.url", "http://crm.example.com/hook"),
        ("webhooks.crm.url", "https://me:secret@crm.example.com/"),
        ("webhooks.crm.url", "crm.example.com"),
        ("webhooks.crm.secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("webhooks.crm.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZI"),
        (
            "webhooks.crm.previous_secret",
            "whsec_no base64 at all, or is it",
        ),
        ("webhooks.crm.types", "session.opened,session.moved"),
        ("events.redis_stream", "logins"),
        ("events.redis_stream_max", "0"),
    ] {
        let error = set(key, value).unwrap_err();
        assert!(error.contains(key), "{key} = {value}: {error}");
    }
    let name = file("[webhooks.\"c.r.m\"]\nurl = \"https://a.example\"\nsecret = \"x\"");
    assert!(name.unwrap_err().contains("as its name"));
}
