//! What a callback may answer to a push: `success`, nothing, or a passive reply, clear or sealed.

use std::collections::HashMap;

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event as Token};

use super::{
    Target,
    envelope::{self, Broken},
    event::Event,
};
use crate::config::MessageMode;

/// Bytes of a text reply at most, as WeChat takes them.
const MAX_CONTENT: usize = 2048;
/// Epoch seconds have fewer digits than this number until the year 5138; milliseconds have more already.
const NOT_SECONDS: u64 = 100_000_000_000;

/// An answer that WeChat takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// `success`, or an empty body: handled, nothing to show.
    Handled,
    /// A text for the chat.
    Text(String),
    /// A reply of another kind, by its `MsgType`.
    Other(String),
}

/// An answer that WeChat does not take; the person is told that the account is out of service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Bad {
    #[error("HTTP status {0}")]
    Status(u16),
    #[error("neither success nor a reply in XML")]
    NotXml,
    #[error("the reply has no {0}")]
    Missing(&'static str),
    #[error("{0}: {1}")]
    Wrong(&'static str, &'static str),
    #[error("safe mode wants the reply sealed")]
    Clear,
    #[error("a sealed reply to a clear push")]
    Sealed,
    #[error("-40001 MsgSignature is not that of TimeStamp, Nonce and Encrypt")]
    Signature,
    #[error("{0}")]
    Broken(#[from] Broken),
}

/// Reads the answer to `event`.
pub(super) fn read(
    status: u16,
    body: &[u8],
    target: &Target,
    event: &Event,
) -> Result<Answer, Bad> {
    if status != 200 {
        return Err(Bad::Status(status));
    }
    if body.is_empty() || body == b"success" {
        return Ok(Answer::Handled);
    }
    let text = std::str::from_utf8(body).map_err(|_error| Bad::NotXml)?;
    let outer = elements(text).ok_or(Bad::NotXml)?;
    let Some(sealed) = outer.get("Encrypt") else {
        return match target.mode {
            MessageMode::Safe => Err(Bad::Clear),
            MessageMode::Plain | MessageMode::Compatible => reply(&outer, event),
        };
    };
    let key = match &target.key {
        Some(key) if target.mode != MessageMode::Plain => key,
        _ => return Err(Bad::Sealed),
    };
    let signature = field(&outer, "MsgSignature")?;
    let parts = [
        &target.token,
        field(&outer, "TimeStamp")?,
        field(&outer, "Nonce")?,
        sealed,
    ];
    if !envelope::is_signed(signature, &parts) {
        return Err(Bad::Signature);
    }
    let inner = key.open(sealed, &target.app_id)?;
    reply(&elements(&inner).ok_or(Bad::NotXml)?, event)
}

type Elements = HashMap<String, String>;

fn field<'a>(elements: &'a Elements, name: &'static str) -> Result<&'a str, Bad> {
    let value = elements.get(name).ok_or(Bad::Missing(name))?;
    Ok(value)
}

/// A passive reply: from the account to the person, made in this century.
fn reply(elements: &Elements, event: &Event) -> Result<Answer, Bad> {
    if field(elements, "ToUserName")? != event.from {
        return Err(Bad::Wrong(
            "ToUserName",
            "the openid that the push came from",
        ));
    }
    if field(elements, "FromUserName")? != event.to {
        return Err(Bad::Wrong(
            "FromUserName",
            "the original id (gh_…) that the push was for",
        ));
    }
    let seconds = field(elements, "CreateTime")?.parse::<u64>();
    if !seconds.is_ok_and(|seconds| seconds < NOT_SECONDS) {
        return Err(Bad::Wrong("CreateTime", "epoch seconds"));
    }
    match field(elements, "MsgType")? {
        "text" => {
            let content = field(elements, "Content")?;
            if content.is_empty() || content.len() > MAX_CONTENT {
                return Err(Bad::Wrong("Content", "1 to 2048 bytes"));
            }
            Ok(Answer::Text(content.to_owned()))
        }
        kind @ ("image" | "voice" | "video" | "music" | "news") => {
            Ok(Answer::Other(kind.to_owned()))
        }
        _ => Err(Bad::Wrong(
            "MsgType",
            "text, image, voice, video, music or news",
        )),
    }
}

/// The elements in `<xml>` and their texts; deeper ones count for their parent. `None` when it is not such a
/// document, when an element comes twice, or when it declares a document type.
fn elements(text: &str) -> Option<Elements> {
    let mut reader = Reader::from_str(text);
    let mut found = Elements::new();
    let mut path: Vec<String> = Vec::new();
    let mut ended = false;
    loop {
        match reader.read_event().ok()? {
            Token::Start(start) => {
                let name = start.name().into_inner().to_owned();
                if path.is_empty() && (ended || name != "xml") {
                    return None;
                }
                if path.len() == 1 && found.insert(name.clone(), String::new()).is_some() {
                    return None;
                }
                path.push(name);
            }
            Token::Empty(empty) => {
                let name = empty.name().into_inner().to_owned();
                match path.len() {
                    0 => return None,
                    1 if found.insert(name, String::new()).is_some() => return None,
                    _ => {}
                }
            }
            Token::End(_) => {
                path.pop();
                ended = path.is_empty();
            }
            Token::Text(text) => append(&mut found, &path, &text.xml10_content())?,
            Token::CData(text) => append(&mut found, &path, &text.xml10_content())?,
            Token::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(letter) => letter.to_string(),
                    None => resolve_predefined_entity(&reference)?.to_owned(),
                };
                append(&mut found, &path, &text)?;
            }
            Token::DocType(_) => return None,
            Token::Comment(_) | Token::Decl(_) | Token::PI(_) => {}
            Token::Eof => return ended.then_some(found),
        }
    }
}

/// Between elements only white space may stand.
fn append(found: &mut Elements, path: &[String], text: &str) -> Option<()> {
    match path.get(1).and_then(|name| found.get_mut(name)) {
        Some(value) => value.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{super::envelope::Key, super::event::Kind, *};

    const KEY: &str = "sCaNgAtE0SaNdBoX1aEs2KeY3fOr4tHe5pUsH6mSgA7";

    fn target(mode: MessageMode) -> Target {
        Target {
            app_id: "wx0000000000000001".to_owned(),
            url: "http://127.0.0.1/".parse().unwrap(),
            token: "token".to_owned(),
            key: Key::parse(KEY),
            mode,
        }
    }

    fn read_as(mode: MessageMode, body: &str) -> Result<Answer, Bad> {
        let event = Event {
            to: "gh_1".to_owned(),
            from: "oAmy".to_owned(),
            create_time: 1_731_000_000,
            kind: Kind::Unsubscribe,
        };
        read(200, body.as_bytes(), &target(mode), &event)
    }

    fn clear(to: &str, from: &str, time: &str, rest: &str) -> String {
        format!(
            "<xml>\n<ToUserName><![CDATA[{to}]]></ToUserName><FromUserName>{from}</FromUserName>\
             <CreateTime>{time}</CreateTime>{rest}</xml>\n"
        )
    }

    const TEXT: &str =
        "<MsgType>text</MsgType><Content><![CDATA[a]]]]><![CDATA[>]]>&amp;&#x5fae;</Content>";

    fn good() -> String {
        clear("oAmy", "gh_1", "1731000001", TEXT)
    }

    fn sealed(token: &str, app_id: &str) -> String {
        let encrypt = Key::parse(KEY).unwrap().seal(&good(), app_id);
        let signature = envelope::sign(&[token, "1731000001", "7", &encrypt]);
        format!(
            "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature>{signature}</MsgSignature>\
             <TimeStamp>1731000001</TimeStamp><Nonce><![CDATA[7]]></Nonce></xml>"
        )
    }

    #[test]
    fn success_nothing_and_a_reply_are_answers() {
        for mode in [
            MessageMode::Plain,
            MessageMode::Compatible,
            MessageMode::Safe,
        ] {
            assert_eq!(read_as(mode, "success"), Ok(Answer::Handled));
            assert_eq!(read_as(mode, ""), Ok(Answer::Handled));
        }
        let text = Ok(Answer::Text("a]]>&微".to_owned()));
        let own = sealed("token", "wx0000000000000001");
        assert_eq!(read_as(MessageMode::Plain, &good()), text);
        assert_eq!(read_as(MessageMode::Compatible, &good()), text);
        assert_eq!(read_as(MessageMode::Compatible, &own), text);
        assert_eq!(read_as(MessageMode::Safe, &own), text);
        let news = "<MsgType>news</MsgType><Articles><item><Title>t</Title></item></Articles>";
        let news = clear("oAmy", "gh_1", "1", news);
        assert_eq!(
            read_as(MessageMode::Plain, &news),
            Ok(Answer::Other("news".to_owned()))
        );
    }

    #[test]
    fn a_reply_must_be_sealed_as_the_mode_says() {
        let read = read_as;
        let (theirs, foreign) = (sealed("t", "wx0000000000000001"), sealed("token", "wx2"));
        assert_eq!(read(MessageMode::Safe, &good()), Err(Bad::Clear));
        assert_eq!(read(MessageMode::Plain, &theirs), Err(Bad::Sealed));
        assert_eq!(read(MessageMode::Safe, &theirs), Err(Bad::Signature));
        assert_eq!(
            read(MessageMode::Safe, &foreign),
            Err(Bad::Broken(Broken::AppId))
        );
        let bare = "<xml><Encrypt>AAAA</Encrypt></xml>";
        assert_eq!(
            read(MessageMode::Safe, bare),
            Err(Bad::Missing("MsgSignature"))
        );
    }

    #[test]
    fn anything_else_is_out_of_service() {
        let long = format!(
            "<MsgType>text</MsgType><Content>{}</Content>",
            "x".repeat(2049)
        );
        for (body, bad) in [
            ("ok".to_owned(), Bad::NotXml),
            ("success\n".to_owned(), Bad::NotXml),
            (r#"{"code":0}"#.to_owned(), Bad::NotXml),
            ("<html><body>502".to_owned(), Bad::NotXml),
            (good() + "<xml></xml>", Bad::NotXml),
            (good().replace("<Content>", "<MsgType>"), Bad::NotXml),
            (format!("<!DOCTYPE xml>{}", good()), Bad::NotXml),
            (good().replace("&amp;", "&other;"), Bad::NotXml),
            (
                good().replace("<CreateTime>", "text<CreateTime>"),
                Bad::NotXml,
            ),
            ("<xml/>".to_owned(), Bad::NotXml),
            ("<xml></xml>".to_owned(), Bad::Missing("ToUserName")),
            (
                clear("gh_1", "oAmy", "1", TEXT),
                Bad::Wrong("ToUserName", "the openid that the push came from"),
            ),
            (
                clear("oAmy", "wx0000000000000001", "1", TEXT),
                Bad::Wrong(
                    "FromUserName",
                    "the original id (gh_…) that the push was for",
                ),
            ),
            (
                clear("oAmy", "gh_1", "1731000001000", TEXT),
                Bad::Wrong("CreateTime", "epoch seconds"),
            ),
            (
                clear("oAmy", "gh_1", "1", &long),
                Bad::Wrong("Content", "1 to 2048 bytes"),
            ),
        ] {
            assert_eq!(read_as(MessageMode::Plain, &body), Err(bad), "{body}");
        }
    }
}
