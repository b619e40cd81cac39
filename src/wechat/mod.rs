//! The client of WeChat's servers: where a phone is sent to prove who holds it, and what WeChat says of it.
//!
//! [`WeChat`] is the one thing to use. Every answer goes through the tolerant reading of `answer`, every
//! error code through the one table of [`reaction`]; what comes out is a value or a [`WeChatError`] that
//! knows its [`Code`](crate::code::Code) and shows no secret.

mod answer;
mod authorize;
mod client;
mod error;
pub mod reaction;
mod user_info;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod vectors;

pub use self::{
    authorize::{Frame, Scope, showqrcode_url},
    client::WeChat,
    error::{Fault, WeChatError},
    reaction::{Endpoint, Reaction},
    user_info::{Exchanged, UserInfo},
};
