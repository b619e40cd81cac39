//! What each error code of WeChat means for a login: one table, read by everything.
//!
//! Source: WeChat's code lists for each endpoint. The text of an error (`errmsg`) changes without notice and
//! is never compared.

mod table;

use self::table::{PAGE_ERRORS, Row, TABLE, UNKNOWN, Whose};
use super::{account::AccountKind, endpoint::Endpoint};
use crate::code::Locale;

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

/// What `errcode` from `endpoint` asks for.
pub fn reaction(endpoint: Endpoint, errcode: i64) -> Reaction {
    row(endpoint, errcode).reaction
}

/// Whether `errcode` from `endpoint` blames the account or its settings, and nothing that a phone could have sent.
pub(super) fn is_ours(endpoint: Endpoint, errcode: i64) -> bool {
    row(endpoint, errcode).whose == Whose::Ours
}

/// A sentence for the operator about `errcode` from `endpoint`; where credentials are at fault it names the
/// section of the configuration that holds those of `account`.
pub fn advice(account: AccountKind, endpoint: Endpoint, errcode: i64, locale: Locale) -> String {
    row(endpoint, errcode)
        .advice
        .in_locale(locale)
        .replace("{section}", account.section())
}

/// A sentence for the operator about an error that WeChat shows on the phone's screen (10003 and the like);
/// no API ever answers with one. `None` for codes that are not known.
pub fn page_error(code: i64, locale: Locale) -> Option<&'static str> {
    PAGE_ERRORS
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, advice)| advice.in_locale(locale))
}

fn row(endpoint: Endpoint, errcode: i64) -> &'static Row {
    TABLE
        .iter()
        .find(|row| row.errcodes.contains(&errcode) && row.at.covers(endpoint))
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests;
