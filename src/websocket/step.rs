//! The protocol as a plain function: what one frame means to a socket in its present phase.

use crate::{
    code::{Close, Code},
    protocol::{Attach, Command, Resume, Start, Verify},
    scene::SceneId,
    token::SessionId,
};

/// How far a socket has come. What belongs to a scene exists only once there is one.
#[derive(Debug)]
pub(super) enum Phase {
    /// No first command yet.
    Waiting,
    /// The socket of this scene.
    Bound(SceneId),
    /// The channel of this session.
    Attached(SessionId),
}

/// One message from the browser.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary,
    /// A ping of RFC 6455.
    Ping(&'a [u8]),
    /// A pong of RFC 6455.
    Pong,
}

/// What a frame asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// It was heard, and that is all.
    Nothing,
    /// Answer a ping.
    Pong(&'a [u8]),
    /// Open a scene.
    Start(Start),
    /// Come back to a scene.
    Resume(Resume),
    /// Open a session's channel.
    Attach(Attach),
    /// Replace this scene.
    Refresh(SceneId),
    /// The digits for this scene.
    Verify(SceneId, Verify),
    /// Give this scene up.
    Cancel(SceneId),
    /// Say why not; close if the code closes.
    Refuse(Code, Option<&'static str>),
    /// Close without a word.
    Close(Close),
}

/// What `frame` asks of a socket in `phase`.
pub(super) fn step<'a>(phase: &Phase, frame: &Frame<'a>) -> Act<'a> {
    let text = match frame {
        Frame::Text(text) => text,
        Frame::Ping(payload) => return Act::Pong(payload),
        Frame::Pong => return Act::Nothing,
        Frame::Binary => return Act::Close(Close::Binary),
    };
    let command = match Command::read(text) {
        Ok(command) => command,
        Err(bad) => return Act::Refuse(Code::BadMessage, bad.command),
    };
    let name = command.name();
    match (command, phase) {
        (Command::Pong, _) => Act::Nothing,
        (Command::Start(start), Phase::Waiting) => Act::Start(start),
        (Command::Resume(resume), Phase::Waiting) => Act::Resume(resume),
        (Command::Attach(attach), Phase::Waiting) => Act::Attach(attach),
        (Command::Start(_) | Command::Resume(_) | Command::Attach(_), _) => {
            Act::Refuse(Code::BadMessage, Some(name))
        }
        (Command::Refresh, Phase::Bound(scene)) => Act::Refresh(*scene),
        (Command::Verify(verify), Phase::Bound(scene)) => Act::Verify(*scene, verify),
        (Command::Cancel, Phase::Bound(scene)) => Act::Cancel(*scene),
        (
            Command::Refresh | Command::Verify(_) | Command::Cancel,
            Phase::Waiting | Phase::Attached(_),
        ) => Act::Refuse(Code::StateConflict, Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Digits;

    const SCENE: SceneId = SceneId([1; 16]);
    const START: &str =
        r#"{"type":"start","challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}"#;
    const ATTACH: &str = r#"{"type":"attach","access_token":"x"}"#;
    const RESUME: &str = r#"{"type":"resume","scene":"x","secret":"y","seq":0}"#;

    fn bound() -> Phase {
        Phase::Bound(SCENE)
    }

    fn act(phase: &Phase, text: &'static str) -> Act<'static> {
        step(phase, &Frame::Text(text))
    }

    #[test]
    fn a_waiting_socket_takes_one_first_command() {
        assert!(matches!(act(&Phase::Waiting, START), Act::Start(_)));
        assert!(matches!(act(&Phase::Waiting, RESUME), Act::Resume(_)));
        assert!(matches!(act(&Phase::Waiting, ATTACH), Act::Attach(_)));
        for command in ["refresh", "verify", "cancel"] {
            let text = format!(r#"{{"type":"{command}","code":"42"}}"#);
            assert_eq!(
                step(&Phase::Waiting, &Frame::Text(&text)),
                Act::Refuse(Code::StateConflict, Some(command))
            );
        }
    }

    #[test]
    fn a_bound_socket_takes_no_second_one() {
        assert_eq!(
            act(&bound(), START),
            Act::Refuse(Code::BadMessage, Some("start"))
        );
        assert_eq!(
            act(&bound(), RESUME),
            Act::Refuse(Code::BadMessage, Some("resume"))
        );
        assert_eq!(
            act(&bound(), ATTACH),
            Act::Refuse(Code::BadMessage, Some("attach"))
        );
        assert_eq!(act(&bound(), r#"{"type":"refresh"}"#), Act::Refresh(SCENE));
        assert_eq!(
            act(&bound(), r#"{"type":"cancel","extra":1}"#),
            Act::Cancel(SCENE)
        );
        let verify = act(&bound(), r#"{"type":"verify","code":"07"}"#);
        let code = Digits::parse("07").unwrap();
        assert_eq!(verify, Act::Verify(SCENE, Verify { code }));
        for code in [r#""7""#, "7", r#""007""#, "null", r#""ab""#] {
            let text = format!(r#"{{"type":"verify","code":{code}}}"#);
            assert_eq!(
                step(&bound(), &Frame::Text(&text)),
                Act::Refuse(Code::BadMessage, Some("verify"))
            );
        }
    }

    #[test]
    fn an_attached_socket_takes_no_command_of_scenes() {
        let attached = Phase::Attached(SessionId("x".to_owned()));
        for (command, text) in [("start", START), ("resume", RESUME), ("attach", ATTACH)] {
            let refused = Act::Refuse(Code::BadMessage, Some(command));
            assert_eq!(act(&attached, text), refused);
        }
        for command in ["refresh", "verify", "cancel"] {
            let text = format!(r#"{{"type":"{command}","code":"42"}}"#);
            let refused = Act::Refuse(Code::StateConflict, Some(command));
            assert_eq!(step(&attached, &Frame::Text(&text)), refused);
        }
        assert_eq!(act(&attached, r#"{"type":"pong"}"#), Act::Nothing);
    }

    #[test]
    fn a_token_does_not_show() {
        let told = act(
            &Phase::Waiting,
            r#"{"type":"attach","access_token":"geheim"}"#,
        );
        assert!(!format!("{told:?}").contains("geheim"));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":1}"#,
            r#"{"type":"dance"}"#,
        ] {
            assert_eq!(
                act(&bound(), text),
                Act::Refuse(Code::BadMessage, None),
                "{text}"
            );
        }
        assert_eq!(
            act(&Phase::Waiting, r#"{"type":"start"}"#),
            Act::Refuse(Code::BadMessage, Some("start"))
        );
        assert_eq!(step(&bound(), &Frame::Binary), Act::Close(Close::Binary));
    }

    #[test]
    fn pings_are_answered_and_pongs_are_heard() {
        assert_eq!(step(&bound(), &Frame::Ping(b"hi")), Act::Pong(b"hi"));
        assert_eq!(step(&bound(), &Frame::Pong), Act::Nothing);
        assert_eq!(act(&Phase::Waiting, r#"{"type":"pong"}"#), Act::Nothing);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in ".{0,300}") {
            let _ = step(&Phase::Waiting, &Frame::Text(&text));
            let _ = step(&bound(), &Frame::Text(&text));
        }
    }
}
