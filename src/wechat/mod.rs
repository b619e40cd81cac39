//! The client of WeChat's servers: where a phone is sent to prove who holds it, and what WeChat says of it.
//!
//! | for | use |
//! |---|---|
//! | signing people in with one account, whichever kind | [`WeChat`] |
//! | the access token of a service account, shared by everybody who needs it | [`Authority`] |
//! | QR codes and followers of a service account | [`OfficialAccount`] |
//! | what WeChat pushes about it | [`message`] |
//!
//! All of them call through one [`Api`]. Every answer goes through the tolerant reading of `answer`, every
//! error code through the one table of [`reaction`]; what comes out is a value or a [`WeChatError`] that
//! knows its [`Code`](crate::code::Code) and shows no secret.

mod account;
mod answer;
mod api;
mod authority;
mod authorize;
mod breaker;
mod client;
mod endpoint;
mod error;
pub mod message;
mod official_account;
mod quota;
pub mod reaction;
mod user_info;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod vectors;

pub use self::{
    account::{Account, AccountKind},
    api::{Api, OnCall},
    authority::{AccessToken, Authority, Health},
    authorize::{Frame, Scope, showqrcode_url},
    breaker::BreakerState,
    client::WeChat,
    endpoint::Endpoint,
    error::{Fault, WeChatError},
    official_account::{Follower, OfficialAccount, QrTicket},
    reaction::Reaction,
    user_info::{Exchanged, UserInfo},
};
