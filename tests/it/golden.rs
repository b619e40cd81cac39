//! The wire, written down: every event, command, error and close code has its file in `tests/golden`, which the page's
//! tests read too. `UPDATE_GOLDEN=1` writes them anew.

use std::{fs, path::PathBuf};

use scangate::{
    code::{Code, Locale},
    config::{EventType, Flow},
    ids::TraceId,
    protocol::{
        Attach, Command, Control, Encoded, ErrorBody, Head, PING_INTERVAL_MS, Person, Qr, Resume,
        Start, StateEvent, VERSION, Verify,
    },
    scene::{By, Digits},
    token::EndReason,
};
use serde_json::{Value, json};

const SCENE: &str = "7QmXc2V0aWNrZXQtaWQtMQ";
const SECRET: &str = "pJ4vq0tYx2W9a1bT7cR3dE5fG6hI8jK0lM2nO4pQ6rS";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SESSION: &str = "019b1e9a-3c00-7a2b-8c4d-5e6f70819203";
const ACCESS_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl";
const AT: u64 = 1_795_312_000_130;
const EXPIRES_AT: u64 = AT + 120_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Holds `value` to its file; a list of one is written as that one.
pub(crate) fn golden(name: &str, value: &Value) {
    let path = folder().join(format!("{name}.json"));
    let text = format!("{value:#}\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let written =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        written, text,
        "{name}.json differs; UPDATE_GOLDEN=1 writes it anew"
    );
}

/// What is written down under that name.
pub(crate) fn written(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn said(event: &Encoded) -> Value {
    serde_json::from_str(&event.json).unwrap()
}

fn head(seq: u64, replay: bool) -> Head {
    Head {
        seq,
        scene: SCENE.to_owned(),
        at: AT,
        trace_id: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        replay,
    }
}

fn person(name: &str, avatar: Option<&str>) -> Person {
    Person {
        name: Some(name.to_owned()),
        avatar: avatar.map(str::to_owned),
    }
}

/// The variants of one event; all of them must be of the type that the file is named after.
fn states(name: &str, events: &[StateEvent<'_>]) {
    let variants: Vec<_> = events.iter().map(|event| said(&event.encode())).collect();
    for (event, variant) in events.iter().zip(&variants) {
        assert_eq!(
            (event.encode().name, &variant["type"]),
            (name, &json!(name))
        );
    }
    golden(&format!("event-{name}"), &one_or_all(variants));
}

fn controls(name: &str, events: &[Control<'_>]) {
    let variants: Vec<_> = events.iter().map(|event| said(&event.encode())).collect();
    assert!(variants.iter().all(|variant| variant["type"] == name));
    golden(&format!("event-{name}"), &one_or_all(variants));
}

fn one_or_all(mut variants: Vec<Value>) -> Value {
    if variants.len() == 1 {
        variants.remove(0)
    } else {
        Value::Array(variants)
    }
}

#[test]
fn live_states() {
    let pending = |svg: Option<&str>, replay| StateEvent::Pending {
        head: head(1, replay),
        expires_at: EXPIRES_AT,
        secret: Some(SECRET),
        flow: Flow::H5,
        qr: Some(Qr {
            text: format!("https://login.example.com/s/{SCENE}"),
            svg: svg.map(str::to_owned),
        }),
        embed_url: None,
    };
    let website = StateEvent::Pending {
        head: head(1, false),
        expires_at: EXPIRES_AT,
        secret: Some(SECRET),
        flow: Flow::Website,
        qr: None,
        embed_url: Some(
            "https://open.weixin.qq.com/connect/qrconnect?appid=wx0123456789abcdef&redirect_uri=https%3A%2F%2Flogin.example.com%2Fcallback%2Fwechat&response_type=code&scope=snsapi_login&state=0af7#wechat_redirect",
        ),
    };
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 37 37"><path d="M4 4h7v1H4z"/></svg>"#;
    states(
        "pending",
        &[
            pending(Some(svg), false),
            pending(None, false),
            pending(Some(svg), true),
            website,
        ],
    );
    let scanned = |user, replay| StateEvent::Scanned {
        head: head(2, replay),
        expires_at: EXPIRES_AT,
        user,
    };
    let full = person(
        "李小龙",
        Some("https://login.example.com/avatars/q83vEjRWeJCrze8SNFZ4kA"),
    );
    states(
        "scanned",
        &[
            scanned(None, false),
            scanned(Some(person("李**", None)), false),
            scanned(Some(full.clone()), true),
        ],
    );
    let verifying = |seq, tries_left, replay| StateEvent::Verifying {
        head: head(seq, replay),
        expires_at: EXPIRES_AT,
        code_length: Digits::LENGTH,
        tries_left,
    };
    states(
        "verifying",
        &[
            verifying(3, 3, false),
            verifying(4, 2, false),
            verifying(4, 2, true),
        ],
    );
    let authorized = |user, replay| StateEvent::Authorized {
        head: head(3, replay),
        expires_at: EXPIRES_AT,
        grant: "Zk9hYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg".to_owned(),
        user,
    };
    states(
        "authorized",
        &[authorized(full, false), authorized(Person::default(), true)],
    );
}

#[test]
fn ends() {
    let rejected = |by, reason, replay| StateEvent::Rejected {
        head: head(3, replay),
        by,
        reason,
    };
    states(
        "rejected",
        &[
            rejected(By::User, None, false),
            rejected(By::Policy, Some("too_many_wrong_codes"), true),
        ],
    );
    states(
        "expired",
        &[
            StateEvent::Expired {
                head: head(2, false),
            },
            StateEvent::Expired {
                head: head(4, true),
            },
        ],
    );
    states(
        "cancelled",
        &[
            StateEvent::Cancelled {
                head: head(2, false),
            },
            StateEvent::Cancelled {
                head: head(4, true),
            },
        ],
    );
    let failed = |code, locale| StateEvent::Failed {
        head: head(3, false),
        error: ErrorBody::new(code, locale),
    };
    states(
        "failed",
        &[
            failed(Code::WechatTimeout, Locale::ZhCn),
            failed(Code::BadGrant, Locale::En),
        ],
    );
}

#[test]
fn control_events() {
    let hello = Control::Hello {
        v: VERSION,
        now: AT,
        ping_interval_ms: PING_INTERVAL_MS,
        node: "a1b2c3d4",
    };
    controls("hello", &[hello]);
    controls("ping", &[Control::Ping { now: AT }]);
    let drain = Control::Drain {
        reconnect_in_ms: 7_340,
    };
    controls("drain", &[drain]);
    let session_id = SESSION;
    controls("attached", &[Control::Attached { session_id }]);
    let revoked = EndReason::ALL.map(|why| Control::SessionRevoked {
        session_id,
        reason: why,
    });
    controls("session_revoked", &revoked);
    let error = |code, command, retry_after_ms, reason| Control::Error {
        error: ErrorBody {
            retry_after_ms,
            reason,
            ..ErrorBody::new(code, Locale::En)
        },
        command,
    };
    controls(
        "error",
        &[
            error(Code::StateConflict, Some("refresh"), None, None),
            error(Code::RateLimited, Some("start"), Some(3_000), None),
            error(Code::TakenOver, None, None, None),
            error(
                Code::SessionRevoked,
                Some("attach"),
                None,
                Some(EndReason::Reuse),
            ),
        ],
    );
}

/// What each command file means, in its order.
fn commands() -> Vec<(&'static str, Vec<Command>)> {
    let challenge = [
        0x13, 0xd3, 0x1e, 0x96, 0x1a, 0x1a, 0xd8, 0xec, 0x2f, 0x16, 0xb1, 0x0c, 0x4c, 0x98, 0x2e,
        0x08, 0x76, 0xa8, 0x78, 0xad, 0x6d, 0xf1, 0x44, 0x56, 0x6e, 0xe1, 0x89, 0x4a, 0xcb, 0x70,
        0xf9, 0xc3,
    ];
    let plain = Start {
        challenge,
        flow: None,
        app: "default".to_owned(),
        locale: None,
        return_to: None,
        svg: true,
    };
    let full = Start {
        flow: Some(Flow::H5),
        app: "shop".to_owned(),
        locale: Some(Locale::En),
        return_to: Some("https://shop.example.com/in".to_owned()),
        svg: false,
        ..plain
    };
    let resume = |seq| {
        Command::Resume(Resume {
            scene: SCENE.to_owned(),
            secret: SECRET.to_owned(),
            seq,
        })
    };
    vec![
        ("start", vec![Command::Start(plain), Command::Start(full)]),
        ("resume", vec![resume(0), resume(2)]),
        ("refresh", vec![Command::Refresh]),
        (
            "verify",
            vec![Command::Verify(Verify {
                code: Digits::parse("07").unwrap(),
            })],
        ),
        ("cancel", vec![Command::Cancel]),
        (
            "attach",
            vec![Command::Attach(Attach {
                access_token: ACCESS_TOKEN.to_owned(),
            })],
        ),
        ("pong", vec![Command::Pong]),
    ]
}

#[test]
fn commands_are_read_as_they_are_meant() {
    let challenge = json!({ "type": "start", "challenge": CHALLENGE });
    let full = json!({
        "type": "start", "challenge": CHALLENGE, "flow": "h5", "app": "shop", "locale": "en",
        "return_to": "https://shop.example.com/in", "svg": false,
    });
    let resume =
        |seq: u64| json!({ "type": "resume", "scene": SCENE, "secret": SECRET, "seq": seq });
    golden("command-start", &json!([challenge, full]));
    golden("command-resume", &json!([resume(0), resume(2)]));
    golden("command-verify", &json!({ "type": "verify", "code": "07" }));
    let attach = json!({ "type": "attach", "access_token": ACCESS_TOKEN });
    golden("command-attach", &attach);
    for name in ["refresh", "cancel", "pong"] {
        golden(&format!("command-{name}"), &json!({ "type": name }));
    }
    for (name, meant) in commands() {
        let text = fs::read_to_string(folder().join(format!("command-{name}.json"))).unwrap();
        let variants = match serde_json::from_str(&text).unwrap() {
            Value::Array(variants) => variants,
            one => vec![one],
        };
        let read: Vec<_> = variants
            .iter()
            .map(|variant| Command::read(&variant.to_string()).unwrap())
            .collect();
        assert_eq!(read, meant, "{name}");
        assert!(read.iter().all(|command| command.name() == name));
    }
}

#[test]
fn no_file_without_its_test() {
    let mut found: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let events = [
        "attached",
        "authorized",
        "cancelled",
        "drain",
        "error",
        "expired",
        "failed",
        "hello",
        "pending",
        "ping",
        "rejected",
        "scanned",
        "session_revoked",
        "verifying",
    ];
    let commands = [
        "attach", "cancel", "pong", "refresh", "resume", "start", "verify",
    ];
    let mut expected = vec!["closes.json".to_owned(), "codes.json".to_owned()];
    expected.extend(commands.map(|name| format!("command-{name}.json")));
    expected.extend(events.map(|name| format!("event-{name}.json")));
    expected.extend(EventType::ALL.map(|kind| format!("login-event-{}.json", kind.name())));
    expected.sort();
    assert_eq!(found, expected);
}
