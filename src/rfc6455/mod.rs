//! A WebSocket (RFC 6455) on the bare connection that an upgrade leaves: no buffer, channel or timer while it is idle.
//! It knows nothing of `scan.v1`.
//!
//! [`Line`] is the connection: whoever has news writes it there from any thread, without waiting. [`Incoming`] is what
//! comes in: a frame passes the guard before there is room for it, and actix's own parser makes it one. Whoever reads
//! reads to the end ([`Heard::End`]), and waits then for the close handshake with [`Line::part`].

mod guard;
mod incoming;
mod line;

pub use self::{
    guard::{Broken, Rules},
    incoming::{Heard, Incoming},
    line::{Line, Slow},
};
