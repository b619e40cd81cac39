//! Reading what WeChat sends, which is not always what it promises.
//!
//! Bodies are JSON whatever their content type says, but names of people bring raw control characters,
//! broken UTF-8 and halves of surrogate pairs into it; an error is HTTP 200 with an `errcode`.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{endpoint::Endpoint, error::Fault};

/// The largest body that is read, in bytes: some fifty times the largest answer known.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// The longest opaque value (openid, unionid) and the longest token, in characters.
const MAX_ID: usize = 128;
const MAX_TOKEN: usize = 512;

/// A successful answer: it has all fields that its endpoint promises.
pub(super) struct Answer(Map<String, Value>);

impl Answer {
    /// Reads one answer of `endpoint`.
    ///
    /// # Errors
    /// [`Fault::Refused`] for an `errcode` other than 0, [`Fault::Status`] and [`Fault::Garbled`] for what is
    /// no answer at all, [`Fault::Protocol`] for a success without a promised field.
    pub(super) fn read(endpoint: Endpoint, status: u16, body: &[u8]) -> Result<Self, Fault> {
        if status != 200 {
            return Err(Fault::Status(status));
        }
        let text = repair(body);
        if text.trim().is_empty() {
            return Err(Fault::Garbled("the body is empty"));
        }
        // The error would quote the body, which may hold a token.
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            return Err(Fault::Garbled("the body is not JSON, or was cut off"));
        };
        let Value::Object(fields) = value else {
            return Err(Fault::Protocol("an object"));
        };
        let answer = Self(fields);
        answer.check_errcode()?;
        for field in endpoint.promised() {
            if answer.text(field).is_none() {
                return Err(Fault::Protocol(field));
            }
        }
        Ok(answer)
    }

    fn check_errcode(&self) -> Result<(), Fault> {
        let errcode = match self.0.get("errcode") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            Some(_) => None,
        };
        match errcode {
            Some(0) => Ok(()),
            Some(errcode) => Err(self.refusal(errcode)),
            None => Err(Fault::Protocol("a number as errcode")),
        }
    }

    fn refusal(&self, errcode: i64) -> Fault {
        let errmsg = self.text("errmsg");
        let names_address = matches!(errcode, 40164 | 61004);
        Fault::Refused {
            errcode,
            rid: errmsg.and_then(rid),
            address: errmsg.filter(|_| names_address).and_then(address),
        }
    }

    /// A number that is not negative, also when it is written as a text.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        match self.0.get(field)? {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits.trim().parse().ok(),
            _ => None,
        }
    }

    /// The texts of a list; what is no text is left out.
    pub(super) fn texts(&self, field: &str) -> Option<impl Iterator<Item = &str>> {
        let list = self.0.get(field)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.0
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A field that is 1, or `true`, or says so as a text.
    pub(super) fn flag(&self, field: &str) -> bool {
        match self.0.get(field) {
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            Some(Value::String(text)) => text == "1",
            Some(Value::Bool(set)) => *set,
            _ => false,
        }
    }

    /// An openid or unionid: opaque, but printable ASCII of a sane length.
    pub(super) fn id(&self, field: &'static str) -> Result<Option<String>, Fault> {
        self.opaque(field, MAX_ID)
    }

    /// A token: as an id, but longer.
    pub(super) fn token(&self, field: &'static str) -> Result<Option<String>, Fault> {
        self.opaque(field, MAX_TOKEN)
    }

    fn opaque(&self, field: &'static str, longest: usize) -> Result<Option<String>, Fault> {
        let Some(text) = self.text(field) else {
            return Ok(None);
        };
        let plain = text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic());
        if plain {
            Ok(Some(text.to_owned()))
        } else {
            Err(Fault::Protocol(field))
        }
    }

    #[cfg(test)]
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// The request id that WeChat keeps for seven days, from the end of an error's text.
fn rid(errmsg: &str) -> Option<String> {
    let (_, behind) = errmsg.rsplit_once("rid:")?;
    let rid: String = behind
        .trim_start()
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
        .take(64)
        .collect();
    (!rid.is_empty()).then_some(rid)
}

/// The first address in an error's text (`invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist`).
fn address(errmsg: &str) -> Option<IpAddr> {
    errmsg
        .split(|letter: char| !letter.is_ascii_hexdigit() && letter != '.' && letter != ':')
        .filter_map(|word| word.trim_end_matches('.').parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .find(|address| !address.is_unspecified())
}

/// The text of a body, with everything in it that only a strict JSON reader minds replaced.
fn repair(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String = text
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|character| if character < ' ' { ' ' } else { character })
        .collect();
    replace_lone_surrogates(text)
}

/// Replaces escaped halves of surrogate pairs (`\ud83d` without its other half) by U+FFFD.
fn replace_lone_surrogates(mut text: String) -> String {
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match escaped_unit(&text, at) {
            Some(0xD800..=0xDBFF)
                if matches!(escaped_unit(&text, at + 6), Some(0xDC00..=0xDFFF)) =>
            {
                at += 12;
            }
            Some(0xD800..=0xDFFF) => {
                text.replace_range(at..at + 6, "\\ufffd");
                at += 6;
            }
            Some(_) => at += 6,
            // Another escape: skip the backslash and what it escapes, which may be a backslash.
            None => {
                at += 1;
                at += text[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
    }
    text
}

/// The UTF-16 unit of a `\uXXXX` at byte `at`.
fn escaped_unit(text: &str, at: usize) -> Option<u16> {
    let escape = text.get(at..at + 6)?;
    let digits = escape.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rid_is_found_in_every_suffix_known() {
        for (errmsg, expected) in [
            (
                "invalid code, rid: 6aa79bc5-0dcac9e8-687e7832",
                Some("6aa79bc5-0dcac9e8-687e7832"),
            ),
            (
                "system error rid: 8b460b75-4ede8534",
                Some("8b460b75-4ede8534"),
            ),
            ("invalid code, hints: [ req_id: x9dGa0 ]", None),
            ("rid: ", None),
            ("", None),
        ] {
            assert_eq!(rid(errmsg).as_deref(), expected, "{errmsg}");
        }
    }

    #[test]
    fn the_address_that_wechat_saw_is_found_and_nothing_else_is() {
        for (errmsg, expected) in [
            (
                "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 1-2",
                Some("203.0.113.9"),
            ),
            ("invalid ip ::ffff:203.0.113.9, not in", Some("203.0.113.9")),
            ("invalid ip 2001:db8::7, not in", Some("2001:db8::7")),
            (
                "access clientip is not registered requestIP: 203.0.113.9.",
                Some("203.0.113.9"),
            ),
            ("invalid ip <script>, not in whitelist", None),
            ("invalid ip 999.1.1.1 :: 1.2.3, rid: ad10-b4", None),
            ("", None),
        ] {
            let found = address(errmsg).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{errmsg}");
        }
        let seen = |errcode| {
            let body = format!(r#"{{"errcode":{errcode},"errmsg":"invalid ip 203.0.113.9"}}"#);
            match Answer::read(Endpoint::Token, 200, body.as_bytes()).err() {
                Some(Fault::Refused { address, .. }) => address,
                fault => panic!("{fault:?}"),
            }
        };
        assert!(seen(40164).is_some() && seen(61004).is_some());
        assert_eq!(seen(40125), None, "no complaint about an address");
    }

    #[test]
    fn a_name_cut_in_the_middle_of_a_character_does_not_stop_a_login() {
        for (body, expected) in [
            (r#"{"openid":"o","nickname":"a\ud83d"}"#, "a\u{fffd}"),
            (
                r#"{"openid":"o","nickname":"\ude00\ud83d b"}"#,
                "\u{fffd}\u{fffd} b",
            ),
            (
                r#"{"openid":"o","nickname":"\\ud83d \ud83d\ude00"}"#,
                "\\ud83d 😀",
            ),
            (
                r#"{"openid":"o","nickname":"\ud83d\ud83d\ude00"}"#,
                "\u{fffd}😀",
            ),
        ] {
            let answer = Answer::read(Endpoint::UserInfo, 200, body.as_bytes())
                .ok()
                .unwrap();
            assert_eq!(answer.text("nickname"), Some(expected), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart_from_what_breaks_the_promise() {
        let read = |body: &str| Answer::read(Endpoint::UserInfo, 200, body.as_bytes()).err();
        assert!(matches!(read("<html>"), Some(Fault::Garbled(_))));
        assert!(matches!(read(" \n"), Some(Fault::Garbled(_))));
        assert!(matches!(read("[]"), Some(Fault::Protocol(_))));
        assert!(matches!(read("{}"), Some(Fault::Protocol("openid"))));
        assert!(matches!(
            read(r#"{"openid":7}"#),
            Some(Fault::Protocol("openid"))
        ));
        assert!(matches!(
            read(r#"{"errcode":{}}"#),
            Some(Fault::Protocol(_))
        ));
        assert!(read(r#"{"openid":"o","errcode":null}"#).is_none());
        let deep = "[".repeat(10_000);
        assert!(matches!(read(&deep), Some(Fault::Garbled(_))));
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Answer::read(Endpoint::Exchange, 200, &body);
        }

        #[test]
        fn escapes_are_repaired_whatever_stands_around_them(text in r#"(\\|u|d8|dc|3d|00|é|"|a){0,24}"#) {
            let repaired = replace_lone_surrogates(text.clone());
            prop_assert_eq!(repaired.len(), text.len());
        }
    }
}
