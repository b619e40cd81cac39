//! Token issuance, all of it.

mod session;

pub use self::session::{Device, Session, SessionId, SessionStore};
