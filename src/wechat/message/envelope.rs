//! The encryption of messages: AES-256-CBC over 16 random bytes, a length, the message and the `AppID`, padded to 32.

use std::iter;

use aes::{
    Aes256,
    cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit},
};
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use secrecy::{ExposeSecret, SecretBox, zeroize::Zeroizing};

use super::Refused;

/// The 43rd character of `EncodingAESKey` holds four bits that count and two that WeChat draws at random.
const ENCODING_AES_KEY: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// What the padding fills up. Libraries that know PKCS#7 for AES mean 16.
const PADDED_TO: usize = 32;

/// `EncodingAESKey`, decoded.
pub(super) struct Key(SecretBox<[u8; 32]>);

impl Key {
    /// From 43 characters; `None` when they are not base64 or not that many.
    pub(super) fn decode(encoding_aes_key: &str) -> Option<Self> {
        let decoded = ENCODING_AES_KEY.decode(encoding_aes_key);
        let bytes = Zeroizing::new(decoded.ok().filter(|bytes| bytes.len() == 32)?);
        Some(Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            key.copy_from_slice(&bytes);
        })))
    }

    /// The message in `sealed`, when it is for `app_id`. Whether WeChat made it the signature has told before: this
    /// tells only whether this is the key.
    pub(super) fn open(&self, sealed: &[u8], app_id: &str) -> Result<Vec<u8>, Refused> {
        if sealed.is_empty() || !sealed.len().is_multiple_of(PADDED_TO) {
            return Err(Refused::CipherLength);
        }
        let mut plain = sealed.to_vec();
        let (blocks, _) = Block::<Aes256>::slice_as_chunks_mut(&mut plain);
        cbc::Decryptor::<Aes256>::new(self.bytes().into(), &self.iv().into())
            .decrypt_blocks(blocks);
        let inside = unpad(&plain).ok_or(Refused::Padding)?;
        let (head, rest) = inside.split_first_chunk::<20>().ok_or(Refused::Length)?;
        let [.., a, b, c, d] = *head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let (message, to) = rest.split_at_checked(length).ok_or(Refused::Length)?;
        if to != app_id.as_bytes() {
            return Err(Refused::AppId);
        }
        Ok(message.to_vec())
    }

    /// Seals `message`, which is shorter than 4 GiB, with 16 fresh random bytes.
    pub(super) fn seal(&self, message: &[u8], app_id: &str, random: [u8; 16]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut sealed = [
            &random,
            &length.to_be_bytes()[..],
            message,
            app_id.as_bytes(),
        ]
        .concat();
        let missing = PADDED_TO - sealed.len() % PADDED_TO;
        sealed.extend(iter::repeat_n(u8::try_from(missing).unwrap_or(0), missing));
        let (blocks, _) = Block::<Aes256>::slice_as_chunks_mut(&mut sealed);
        cbc::Encryptor::<Aes256>::new(self.bytes().into(), &self.iv().into())
            .encrypt_blocks(blocks);
        sealed
    }

    fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The initial vector: the first half of the key.
    fn iv(&self) -> [u8; 16] {
        std::array::from_fn(|place| self.bytes()[place])
    }
}

/// Without the padding: 1 to 32 bytes that all say how many they are.
fn unpad(plain: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*plain.last()?);
    let inside = plain.len().checked_sub(padding)?;
    let (message, filled) = plain.split_at_checked(inside)?;
    let right = (1..=PADDED_TO).contains(&padding)
        && filled.iter().all(|byte| usize::from(*byte) == padding);
    right.then_some(message)
}
