//! Properties of signature, envelope and XML, for any input.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    Delivery, Message, Refused,
    envelope::Key,
    inbox_tests::{NOW_S, SCAN, clear_query, plain, safe, sealed_scan},
    reply, signature,
    xml::Fields,
};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// What is signed, as WeChat shapes it: token, timestamp, nonce, `Encrypt`.
fn signed() -> impl Strategy<Value = [String; 4]> {
    [
        "[0-9A-Za-z]{3,32}",
        "1[0-9]{9}",
        "[1-9][0-9]{5,9}",
        "[0-9A-Za-z+/]{42,200}==",
    ]
    .map(|shape| shape.boxed())
}

fn sign([token, timestamp, nonce, encrypt]: &[String; 4]) -> String {
    let delivery = Delivery::new(timestamp, nonce).unwrap();
    signature::sign(token, &delivery, Some(encrypt))
}

/// `text` with the character at `place` replaced.
fn with(text: &str, place: Index, by: char) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let place = place.index(letters.len());
    letters[place] = by;
    letters.into_iter().collect()
}

/// What XML makes of a text: no illegal characters, one kind of line end, nothing around it.
fn as_xml_sees(text: &str) -> Option<String> {
    let legal = |letter: &char| !matches!(*letter, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    let legal: String = text.chars().filter(legal).collect();
    let lines = legal.replace("\r\n", "\n").replace('\r', "\n");
    let trimmed = lines.trim_matches([' ', '\t', '\n']);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn scan() -> Message {
    Message::from_fields(&Fields::read(SCAN.as_bytes()).unwrap()).unwrap()
}

/// A text with what XML gives a meaning to.
fn marked_up() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<String>(),
        Just("]]>".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("</Content>".to_owned()),
        Just("&amp;".to_owned()),
        Just("]".to_owned()),
        Just("\r".to_owned()),
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_signature_fits_nothing_else(parts in signed(), other in signed(), which in 0..4_usize) {
        let mut changed = parts.clone();
        changed[which].clone_from(&other[which]);
        prop_assert_eq!(sign(&changed) == sign(&parts), changed == parts);
    }

    #[test]
    fn the_address_is_verified_only_by_its_own_signature(place: Index, by in "[0-9a-f]") {
        let query = format!("{}&echostr=echo", clear_query());
        prop_assert!(plain().verify_url(&query, NOW_S).is_ok());
        let (signature, rest) = query["signature=".len()..].split_at(40);
        let changed = with(signature, place, by.chars().next().unwrap());
        let found = plain().verify_url(&format!("signature={changed}{rest}"), NOW_S);
        let expected = if changed == signature { None } else { Some(Refused::Signature) };
        prop_assert_eq!(found.err(), expected);
    }

    #[test]
    fn what_is_sealed_opens_for_its_account_only(
        message in any::<String>(), app_id in "wx[0-9a-f]{16}", other in "wx[0-9a-f]{15,17}", random: [u8; 16],
    ) {
        let key = Key::decode(KEY).unwrap();
        let sealed = key.seal(message.as_bytes(), &app_id, random);
        prop_assert_eq!(sealed.len() % 32, 0);
        prop_assert_eq!(key.open(&sealed, &app_id).unwrap(), message.as_bytes());
        prop_assert_eq!(key.open(&sealed, &other).is_ok(), other == app_id);
    }

    #[test]
    fn a_changed_envelope_is_refused(place: Index, by in "[0-9A-Za-z+/]") {
        let (query, body) = sealed_scan();
        prop_assert!(safe().open(&query, body.as_bytes(), NOW_S).is_ok());
        let start = body.find("<Encrypt>").unwrap() + "<Encrypt>".len();
        let end = body.find("</Encrypt>").unwrap();
        let changed = with(&body[start..end], place, by.chars().next().unwrap());
        let differs = changed != body[start..end];
        let changed = format!("{}{changed}{}", &body[..start], &body[end..]);
        let found = safe().open(&query, changed.as_bytes(), NOW_S);
        prop_assert_eq!(found.err(), differs.then_some(Refused::Signature));
    }

    #[test]
    fn no_bytes_take_an_inbox_down(query in any::<String>(), body in vec(any::<u8>(), 0..600)) {
        prop_assert!(safe().open(&query, &body, NOW_S).is_err());
        prop_assert!(safe().open(&sealed_scan().0, &body, NOW_S).is_err());
        prop_assert!(safe().verify_url(&query, NOW_S).is_err());
        let _ = plain().open(&clear_query(), &body, NOW_S);
    }

    #[test]
    fn no_ciphertext_takes_a_key_down(blocks in vec(any::<[u8; 32]>(), 0..8)) {
        let key = Key::decode(KEY).unwrap();
        prop_assert!(key.open(&blocks.concat(), "wx0123456789abcdef").is_err());
    }

    #[test]
    fn no_xml_takes_the_reader_down(place: Index, end: Index, by in marked_up()) {
        let letters: Vec<char> = SCAN.chars().collect();
        let start = place.index(letters.len());
        let end = start + end.index(letters.len() - start);
        let mutated: String = letters[..start].iter().chain(&by.chars().collect::<Vec<_>>()).chain(&letters[end..]).collect();
        if let Some(fields) = Fields::read(mutated.as_bytes()) {
            let _ = Message::from_fields(&fields);
        }
    }

    #[test]
    fn any_text_comes_through_a_reply(text in marked_up()) {
        let answer = reply::text(&scan(), &text, NOW_S);
        let fields = Fields::read(answer.as_bytes()).unwrap();
        prop_assert_eq!(fields.get("Content").map(str::to_owned), as_xml_sees(&text));
        prop_assert_eq!(fields.get("ToUserName"), Some("oPhone"));
    }
}
