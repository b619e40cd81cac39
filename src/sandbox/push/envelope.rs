//! WeChat's side of message encryption: AES-256-CBC with padding to 32 bytes, and the two signatures.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html>

use aes::{
    Aes256,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding},
};
use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::ids;

/// The block that the plaintext is padded to; twice that of AES.
const BLOCK: usize = 32;
/// Random bytes before the length.
const RANDOM: usize = 16;

/// The key of an account: `EncodingAESKey`, decoded.
pub(in crate::sandbox) struct Key([u8; 32]);

/// Why a sealed text was not opened. The numbers are those of the official sample code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum Broken {
    #[error("-40010 Encrypt is not base64")]
    Base64,
    #[error("-40007 Encrypt does not decrypt under the account's EncodingAESKey")]
    Cipher,
    #[error("-40005 the encrypted text ends with another appid")]
    AppId,
}

impl Key {
    /// From the 43 letters and digits of the account's settings. The last one may leave bits over.
    pub(in crate::sandbox) fn parse(text: &str) -> Option<Self> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
        );
        if text.len() != 43 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let bytes = LENIENT.decode(format!("{text}=")).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text of `Encrypt`.
    pub(in crate::sandbox) fn seal(&self, message: &str, app_id: &str) -> String {
        self.seal_with(ids::random(), message, app_id)
    }

    fn seal_with(&self, random: [u8; RANDOM], message: &str, app_id: &str) -> String {
        // Longer than 4 GiB it cannot be: every message here is bounded.
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut plain = random.to_vec();
        plain.extend(length.to_be_bytes());
        plain.extend(message.as_bytes());
        plain.extend(app_id.as_bytes());
        let pad = BLOCK - plain.len() % BLOCK;
        // At most 32, so it fits.
        let filler = u8::try_from(pad).unwrap_or_default();
        plain.resize(plain.len() + pad, filler);
        let cipher = cbc::Encryptor::<Aes256>::new(&self.0.into(), &self.iv().into());
        let length = plain.len();
        // Whole blocks always encrypt.
        cipher
            .encrypt_padded::<NoPadding>(&mut plain, length)
            .map(|sealed| STANDARD.encode(sealed))
            .unwrap_or_default()
    }

    /// What was sealed for `app_id`.
    pub(in crate::sandbox) fn open(&self, sealed: &str, app_id: &str) -> Result<String, Broken> {
        let mut bytes = STANDARD.decode(sealed).map_err(|_error| Broken::Base64)?;
        if bytes.is_empty() || bytes.len() % BLOCK != 0 {
            return Err(Broken::Cipher);
        }
        let cipher = cbc::Decryptor::<Aes256>::new(&self.0.into(), &self.iv().into());
        let plain = cipher
            .decrypt_padded::<NoPadding>(&mut bytes)
            .map_err(|_error| Broken::Cipher)?;
        let plain = unpad(plain).ok_or(Broken::Cipher)?;
        let (message, receiver) = split(plain).ok_or(Broken::Cipher)?;
        if receiver != app_id.as_bytes() {
            return Err(Broken::AppId);
        }
        String::from_utf8(message.to_vec()).map_err(|_error| Broken::Cipher)
    }

    fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.copy_from_slice(&self.0[..16]);
        iv
    }
}

/// PKCS#7 with a block of 32: one to 32 bytes that all say how many they are.
fn unpad(plain: &[u8]) -> Option<&[u8]> {
    let pad = usize::from(*plain.last()?);
    if !(1..=BLOCK).contains(&pad) {
        return None;
    }
    let (rest, filler) = plain.split_at_checked(plain.len().checked_sub(pad)?)?;
    filler
        .iter()
        .all(|byte| usize::from(*byte) == pad)
        .then_some(rest)
}

/// The message and the appid behind it.
fn split(plain: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = plain.split_at_checked(RANDOM)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Hex SHA-1 of the parts, sorted as bytes: `signature` of token, timestamp and nonce, `msg_signature` of these
/// and `Encrypt`.
pub(in crate::sandbox) fn sign(parts: &[&str]) -> String {
    let mut sorted: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    sorted.sort_unstable();
    ids::hex(&Sha1::digest(sorted.concat()))
}

/// Whether `signature` is that of the parts.
pub(in crate::sandbox) fn is_signed(signature: &str, parts: &[&str]) -> bool {
    sign(parts).as_bytes().ct_eq(signature.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of WeChat's documentation (message push, "good luck").
    const ZERO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const APP: &str = "wxba5fad812f8e6fb9";

    #[test]
    fn it_seals_and_signs_as_the_documentation_does() {
        let key = Key::parse(ZERO_KEY).unwrap();
        let sealed = key.seal_with(*b"707722b803182950", r#"{"demo_resp":"good luck"}"#, APP);
        assert_eq!(
            sealed,
            "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
        );
        assert_eq!(
            sign(&["AAAAA", "1713424427", "415670741", &sealed]),
            "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"
        );
        assert_eq!(
            sign(&["AAAAA", "1714036504", "1514711492"]),
            "f464b24fc39322e44b38aa78f5edd27bd1441696"
        );
        let opened = key.open(
            "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv\
             6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNq\
             J4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04=",
            APP,
        );
        assert_eq!(opened.unwrap().len(), 167);
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_padding() {
        // G leaves bits over that a strict decoder refuses.
        let key = Key::parse("sCaNgAtE0SaNdBoX1aEs2KeY3fOr4tHe5pUsH6mSgAG").unwrap();
        for length in 0..64 {
            let message = "微".repeat(length);
            let sealed = key.seal(&message, APP);
            assert_eq!(STANDARD.decode(&sealed).unwrap().len() % BLOCK, 0);
            assert_eq!(key.open(&sealed, APP).as_deref(), Ok(message.as_str()));
            assert_eq!(key.open(&sealed, "wx1"), Err(Broken::AppId));
        }
        for sealed in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA=="] {
            assert_eq!(key.open(sealed, APP), Err(Broken::Cipher), "{sealed}");
        }
        assert_eq!(key.open("not base64!", APP), Err(Broken::Base64));
        for text in ["", "short", &"-".repeat(43), &"A".repeat(44)] {
            assert!(Key::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_signature_is_that_of_its_parts_only() {
        let signature = sign(&["t", "1", "n"]);
        assert!(is_signed(&signature, &["n", "t", "1"]));
        assert!(!is_signed(&signature, &["n", "t", "2"]));
        assert!(!is_signed("", &["n", "t", "1"]));
    }
}
