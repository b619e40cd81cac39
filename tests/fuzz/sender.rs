//! WeChat's side of the message push, written down a second time: what the gateway reads must not be checked with what
//! it reads it with.

use aes::{
    Aes256,
    cipher::{Block, BlockModeEncrypt, KeyIvInit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use scangate::{
    config::{MessageMode, MessagePush},
    wechat::message::Inbox,
};
use sha1::{Digest, Sha1};

pub(crate) const NOW_S: u64 = 1_795_312_000;
pub(crate) const TOKEN: &str = "AAAAA";
pub(crate) const APP_ID: &str = "wxba5fad812f8e6fb9";
/// 32 zero bytes.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn inbox(
    token: &str,
    app_id: &str,
    key: Option<&str>,
    mode: MessageMode,
) -> Option<Inbox> {
    let push = MessagePush {
        app_id: app_id.to_owned(),
        token: token.into(),
        key: key.map(Into::into),
        previous_key: None,
        mode,
    };
    Inbox::new(&push).ok()
}

/// An inbox of the account in safe mode.
pub(crate) fn safe() -> Inbox {
    inbox(TOKEN, APP_ID, Some(KEY), MessageMode::Safe).unwrap()
}

/// An inbox of the account in plain mode.
pub(crate) fn plain() -> Inbox {
    inbox(TOKEN, APP_ID, None, MessageMode::Plain).unwrap()
}

pub(crate) fn sign(parts: &[&str]) -> String {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let hash = Sha1::digest(parts.concat());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The query of a clear message.
pub(crate) fn clear_query() -> String {
    let now = NOW_S.to_string();
    let signature = sign(&[TOKEN, &now, "1"]);
    format!("signature={signature}&timestamp={now}&nonce=1")
}

/// What goes into the cipher for `message`.
pub(crate) fn padded(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let mut padded = [&[7; 16][..], &length, message, APP_ID.as_bytes()].concat();
    let missing = 32 - padded.len() % 32;
    padded.resize(padded.len() + missing, u8::try_from(missing).unwrap());
    padded
}

/// Query and body for a plaintext of whole blocks.
pub(crate) fn seal(mut padded: Vec<u8>) -> (String, String) {
    let (blocks, _) = Block::<Aes256>::slice_as_chunks_mut(&mut padded);
    cbc::Encryptor::<Aes256>::new(&[0; 32].into(), &[0; 16].into()).encrypt_blocks(blocks);
    let encrypt = STANDARD.encode(&padded);
    let signature = sign(&[TOKEN, &NOW_S.to_string(), "1", &encrypt]);
    (
        format!("timestamp={NOW_S}&nonce=1&encrypt_type=aes&msg_signature={signature}"),
        format!("<xml><Encrypt>{encrypt}</Encrypt></xml>"),
    )
}
