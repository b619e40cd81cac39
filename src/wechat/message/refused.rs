//! Why a request to the push address is refused.

/// Why a request is not WeChat's, or cannot be read. Shows nothing of the request and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A parameter is missing, there twice, or not of its shape.
    #[error("a parameter is missing, there twice or misshapen")]
    Query,
    /// More than [`MAX_BODY`](super::MAX_BODY).
    #[error("the body is too large")]
    Size,
    /// Clear where the account is set to encrypt.
    #[error(
        "the message came in the clear, but wechat.official_account.message_mode is not plain: \
         is the mode in WeChat's console another one?"
    )]
    Downgrade,
    /// Encrypted where the account has no key.
    #[error("the message is encrypted, but wechat.official_account.encoding_aes_key is not set")]
    NoKey,
    /// The body is not the XML that WeChat sends, or has no `Encrypt`.
    #[error("the body is not the XML that WeChat sends")]
    Xml,
    /// Not signed with the token.
    #[error(
        "the signature does not fit: either a stranger sent this, or wechat.official_account.token \
         is not the one in WeChat's console"
    )]
    Signature,
    /// Sent too long ago, or in the future.
    #[error("the message is too old or too new: is this machine's clock right?")]
    Stale,
    /// `Encrypt` is not standard base64 with its padding.
    #[error("the encrypted message is not base64")]
    Base64,
    /// Not a multiple of 32 bytes.
    #[error("the encrypted message has an impossible length")]
    CipherLength,
    /// Not 1 to 32 bytes that say their number.
    #[error(
        "the message does not decrypt: wechat.official_account.encoding_aes_key is not the one in \
         WeChat's console"
    )]
    Padding,
    /// The length inside does not fit.
    #[error("the decrypted message has an impossible length")]
    Length,
    /// For another account.
    #[error("the message is for another account: wechat.official_account.app_id is wrong")]
    AppId,
    /// The message is not UTF-8.
    #[error("the decrypted message is not UTF-8")]
    Utf8,
    /// The message is not XML.
    #[error("the decrypted message is not the XML that WeChat sends")]
    InnerXml,
    /// A field that every message has is missing or not of its shape.
    #[error("a field of the message is missing or misshapen")]
    Fields,
}

impl Refused {
    /// How far the request came, for logs and metrics.
    pub const fn stage(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Size => "size",
            Self::Downgrade => "downgrade",
            Self::NoKey => "key",
            Self::Xml => "xml",
            Self::Signature => "signature",
            Self::Stale => "stale",
            Self::Base64 => "base64",
            Self::CipherLength => "cipher_len",
            Self::Padding => "padding",
            Self::Length => "length",
            Self::AppId => "appid",
            Self::Utf8 => "utf8",
            Self::InnerXml => "inner_xml",
            Self::Fields => "fields",
        }
    }
}

/// A setting of the account that nothing can be checked with. Names it and does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wechat.official_account.{0} is not as WeChat's console shows it")]
pub struct Unusable(pub(super) &'static str);
