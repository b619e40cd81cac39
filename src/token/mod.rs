//! Token issuance, all of it.
//!
//! The only place that makes, signs, verifies or hashes an access token, a grant or a refresh token.

mod grant;
mod key_files;
mod keys;
mod pkce;
mod refresh;
mod session;

pub use self::{
    keys::{KeyError, Keys},
    pkce::{Challenge, Verifier},
    session::{Device, Session, SessionId, SessionStore},
};
