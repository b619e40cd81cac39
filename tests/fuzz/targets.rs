//! What an input is given to, and what must hold whatever it is.

use std::{collections::BTreeMap, str};

use scangate::{
    config::MessageMode,
    protocol::Command,
    wechat::{
        self, Endpoint,
        message::{Kind, Message},
    },
};
use url::form_urlencoded;

use crate::sender;

/// Lines: token, query. What is echoed was signed.
pub(crate) fn url(input: &[u8]) {
    let Some([token, query]) = lines(input) else {
        return;
    };
    let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let parameter = |name: &str| {
        parameters
            .get(name)
            .map(|value| &**value)
            .unwrap_or_default()
    };
    let Some(inbox) = sender::inbox(token, sender::APP_ID, None, MessageMode::Plain) else {
        return;
    };
    let now_s = parameter("timestamp").parse().unwrap_or(sender::NOW_S);
    if let Ok(verified) = inbox.verify_url(query, now_s) {
        let parts = [token, parameter("timestamp"), parameter("nonce")];
        assert_eq!(parameter("signature"), sender::sign(&parts));
        assert_eq!(verified.echo, parameter("echostr"));
    }
}

/// Lines: token, key, app id, query; the rest is the body. Safe mode takes only what is encrypted.
pub(crate) fn envelope(input: &[u8]) {
    let Some([token, key, app_id, query, body]) = lines(input) else {
        return;
    };
    let Some(inbox) = sender::inbox(token, app_id, Some(key), MessageMode::Safe) else {
        return;
    };
    let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let timestamp = parameters.get("timestamp");
    let now_s = timestamp.and_then(|timestamp| timestamp.parse().ok());
    if let Ok(received) = inbox.open(query, body.as_bytes(), now_s.unwrap_or(sender::NOW_S)) {
        assert_eq!(parameters["encrypt_type"], "aes");
        assert_eq!(parameters["msg_signature"].len(), 40);
        assert!(body.contains("Encrypt"));
        check(&received.message);
    }
}

/// The input is the plaintext, in a right envelope. What opens is for this account, and its lengths are right.
pub(crate) fn sealed(input: &[u8]) {
    let mut plain = input.to_vec();
    plain.resize(input.len().next_multiple_of(32), 0);
    let (query, body) = sender::seal(plain.clone());
    let inbox = sender::safe();
    let Ok(received) = inbox.open(&query, body.as_bytes(), sender::NOW_S) else {
        return;
    };
    check(&received.message);
    let padding = usize::from(*plain.last().unwrap());
    assert!((1..=32).contains(&padding));
    let inside = &plain[..plain.len() - padding];
    let length = u32::from_be_bytes(inside[16..20].try_into().unwrap());
    let message = &inside[20..20 + usize::try_from(length).unwrap()];
    assert_eq!(&inside[20 + message.len()..], sender::APP_ID.as_bytes());
    let answer = inbox.reply(
        &received,
        str::from_utf8(message).unwrap(),
        sender::NOW_S,
        [0; 16],
    );
    assert!(answer.starts_with("<xml>\n<Encrypt><![CDATA["));
}

/// The input is a clear body. What is read of an answer to it is the answer.
pub(crate) fn xml(input: &[u8]) {
    let (inbox, query) = (sender::plain(), sender::clear_query());
    let Ok(received) = inbox.open(&query, input, sender::NOW_S) else {
        return;
    };
    check(&received.message);
    let body = str::from_utf8(input).unwrap();
    let answer = inbox.reply(&received, body, sender::NOW_S, [0; 16]);
    let Ok(again) = inbox.open(&query, answer.as_bytes(), sender::NOW_S) else {
        panic!("the answer to a message cannot be read: {answer}");
    };
    assert_eq!(again.message.openid, received.message.to);
    assert_eq!(again.message.to, received.message.openid);
}

fn check(message: &Message) {
    for id in [&message.openid, &message.to] {
        assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    assert_eq!(message.dedupe_key.len(), 64);
    assert!(message.created_s < 10_000_000_000);
    if let Kind::Scan { scene, .. } | Kind::SubscribeScan { scene, .. } = &message.kind {
        assert!(!scene.is_empty());
    }
}

/// The first byte names the endpoint; the rest is what WeChat answers. Nothing with an error in it is a success.
pub(crate) fn answer(input: &[u8]) {
    let Some((endpoint, body)) = input.split_first() else {
        return;
    };
    let endpoint = Endpoint::ALL[usize::from(*endpoint) % Endpoint::ALL.len()];
    if wechat::is_success(endpoint, body)
        && let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body)
    {
        assert!(answer["errcode"].as_i64().unwrap_or(0) == 0);
    }
}

/// What a browser sends on the socket.
pub(crate) fn command(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input)
        && let Ok(command) = Command::read(text)
    {
        assert!(text.contains('"') && !command.name().is_empty());
    }
}

/// The first lines of an input, the last of them with all the rest.
fn lines<const N: usize>(input: &[u8]) -> Option<[&str; N]> {
    let lines: Vec<_> = str::from_utf8(input).ok()?.splitn(N, '\n').collect();
    lines.try_into().ok()
}
