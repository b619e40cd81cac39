//! What is called at `api.weixin.qq.com`.

/// One call, as far as its answer and the meaning of an error code depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A code for the person's token.
    Exchange,
    /// The person's token, renewed.
    Refresh,
    /// Whether the person's token is good.
    Auth,
    /// Name and picture.
    UserInfo,
    /// The account's token.
    Token,
    /// The account's token, the kind that does not end its predecessor.
    StableToken,
    /// A parametric QR code.
    CreateQr,
    /// A follower of the account.
    Follower,
    /// Where messages of WeChat come from.
    CallbackAddresses,
}

/// What fails together at WeChat, and is spared together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// `sns/*`: a person's codes and tokens, of whichever account.
    Person,
    /// Where the account's token is fetched.
    Token,
    /// Calls that carry the account's token.
    Account,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Exchange,
        Self::Refresh,
        Self::Auth,
        Self::UserInfo,
        Self::Token,
        Self::StableToken,
        Self::CreateQr,
        Self::Follower,
        Self::CallbackAddresses,
    ];

    /// The path below the API's base; also its name in logs.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Exchange => "sns/oauth2/access_token",
            Self::Refresh => "sns/oauth2/refresh_token",
            Self::Auth => "sns/auth",
            Self::UserInfo => "sns/userinfo",
            Self::Token => "cgi-bin/token",
            Self::StableToken => "cgi-bin/stable_token",
            Self::CreateQr => "cgi-bin/qrcode/create",
            Self::Follower => "cgi-bin/user/info",
            Self::CallbackAddresses => "cgi-bin/getcallbackip",
        }
    }

    /// Its label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Refresh => "refresh",
            Self::Auth => "auth",
            Self::UserInfo => "userinfo",
            Self::Token => "token",
            Self::StableToken => "stable_token",
            Self::CreateQr => "create_qr",
            Self::Follower => "follower",
            Self::CallbackAddresses => "callback_addresses",
        }
    }

    /// What it fails together with.
    pub(super) const fn group(self) -> Group {
        match self {
            Self::Exchange | Self::Refresh | Self::Auth | Self::UserInfo => Group::Person,
            Self::Token | Self::StableToken => Group::Token,
            Self::CreateQr | Self::Follower | Self::CallbackAddresses => Group::Account,
        }
    }

    /// The text fields without which an answer is no success.
    pub(super) const fn promised(self) -> &'static [&'static str] {
        match self {
            Self::Exchange | Self::Refresh => &["access_token", "openid"],
            Self::Auth | Self::CallbackAddresses => &[],
            Self::UserInfo | Self::Follower => &["openid"],
            Self::Token | Self::StableToken => &["access_token"],
            Self::CreateQr => &["ticket"],
        }
    }
}
