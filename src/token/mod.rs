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
mod key_agreement;
mod key_dir;
mod key_files;
mod key_keeper;
mod key_source;
mod key_table;
mod keys;
mod pkce;
mod refresh;
mod ring;
mod rotation;
mod sealing;
mod session;
mod signing_key;

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod fakes;
#[cfg(test)]
pub(crate) mod key_conformance;
#[cfg(test)]
mod tests;

pub use self::{
    access::Caller,
    ending::Standing,
    error::TokenError,
    issuer::{Issued, Stamp, Tokens},
    key_agreement::{KeyAgreement, KeyStanding},
    key_keeper::KeyKeeper,
    key_source::KeySource,
    key_table::{KeyRecords, SealedKeys},
    keys::{KeyError, Keys},
    pkce::{Challenge, Verifier},
    ring::{KeyRotation, KeyState, KeyStatus},
    session::{
        Device, End, EndReason, LISTED, Rotation, Session, SessionId, SessionStore, SessionWatch,
    },
};
