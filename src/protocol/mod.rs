//! `scan.v1` on the wire: what browsers say and what they are told.

mod command;
mod event;

pub use self::{
    command::{Attach, BadCommand, Command, Resume, Start, Verify},
    event::{Control, Encoded, ErrorBody, Head, Person, Qr, StateEvent},
};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "scan.v1";
/// `v` of `hello`.
pub const VERSION: u32 = 1;
/// How often the gateway pings.
pub const PING_INTERVAL_MS: u64 = 25_000;
/// How long a pinged browser may stay silent.
pub const PONG_WITHIN_MS: u64 = 10_000;
/// How long a socket may wait with its first command.
pub const FIRST_COMMAND_WITHIN_MS: u64 = 5_000;
/// The largest frame or message from a browser.
pub const MAX_INCOMING: u32 = 4_096;
/// The largest event to a browser.
pub const MAX_OUTGOING: u32 = 16 * 1_024;
