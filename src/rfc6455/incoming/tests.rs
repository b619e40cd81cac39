//! What is heard of bytes, right and wrong, whole and in pieces.

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    max_message: 4_096,
    frames_per_s: 10,
    frame_burst: 40,
};

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 11, 13, 17];
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ ..126) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What comes of these pieces.
fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<AggregatedMessage, Broken>> {
    let (mut incoming, mut heard) = (Incoming::default(), Vec::new());
    for piece in pieces {
        incoming.put(piece);
        while let Some(taken) = incoming.take(&RULES, 0) {
            let is_broken = taken.is_err();
            heard.push(taken);
            if is_broken {
                return heard;
            }
        }
    }
    heard
}

fn text(text: &str) -> AggregatedMessage {
    AggregatedMessage::Text(text.into())
}

fn conversation() -> (Vec<u8>, Vec<Result<AggregatedMessage, Broken>>) {
    let long = "l".repeat(300);
    let bytes = [
        frame(0x81, "扫码".as_bytes()),
        frame(0x01, &"登".as_bytes()[..1]),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x80, &"登".as_bytes()[1..]),
        frame(0x81, long.as_bytes()),
        frame(0x02, &[0xff]),
        frame(0x80, &[0xfe]),
        frame(0x8a, b""),
        frame(0x88, b"\x03\xe8bye"),
    ];
    let reason = Parser::try_parse_close_payload(b"\x03\xe8bye").unwrap();
    let messages = [
        text("扫码"),
        AggregatedMessage::Ping(Bytes::from_static(b"ping")),
        text("登"),
        text(&long),
        AggregatedMessage::Binary(Bytes::from_static(&[0xff, 0xfe])),
        AggregatedMessage::Pong(Bytes::new()),
        AggregatedMessage::Close(reason),
    ];
    (bytes.concat(), messages.map(Ok).into())
}

#[test]
fn frames_may_be_cut_at_every_byte() {
    let (bytes, messages) = conversation();
    assert_eq!(heard([&bytes[..]]), messages, "all in one piece");
    assert_eq!(heard(bytes.chunks(1)), messages, "byte by byte");
    for cut in 0..bytes.len() {
        let (before, after) = bytes.split_at(cut);
        assert_eq!(heard([before, after]), messages, "cut at {cut}");
    }
}

#[test]
fn nothing_is_kept_between_messages() {
    let mut incoming = Incoming::default();
    let whole = frame(0x81, &[b'x'; 4_096]);
    incoming.put(&whole[..4_000]);
    assert_eq!(incoming.take(&RULES, 0), None);
    assert!(
        incoming.bytes.capacity() < 3 * 4_096,
        "a frame, and little more"
    );
    incoming.put(&whole[4_000..]);
    assert!(incoming.take(&RULES, 0).is_some_and(|taken| taken.is_ok()));
    assert_eq!(incoming.take(&RULES, 0), None);
    assert_eq!(incoming.bytes.capacity(), 0);
    assert!(incoming.message.is_none());
}

#[test]
fn text_is_utf8_and_what_cannot_be_is_told_at_once() {
    let wrong = Some(Err(Broken::NotUtf8));
    let last = |pieces: &[Vec<u8>]| heard([&pieces.concat()[..]]).pop();
    assert_eq!(last(&[frame(0x81, &[0xc3, 0x28])]), wrong);
    assert_eq!(last(&[frame(0x01, &[0xc3]), frame(0x00, &[0x28])]), wrong);
    assert_eq!(
        last(&[frame(0x01, b"a"), frame(0x80, &[0xe4, 0xbd])]),
        wrong
    );
    assert_eq!(
        last(&[frame(0x01, &[0xf0, 0x9f])]),
        None,
        "it may become something"
    );
    assert_eq!(
        last(&[frame(0x88, b"\x03\xe8\xff")]),
        wrong,
        "a reason is text, too"
    );
}

#[test]
fn fragments_come_in_order() {
    let broken = Some(Err(Broken::Protocol));
    for pieces in [
        vec![frame(0x80, b"x")],
        vec![frame(0x00, b"x")],
        vec![frame(0x01, b"x"), frame(0x81, b"y")],
        vec![frame(0x01, b"x"), frame(0x02, b"y")],
        vec![frame(0x88, b"\x03")],
        vec![frame(0x88, &1_005_u16.to_be_bytes())],
    ] {
        assert_eq!(heard([&pieces.concat()[..]]).pop(), broken, "{pieces:?}");
    }
}

#[test]
fn a_broken_frame_is_told_by_its_first_bytes() {
    let reserved = frame(0xc1, b"x");
    for length in 2..=reserved.len() {
        let told = heard(reserved[..length].chunks(1));
        assert_eq!(told, [Err(Broken::Protocol)], "{length} bytes");
    }
}

#[test]
fn a_broken_rule_stays_broken() {
    let mut incoming = Incoming::default();
    incoming.put(&[frame(0x81, b"{}"), vec![0x81, 0x00]].concat());
    assert_eq!(incoming.take(&RULES, 0), Some(Ok(text("{}"))));
    assert_eq!(
        incoming.take(&RULES, 0),
        Some(Err(Broken::Protocol)),
        "no mask"
    );
    assert_eq!(incoming.bytes.capacity(), 0);
    incoming.put(&frame(0x88, b""));
    assert!(!incoming.has_closed() && incoming.is_broken());
}

proptest! {
    #[test]
    fn whatever_comes_the_memory_is_bounded(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..READ), 1..8),
    ) {
        let mut incoming = Incoming::default();
        for piece in &pieces {
            incoming.put(piece);
            while incoming.take(&RULES, 0).is_some_and(|taken| taken.is_ok()) {}
            prop_assert!(incoming.bytes.len() <= usize::try_from(RULES.max_message).unwrap() + READ + 14 || incoming.is_broken());
            let fragments = incoming.message.as_ref().map_or(0, |message| message.bytes.len());
            prop_assert!(fragments <= usize::try_from(RULES.max_message).unwrap());
        }
    }
}
