use std::{ffi::OsString, fs, time::Duration};

use secrecy::ExposeSecret;

use super::{
    load::load_with,
    tree::{SECRETS, WEBHOOK_SECRETS},
    *,
};

mod checks;
mod documented;

/// One configuration in the making.
#[derive(Default)]
struct Layers {
    file: Option<&'static str>,
    variables: Vec<(&'static str, String)>,
    set: Vec<(&'static str, &'static str)>,
}

impl Layers {
    fn load(&self) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = self.file.map(|text| {
            let file = directory.path().join("scangate.toml");
            fs::write(&file, text).unwrap();
            file
        });
        let set = self.set.iter();
        let overrides = Overrides {
            file,
            set: set
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let variables = self.variables.iter();
        let variables =
            variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        load_with(&overrides, variables).map_err(|error| {
            error
                .to_string()
                .replace(&*directory.path().to_string_lossy(), "/etc")
        })
    }
}

fn file(text: &'static str) -> Result<Config, String> {
    Layers {
        file: Some(text),
        ..Layers::default()
    }
    .load()
}

fn variable(name: &'static str, value: &str) -> Result<Config, String> {
    Layers {
        variables: vec![(name, value.to_owned())],
        ..Layers::default()
    }
    .load()
}

const LIVE: &str = r#"
    [server]
    public_url = "https://login.example.com"
    [wechat]
    mode = "live"
    [wechat.official_account]
    app_id = "wx0123456789abcdef"
    app_secret = "01234567890123456789012345678901"
"#;

fn live(key: &'static str, value: &'static str) -> Result<Config, String> {
    Layers {
        file: Some(LIVE),
        set: vec![(key, value)],
        ..Layers::default()
    }
    .load()
}

#[test]
fn later_layers_win() {
    let mut layers = Layers::default();
    assert_eq!(
        layers.load().unwrap().scene.pending_ttl,
        Duration::from_secs(120)
    );
    layers.file = Some("[scene]\npending_ttl_s = 60\nend_ttl_s = 90");
    assert_eq!(
        layers.load().unwrap().scene.pending_ttl,
        Duration::from_secs(60)
    );
    layers.variables = vec![("SCANGATE_SCENE__PENDING_TTL_MS", "1500".to_owned())];
    assert_eq!(
        layers.load().unwrap().scene.pending_ttl,
        Duration::from_millis(1500)
    );
    layers.set = vec![
        ("scene.pending_ttl_s", "30"),
        ("scene.pending_ttl_s", "20.5"),
    ];
    let scene = layers.load().unwrap().scene;
    assert_eq!(scene.pending_ttl, Duration::from_millis(20_500));
    assert_eq!(scene.end_ttl, Duration::from_secs(90));
}

#[test]
fn a_text_becomes_what_its_key_wants() {
    let config = Layers {
        variables: vec![
            ("SCANGATE_SERVER__MAX_CONNECTIONS", "77".to_owned()),
            (
                "SCANGATE_SERVER__TRUSTED_PROXIES",
                "10.0.0.0/8, 192.0.2.1/32".to_owned(),
            ),
            ("SCANGATE_SERVER__PUBLIC_URL", String::new()),
            ("SCANGATE_SERVER__ADMIN_TOKEN", "123456".to_owned()),
            ("SCANGATE_SANDBOX__ALLOW_PRIVATE", "true".to_owned()),
            ("SCANGATE_TELEMETRY__FORMAT", "json".to_owned()),
            ("SCANGATE_TOKEN__AUDIENCE", "42".to_owned()),
            ("SCANGATE_APPS__SHOP__NAME", "Shop".to_owned()),
            (
                "SCANGATE_APPS__SHOP__ORIGINS",
                "https://a.example,https://b.example".to_owned(),
            ),
            ("SCANGATE_APPS__SHOP__FLOWS", "h5".to_owned()),
            ("SCANGATE_APPS__DEFAULT__ORIGINS", String::new()),
            // Not ours: no double underscore.
            ("SCANGATE_HOME", "/opt".to_owned()),
            ("PATH", "/bin".to_owned()),
        ],
        ..Layers::default()
    }
    .load()
    .unwrap();
    assert_eq!(config.server.max_connections, 77);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.server.public_url, None);
    assert_eq!(config.server.admin_token.unwrap().expose_secret(), "123456");
    assert!(config.sandbox.allow_private);
    assert_eq!(config.telemetry.format, LogFormat::Json);
    assert_eq!(config.token.audience.as_deref(), Some("42"));
    let shop = config.apps.get(&AppId::parse("shop").unwrap()).unwrap();
    assert_eq!((shop.origins.len(), &*shop.flows), (2, &[Flow::H5][..]));
    assert!(
        config
            .apps
            .get(&AppId::default_app())
            .unwrap()
            .origins
            .is_empty()
    );
}

#[test]
fn a_wrong_value_names_key_place_and_what_is_allowed() {
    let cases = [
        (
            variable("SCANGATE_SERVER__MAX_CONNECTIONS", "many"),
            r#"server.max_connections = "many" (SCANGATE_SERVER__MAX_CONNECTIONS): a whole number, not negative, is expected"#,
        ),
        (
            file("[server]\nmax_connections = -1"),
            "server.max_connections = -1 (/etc/scangate.toml): a whole number, not negative, is expected",
        ),
        (
            file("[limits]\nframes_per_s = 5000000000"),
            "limits.frames_per_s = 5000000000 (/etc/scangate.toml): a whole number from 0 to 4294967295 is expected",
        ),
        (
            file("[wechat]\nmode = \"production\""),
            r#"wechat.mode = "production" (/etc/scangate.toml): allowed: sandbox, live"#,
        ),
        (
            variable("SCANGATE_SERVER__BIND", "8080"),
            r#"server.bind = "8080" (SCANGATE_SERVER__BIND): an IP address and a port, as in 127.0.0.1:8080, is expected"#,
        ),
        (
            variable("SCANGATE_SERVER__PUBLIC_URL", "login.example.com"),
            r#"server.public_url = "login.example.com" (SCANGATE_SERVER__PUBLIC_URL): an address with scheme and host, as in https://login.example.com, is expected"#,
        ),
        (
            variable("SCANGATE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
            r#"server.trusted_proxies = "proxy" (SCANGATE_SERVER__TRUSTED_PROXIES): a network, as in 10.0.0.0/8 or 192.0.2.1/32, is expected"#,
        ),
        (
            file("[sandbox]\nallow_private = \"yes\""),
            r#"sandbox.allow_private = "yes" (/etc/scangate.toml): true or false is expected"#,
        ),
        (
            file("[scene]\npending_ttl_ms = -5"),
            "scene.pending_ttl_s = -0.005 (/etc/scangate.toml, pending_ttl_ms): a number of seconds, not negative, is expected",
        ),
        (
            variable("SCANGATE_SCENE__PENDING_TTL_MS", "soon"),
            r#"scene.pending_ttl_ms = "soon" (SCANGATE_SCENE__PENDING_TTL_MS): a number of milliseconds is expected"#,
        ),
        (
            file("[apps.shop]\nflows = [\"h5\"]"),
            "apps.shop.name: the key is missing",
        ),
        (
            file("wechat = \"live\""),
            "wechat (/etc/scangate.toml): a section with keys is expected, not a value",
        ),
        (
            variable("SCANGATE_SERVER__BIND__PORT", "1"),
            "server.bind.port (SCANGATE_SERVER__BIND__PORT): a key below a value; no such section exists",
        ),
        (
            file("[scene]\npending_ttl_s = 1\npending_ttl_ms = 1"),
            "scene.pending_ttl_s (/etc/scangate.toml): the key is given twice, in two forms; one is allowed",
        ),
        (
            file("[server]\nbind = \"127.0.0.1:1\"\nadmin_bind = \"127.0.0.1:1\""),
            "server.admin_bind = 127.0.0.1:1 (/etc/scangate.toml): another address than server.bind is expected",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.unwrap_err(), format!("configuration: {expected}"));
    }
}

#[test]
fn an_unknown_key_is_an_error_that_lists_the_known_ones() {
    let error = variable("SCANGATE_SERVER__PROT", "1").unwrap_err();
    assert!(error.starts_with(
        "configuration: server.prot (SCANGATE_SERVER__PROT): there is no such key; allowed: bind, "
    ));
    let error = file("[apps.Shop]\nname = \"x\"").unwrap_err();
    assert!(
        error.contains("apps.Shop (/etc/scangate.toml): ") && error.contains("a-z, 0-9 and _"),
        "{error}"
    );
    for result in [
        file("serverr = 1"),
        file("[limits]\nframes_per_ms = 1"),
        file("[token]\nissuer_file = \"/x\""),
        variable("SCANGATE_A__B", "1"),
        variable("SCANGATE___X", "1"),
    ] {
        assert!(result.unwrap_err().contains("there is no such key"));
    }
}

#[test]
fn a_broken_file_is_named_with_its_line_and_without_its_content() {
    let error = file("[server]\n\nadmin_token = s3cr3t s3cr3t\n").unwrap_err();
    assert!(
        error.starts_with("configuration: /etc/scangate.toml line 3: "),
        "{error}"
    );
    assert!(!error.contains("s3cr3t"));
    let missing = Overrides {
        file: Some("/nowhere/x.toml".into()),
        set: Vec::new(),
    };
    let error = load_with(&missing, std::iter::empty())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("configuration: cannot read /nowhere/x.toml: "),
        "{error}"
    );
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    };
    const NAME: &str = "SCANGATE_WECHAT__OFFICIAL_ACCOUNT__APP_SECRET_FILE";
    let config = variable(NAME, &write("secret", " 01234\r\n\n")).unwrap();
    assert_eq!(
        config
            .official_account()
            .unwrap()
            .app_secret
            .expose_secret(),
        " 01234"
    );

    for (path, problem) in [
        (write("empty", "\n"), "is empty"),
        ("/nowhere".to_owned(), "a readable file"),
    ] {
        let error = variable(NAME, &path).unwrap_err();
        assert!(
            error.contains("wechat.official_account.app_secret_file") && error.contains(problem),
            "{error}"
        );
    }
    let both = Layers {
        variables: vec![
            (NAME, write("x", "x")),
            (
                "SCANGATE_WECHAT__OFFICIAL_ACCOUNT__APP_SECRET",
                "y".to_owned(),
            ),
        ],
        ..Layers::default()
    };
    assert!(both.load().unwrap_err().contains("given twice"));
    let later = Layers {
        file: Some("[wechat.official_account]\napp_secret = \"below\""),
        variables: vec![(NAME, write("x", "above"))],
        ..Layers::default()
    };
    assert_eq!(
        later
            .load()
            .unwrap()
            .official_account()
            .unwrap()
            .app_secret
            .expose_secret(),
        "above"
    );
}

#[test]
fn every_secret_is_known_as_one() {
    let sources = [include_str!("../mod.rs"), include_str!("../wechat.rs")];
    let fields = sources.map(|source| source.matches("Option<SecretString>").count());
    assert_eq!(fields.iter().sum::<usize>(), SECRETS.len());
    let lines = include_str!("../events.rs").lines();
    let fields = lines.filter(|line| line.contains("pub ") && line.contains("SecretString"));
    assert_eq!(fields.count(), WEBHOOK_SECRETS.len());
}

#[test]
fn no_secret_is_shown() {
    let all = r#"
        [server]
        admin_token = "s3cr3t-1"
        [wechat.official_account]
        app_secret = "s3cr3t-2"
        token = "s3cr3t4"
        encoding_aes_key = "s3cr3t5s3cr3t5s3cr3t5s3cr3t5s3cr3t5s3cr3t50"
        previous_encoding_aes_key = "s3cr3t6s3cr3t6s3cr3t6s3cr3t6s3cr3t6s3cr3t60"
        [wechat.website]
        app_secret = "s3cr3t-7"
        [store]
        url = "sqlite://s3cr3t-3"
        [webhooks.crm]
        url = "https://crm.example.com/hook"
        secret = "whsec_s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"
        previous_secret = "whsec_s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3taaaa"
    "#;
    let shown = format!("{:#?}", file(all).unwrap());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    for wrong in [
        file("[server]\nadmin_token = 53473"),
        file("[wechat.official_account]\napp_secret = 53473"),
        file("[store]\nurl = \"mysql://u:53473@h/d\""),
        live("wechat.official_account.app_secret", "53473"),
        live("wechat.official_account.token", "5-3473"),
        live("wechat.official_account.encoding_aes_key", "53473"),
        live("wechat.website.app_secret", "53473"),
        file("[webhooks.crm]\nurl = \"https://a.example\"\nsecret = 53473"),
        file("[webhooks.crm]\nurl = \"https://a.example\"\nsecret = \"53473\""),
        file("[webhooks.crm]\nurl = \"https://u:53473@a.example\"\nsecret = \"x\""),
    ] {
        let error = wrong.unwrap_err();
        assert!(!error.contains("53473"), "{error}");
    }
}
