//! What each error code of WeChat means for a login: one table, read by everything.
//!
//! Source: WeChat's code lists for each endpoint. The text of an error (`errmsg`) changes without notice and
//! is never compared.

/// What can be called at `api.weixin.qq.com`, as far as the meaning of an error code depends on it.
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
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Exchange,
        Self::Refresh,
        Self::Auth,
        Self::UserInfo,
        Self::Token,
        Self::StableToken,
        Self::CreateQr,
        Self::Follower,
    ];

    /// The path below the API's base; also its name in logs and metrics.
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
        }
    }

    /// The fields without which an answer is no success.
    pub(super) const fn promised(self) -> &'static [&'static str] {
        match self {
            Self::Exchange | Self::Refresh => &["access_token", "openid"],
            Self::Auth => &[],
            Self::UserInfo | Self::Follower => &["openid"],
            Self::Token | Self::StableToken => &["access_token"],
            Self::CreateQr => &["ticket"],
        }
    }
}

/// What to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// It is a success.
    Ok,
    /// The same call may succeed soon. For a code exchange that means: the person tries again with a new code.
    Retry,
    /// The account's token is stale: fetch it once, then repeat the call once.
    RefreshRetry,
    /// This login ends, for a reason that lies with the person or the moment.
    FailLogin,
    /// This login ends, and an operator has to do something.
    Alert,
}

impl Reaction {
    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retry => "retry",
            Self::RefreshRetry => "refresh_retry",
            Self::FailLogin => "fail_login",
            Self::Alert => "alert",
        }
    }
}

/// One line of the table.
struct Row {
    errcodes: &'static [i64],
    at: At,
    reaction: Reaction,
    advice: &'static str,
}

/// Where a line holds.
#[derive(Clone, Copy)]
enum At {
    Anywhere,
    /// `sns/*` with a person's token.
    Person,
    UserInfo,
    /// Where the account's token is fetched.
    Token,
    /// Calls that carry the account's token.
    Account,
}

impl At {
    const fn covers(self, endpoint: Endpoint) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Person => matches!(
                endpoint,
                Endpoint::Refresh | Endpoint::Auth | Endpoint::UserInfo
            ),
            Self::UserInfo => matches!(endpoint, Endpoint::UserInfo),
            Self::Token => matches!(endpoint, Endpoint::Token | Endpoint::StableToken),
            Self::Account => matches!(endpoint, Endpoint::CreateQr | Endpoint::Follower),
        }
    }
}

macro_rules! table {
    ($($reaction:ident $at:ident [$($errcode:literal)+] $advice:literal;)+) => {
        &[$(Row { errcodes: &[$($errcode),+], at: At::$at, reaction: Reaction::$reaction, advice: $advice }),+]
    };
}

/// The first line that fits holds.
#[rustfmt::skip]
static TABLE: &[Row] = table! {
    Ok           Anywhere [0]     "All is well.";
    Retry        Anywhere [-1]    "WeChat is busy; it passes by itself.";
    Retry        Anywhere [45011] "The quota of this minute is used up; it passes with the minute.";

    RefreshRetry Account  [40001 40014 42001] "The account's access token is stale. Does another service fetch it too?";
    FailLogin    Person   [40001 40014 42001] "WeChat no longer accepts the person's token.";
    Alert        Token    [40001] "The AppSecret is wrong: compare wechat.official_account.app_secret with WeChat's console.";
    Alert        Anywhere [40001] "WeChat refuses the credentials: compare app_id and app_secret with WeChat's console.";

    FailLogin    Anywhere [40003] "The openid belongs to another account, or its person has left.";
    FailLogin    Anywhere [40029] "The code is unknown, too old, or of another account.";
    FailLogin    Anywhere [40163] "The code was used before.";
    FailLogin    Anywhere [42003] "The code is too old.";
    FailLogin    Anywhere [41008] "The phone came back without a code.";
    FailLogin    Anywhere [40030 42002] "The person has to sign in again: the refresh token is over.";
    FailLogin    Anywhere [42007] "The person changed the password of WeChat, which ended every token.";
    FailLogin    Anywhere [40226] "WeChat holds this person to be a risk.";
    FailLogin    Anywhere [43004 50005] "The person does not follow the account.";
    FailLogin    Anywhere [46004] "There is no such person.";
    FailLogin    Anywhere [49003] "The openid does not belong to this account.";
    FailLogin    Anywhere [50001] "The person did not allow this.";
    FailLogin    Anywhere [50002] "WeChat has restricted this person or account.";
    FailLogin    UserInfo [48001] "The person gave the openid only (snsapi_base), or WeChat showed a snapshot page.";

    Alert        Anywhere [40013 41002] "The AppID is wrong or missing: compare app_id with WeChat's console.";
    Alert        Anywhere [40125 41004] "The AppSecret is wrong or missing: compare app_secret with WeChat's console; it changes when somebody resets it there.";
    Alert        Anywhere [40243] "The AppSecret is frozen: thaw it in WeChat's console; that takes about ten minutes.";
    Alert        Anywhere [40164 61004] "This server's address is not on the account's IP allow-list: add it in WeChat's console.";
    Alert        Anywhere [89503] "An administrator of the account has to confirm this server's address on their phone.";
    Alert        Anywhere [89506 89507] "An administrator of the account refused this server's address; WeChat takes no new try for an hour (89507) or a day (89506).";
    Alert        Anywhere [45009] "The quota of the day is used up: it comes back at midnight (Beijing), or clear it in WeChat's console (ten times a month).";
    Alert        Anywhere [48001] "The account may not use this interface: it has to be a verified service account with that permission.";
    Alert        Anywhere [48004 50004 50007] "WeChat has blocked this interface or the account: look for its notice in the console.";
    Alert        Anywhere [61007] "The account has not granted this to the third-party platform.";
    Alert        Anywhere [41030] "The page of the mini program does not exist or is not published.";
    Alert        Anywhere [40169 40129] "The scene of the mini-program code is too long or has forbidden characters; this is a bug of scangate.";
    Alert        Anywhere [40002 40033 40035 40052 40053 40066 40097 41001 41003 41009 43001 43002 43003 44002 47001]
        "WeChat does not understand the request; this is a bug of scangate, please report it with the errcode.";
};

/// What is done about codes that no line knows: they are never repeated.
static UNKNOWN: &Row = &Row {
    errcodes: &[],
    at: At::Anywhere,
    reaction: Reaction::Alert,
    advice: "scangate does not know this errcode: look it up in WeChat's documentation, or ask WeChat with the rid (it is kept for seven days).",
};

/// What `errcode` from `endpoint` asks for.
pub fn reaction(endpoint: Endpoint, errcode: i64) -> Reaction {
    row(endpoint, errcode).reaction
}

/// A sentence for the operator about `errcode` from `endpoint`.
pub fn advice(endpoint: Endpoint, errcode: i64) -> &'static str {
    row(endpoint, errcode).advice
}

fn row(endpoint: Endpoint, errcode: i64) -> &'static Row {
    TABLE
        .iter()
        .find(|row| row.errcodes.contains(&errcode) && row.at.covers(endpoint))
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_what_its_endpoint_makes_of_it() {
        use Endpoint::{Auth, CreateQr, Exchange, StableToken, UserInfo};
        for (endpoint, errcode, expected) in [
            (CreateQr, 40001, Reaction::RefreshRetry),
            (StableToken, 40001, Reaction::Alert),
            (UserInfo, 40001, Reaction::FailLogin),
            (Auth, 40001, Reaction::FailLogin),
            (Exchange, 40001, Reaction::Alert),
            (CreateQr, 42001, Reaction::RefreshRetry),
            (UserInfo, 40014, Reaction::FailLogin),
            (UserInfo, 48001, Reaction::FailLogin),
            (Exchange, 48001, Reaction::Alert),
            (Exchange, 40163, Reaction::FailLogin),
            (Exchange, -1, Reaction::Retry),
            (Exchange, 123_456, Reaction::Alert),
        ] {
            assert_eq!(
                reaction(endpoint, errcode),
                expected,
                "{errcode} at {}",
                endpoint.path()
            );
        }
    }

    #[test]
    fn every_line_can_be_reached_and_says_something() {
        for row in TABLE {
            assert!(row.advice.ends_with('.') || row.advice.ends_with('?'));
            for errcode in row.errcodes {
                let reached = Endpoint::ALL
                    .into_iter()
                    .any(|endpoint| std::ptr::eq(super::row(endpoint, *errcode), row));
                assert!(reached, "{errcode} is hidden by an earlier line");
            }
        }
    }
}
