//! Token issuance, all of it.
//!
//! The only place that makes, signs, verifies or hashes an access token, a grant or a refresh token.
//! [`Tokens`] is the way in: a [`Stamp`] is settled when a grant is redeemed, `open_session` turns it into
//! tokens, `refresh` rotates them.

mod access;
mod ending;
mod error;
mod grant;
mod issuer;
mod key_files;
mod keys;
mod pkce;
mod refresh;
mod rotation;
mod session;

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod fakes;
#[cfg(test)]
mod tests;

pub use self::{
    access::Caller,
    ending::Standing,
    error::TokenError,
    issuer::{Issued, Stamp, Tokens},
    keys::{KeyError, Keys},
    pkce::{Challenge, Verifier},
    session::{
        Device, End, EndReason, LISTED, Rotation, Session, SessionId, SessionStore, SessionWatch,
    },
};
