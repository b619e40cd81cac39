//! Whose calls these are.

use secrecy::SecretString;

/// The accounts at WeChat that a gateway may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// A service account: pages inside WeChat, parametric QR codes, messages.
    OfficialAccount,
    /// A website application of the Open Platform: WeChat's own login page.
    Website,
}

impl AccountKind {
    /// Where its credentials are configured.
    pub const fn section(self) -> &'static str {
        match self {
            Self::OfficialAccount => "wechat.official_account",
            Self::Website => "wechat.website",
        }
    }
}

/// One account and what opens it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Which of the gateway's accounts it is.
    pub kind: AccountKind,
    /// `wx…`: openids belong to it.
    pub app_id: String,
    /// Its secret, as WeChat's console shows it once.
    pub app_secret: SecretString,
}
