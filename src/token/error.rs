//! What can go wrong with a token.

use super::session::EndReason;
use crate::{cluster::StoreError, code::Code};

/// Why there is no token, or why one is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The session of this grant cannot be given (again).
    #[error("the grant gives nothing any more")]
    BadGrant,
    /// Nothing valid was shown, or the session has run out.
    #[error("nothing valid was shown")]
    Unauthenticated,
    /// An access token past its end; refreshing helps.
    #[error("the access token has expired")]
    TokenExpired,
    /// The session was ended, maybe just now because an old refresh token was shown.
    #[error("the session was ended: {}", .0.name())]
    SessionRevoked(EndReason),
    /// A store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug or a broken machine; the text is for the log.
    #[error("token: {0}")]
    Internal(String),
}

impl TokenError {
    /// What the outside is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::BadGrant => Code::BadGrant,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::TokenExpired => Code::TokenExpired,
            Self::SessionRevoked(_) => Code::SessionRevoked,
            Self::Store(_) => Code::Overloaded,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// Why the session was ended, where that is what is wrong.
    pub const fn end_reason(&self) -> Option<EndReason> {
        match self {
            Self::SessionRevoked(why) => Some(*why),
            _ => None,
        }
    }
}
