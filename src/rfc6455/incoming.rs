//! What a peer sends: bytes in, whole messages out.

use std::{cell::RefCell, future::poll_fn, io, str};

use actix_http::ws::{OpCode, Parser};
use actix_ws::{AggregatedMessage, CloseReason, ProtocolError};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use super::{
    guard::{Broken, Guard, Rules},
    line::Line,
};
use crate::clock::{Clock, Millis};

/// What is read at once, so that a peer which is slow to send whole frames makes us keep little more than one of them.
const READ: usize = 4_096;

thread_local! {
    /// Where every line of this thread is read into: an idle one has no buffer.
    static SCRATCH: RefCell<[u8; READ]> = const { RefCell::new([0; READ]) };
}

/// The incoming side of a line.
#[derive(Debug, Default)]
pub struct Incoming {
    guard: Guard,
    /// Frames not looked at yet, and the piece of one that is not whole: at most [`READ`] and a frame. Empty, without
    /// an allocation, while nothing comes.
    bytes: BytesMut,
    /// The message whose fragments are coming.
    message: Option<Box<Fragments>>,
    /// Whether the first frame of `bytes` has passed the guard.
    is_judged: bool,
    has_closed: bool,
    /// Set for good by the first broken rule.
    broken: Option<Broken>,
}

/// What there was to hear.
#[derive(Debug)]
pub enum Heard {
    /// A whole message, or the rule that was broken.
    Message(Result<AggregatedMessage, Broken>),
    /// Nothing yet.
    Nothing,
    /// Nothing more: the line is closed here, or lost.
    End,
}

/// A message in pieces, as far as it has come; the guard bounds it.
#[derive(Debug)]
struct Fragments {
    is_text: bool,
    bytes: Vec<u8>,
    /// How much of it is known to be UTF-8.
    valid: usize,
}

impl Incoming {
    /// What is there now: reads until there is a whole message, or nothing more.
    pub fn hear(&mut self, line: &Line, rules: &Rules, clock: &Clock) -> Heard {
        while line.is_open() {
            if let Some(message) = self.take(rules, clock.now()) {
                return Heard::Message(message);
            }
            match self.read(line) {
                None => return Heard::End,
                Some(0) => return Heard::Nothing,
                Some(_) => {}
            }
        }
        Heard::End
    }

    /// The next message, or the rule that was broken; `None` when the line is closed here or lost.
    pub async fn next(
        &mut self,
        line: &Line,
        rules: &Rules,
        clock: &Clock,
    ) -> Option<Result<AggregatedMessage, Broken>> {
        loop {
            match self.hear(line, rules, clock) {
                Heard::Message(message) => return Some(message),
                Heard::Nothing => poll_fn(|cx| line.poll_ready(cx)).await,
                Heard::End => return None,
            }
        }
    }

    /// Takes bytes in.
    pub fn put(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The next whole message of what has come.
    pub fn take(
        &mut self,
        rules: &Rules,
        now: Millis,
    ) -> Option<Result<AggregatedMessage, Broken>> {
        let taken = match self.broken {
            Some(broken) => Err(broken),
            None => self.parse(rules, now),
        };
        if let Err(broken) = taken {
            self.broken = Some(broken);
        }
        if self.bytes.is_empty() || self.broken.is_some() {
            self.bytes = BytesMut::new();
        }
        taken.transpose()
    }

    /// Whether the peer has sent its close frame.
    pub(super) const fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Whether no frame can be told from the next any more.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Reads once, and tells how much; `None` at the end of the connection.
    pub(super) fn read(&mut self, line: &Line) -> Option<usize> {
        SCRATCH.with_borrow_mut(|scratch| match line.try_read(scratch) {
            Ok(0) => None,
            Ok(count) => {
                self.put(&scratch[..count]);
                Some(count)
            }
            Err(error) => (error.kind() == io::ErrorKind::WouldBlock).then_some(0),
        })
    }

    fn parse(&mut self, rules: &Rules, now: Millis) -> Result<Option<AggregatedMessage>, Broken> {
        loop {
            self.is_judged = self.is_judged || self.guard.judge(&self.bytes, rules, now)?;
            if !self.is_judged {
                return Ok(None);
            }
            let frame = Parser::parse(&mut self.bytes, true, usize::MAX).map_err(rule)?;
            let Some((is_final, opcode, payload)) = frame else {
                return Ok(None);
            };
            self.is_judged = false;
            let payload = payload.unwrap_or_default().freeze();
            let message = match opcode {
                OpCode::Ping => Some(AggregatedMessage::Ping(payload)),
                OpCode::Pong => Some(AggregatedMessage::Pong(payload)),
                OpCode::Close => {
                    self.has_closed = true;
                    Some(AggregatedMessage::Close(close_reason(&payload)?))
                }
                _ => self.data(is_final, opcode, payload)?,
            };
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// A frame of data: a whole message, or a piece of one.
    fn data(
        &mut self,
        is_final: bool,
        opcode: OpCode,
        payload: Bytes,
    ) -> Result<Option<AggregatedMessage>, Broken> {
        let mut message = match (opcode, self.message.take()) {
            (OpCode::Text | OpCode::Binary, None) if is_final => {
                return whole(opcode == OpCode::Text, payload).map(Some);
            }
            (OpCode::Text | OpCode::Binary, None) => Box::new(Fragments {
                is_text: opcode == OpCode::Text,
                bytes: Vec::new(),
                valid: 0,
            }),
            (OpCode::Continue, Some(message)) => message,
            _ => return Err(Broken::Protocol),
        };
        message.push(&payload)?;
        if is_final {
            return whole(message.is_text, message.bytes.into()).map(Some);
        }
        self.message = Some(message);
        Ok(None)
    }
}

impl Fragments {
    /// Adds a piece; text that cannot become UTF-8 any more is told at once.
    fn push(&mut self, payload: &[u8]) -> Result<(), Broken> {
        self.bytes.extend_from_slice(payload);
        if !self.is_text {
            return Ok(());
        }
        match str::from_utf8(&self.bytes[self.valid..]) {
            Ok(_) => self.valid = self.bytes.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(Broken::NotUtf8),
        }
        Ok(())
    }
}

/// Code and text of a close frame; the parser does not tell text that is not UTF-8 from a wrong code.
fn close_reason(payload: &[u8]) -> Result<Option<CloseReason>, Broken> {
    let text = payload.get(2..).unwrap_or_default();
    str::from_utf8(text).map_err(|_invalid| Broken::NotUtf8)?;
    Parser::try_parse_close_payload(payload).map_err(rule)
}

/// What the parser finds is always the same rule: the others are looked at here.
fn rule(_: ProtocolError) -> Broken {
    Broken::Protocol
}

fn whole(is_text: bool, bytes: Bytes) -> Result<AggregatedMessage, Broken> {
    if !is_text {
        return Ok(AggregatedMessage::Binary(bytes));
    }
    let text = ByteString::try_from(bytes).map_err(|_invalid| Broken::NotUtf8)?;
    Ok(AggregatedMessage::Text(text))
}

#[cfg(test)]
mod tests;
