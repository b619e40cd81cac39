//! Login events, written down: each type has its file in `tests/golden`.

use scangate::{
    config::{EventType, Flow},
    event::{Due, Envelope, Event, Fact, FailedLogin, Via},
};
use serde_json::Value;

use crate::golden::golden;

const AT: u64 = 1_795_312_000_130;
const SCENE: &str = "7QmXc2V0aWNrZXQtaWQtMQ";
const USER: &str = "019b1e9a-3c00-7a2b-8c4d-5e6f70819203";

/// As it goes out.
fn sent(event: &Event) -> Value {
    let due = Due {
        position: 1,
        tries: 1,
        id: event.id.clone(),
        kind: event.fact.kind().name().to_owned(),
        subject: event.fact.subject().to_owned(),
        user: event.fact.user().map(str::to_owned),
        at: event.at,
        data: serde_json::to_string(&event.fact).unwrap(),
    };
    let envelope = Envelope::of(&due, "https://login.example.com/").unwrap();
    assert!(!envelope.json.contains('\n'));
    let json: Value = serde_json::from_str(&envelope.json).unwrap();
    assert_eq!(json["type"], envelope.kind);
    json
}

fn of_database(fact: Fact) -> Event {
    let id = "019b1e9a-3c82-7d10-9f3e-0a1b2c3d4e5f".to_owned();
    Event { id, at: AT, fact }
}

fn login() -> FailedLogin {
    FailedLogin {
        scene: SCENE.to_owned(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        app: "default".to_owned(),
        flow: Flow::H5,
    }
}

fn opened(via: Via) -> Event {
    of_database(Fact::SessionOpened {
        session_id: "019b1e9a-4d00-7c3d-a5e6-f70819203a4b".to_owned(),
        user_id: USER.to_owned(),
        app: "default".to_owned(),
        via,
        browser: "Chrome".to_owned(),
        system: "Windows".to_owned(),
        ip: "203.0.113.7".to_owned(),
    })
}

fn events(kind: EventType) -> Vec<Event> {
    let user_id = USER.to_owned();
    let of_scene = |fact| Event::of_scene(SCENE, 3, AT, fact);
    match kind {
        EventType::SessionOpened => {
            let FailedLogin {
                scene, trace_id, ..
            } = login();
            vec![
                opened(Via::scene(Flow::H5, scene, trace_id)),
                opened(Via::Password),
            ]
        }
        EventType::SessionEnded => vec![of_database(Fact::SessionEnded {
            session_id: "019b1e9a-4d00-7c3d-a5e6-f70819203a4b".to_owned(),
            user_id,
            app: "default".to_owned(),
            reason: "signed_out",
        })],
        EventType::UserCreated => vec![of_database(Fact::UserCreated { user_id })],
        EventType::UserMerged => vec![of_database(Fact::UserMerged {
            user_id,
            into: "019b1e9a-5e00-7b6c-9d2f-11a2b3c4d5e6".to_owned(),
        })],
        EventType::UserErased => vec![of_database(Fact::UserErased { user_id })],
        EventType::LoginRejected => [("user", None), ("policy", Some("locked_out"))]
            .map(|(by, reason)| {
                of_scene(Fact::LoginRejected {
                    login: login(),
                    by,
                    reason: reason.map(str::to_owned),
                })
            })
            .to_vec(),
        EventType::LoginFailed => vec![of_scene(Fact::LoginFailed {
            login: login(),
            code: 50_201,
            name: "wechat_unreachable",
        })],
    }
}

#[test]
fn every_login_event_is_written_down() {
    for kind in EventType::ALL {
        let mut all: Vec<_> = events(kind).iter().map(sent).collect();
        let one_or_all = if all.len() == 1 {
            all.remove(0)
        } else {
            Value::Array(all)
        };
        golden(&format!("login-event-{}", kind.name()), &one_or_all);
    }
}
