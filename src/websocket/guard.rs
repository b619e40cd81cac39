//! Walks frame headers before anything is buffered.
//!
//! actix-ws checks a frame's size only once the whole frame is in memory, so a header that promises gigabytes
//! would be believed. This guard stands between the socket and that buffer and ends the stream at the first
//! header that breaks a rule (RFC 6455 section 5).

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{error::PayloadError, web::Bytes};
use futures_util::Stream;

use crate::{
    clock::{Clock, Millis},
    code::{Close, Code},
    protocol::MAX_INCOMING,
};

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// Reserved bits or opcodes, no mask, a control frame that is fragmented or over 125 bytes.
    Protocol,
    /// A frame, or a message of many, over [`MAX_INCOMING`].
    TooBig,
    /// More frames than `limits.frames_per_s` and `limits.frame_burst` allow.
    TooMany,
}

impl From<Violation> for Close {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Protocol => Self::Protocol,
            Violation::TooBig => Self::TooBig,
            Violation::TooMany => Self::Error(Code::RateLimited),
        }
    }
}

/// How many frames a socket may send: `burst` at once, then `per_s` (a leaky bucket by its theoretical arrival time).
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameBudget {
    interval: Millis,
    tolerance: Millis,
    next: Millis,
}

impl FrameBudget {
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        let interval = 1_000 / Millis::from(per_s.max(1));
        Self {
            interval,
            tolerance: interval * Millis::from(burst.saturating_sub(1)),
            next: 0,
        }
    }

    /// Takes one frame's place, or tells that there is none.
    fn take(&mut self, now: Millis) -> bool {
        let next = self.next.max(now);
        let fits = next - now <= self.tolerance;
        if fits {
            self.next = next + self.interval;
        }
        fits
    }
}

/// The pure part: bytes in, the first broken rule out. The cut of the bytes into chunks makes no difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameWalker {
    budget: FrameBudget,
    header: [u8; 14],
    have: usize,
    payload_left: u64,
    message: u64,
}

impl FrameWalker {
    pub(super) const fn new(budget: FrameBudget) -> Self {
        Self {
            budget,
            header: [0; 14],
            have: 0,
            payload_left: 0,
            message: 0,
        }
    }

    /// Walks over `bytes`.
    pub(super) fn walk(&mut self, mut bytes: &[u8], now: Millis) -> Result<(), Violation> {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.payload_left > 0 {
                let skip = usize::try_from(self.payload_left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.payload_left -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            self.header[self.have] = first;
            self.have += 1;
            bytes = rest;
            if self.have == self.header_length() {
                self.frame(now)?;
                self.have = 0;
            }
        }
        Ok(())
    }

    /// How long the header is, as far as can be told from what is there.
    const fn header_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        mask + match self.header[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        }
    }

    fn frame(&mut self, now: Millis) -> Result<(), Violation> {
        let [first, second, ..] = self.header;
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 || second & 0x80 == 0 || !matches!(opcode, 0..=2 | 8..=10) {
            return Err(Violation::Protocol);
        }
        if !self.budget.take(now) {
            return Err(Violation::TooMany);
        }
        let length = self.payload_length();
        if opcode >= 8 {
            if !is_final || length > 125 {
                return Err(Violation::Protocol);
            }
        } else {
            self.message = if opcode == 0 {
                self.message.saturating_add(length)
            } else {
                length
            };
            if self.message > MAX_INCOMING as u64 {
                return Err(Violation::TooBig);
            }
        }
        self.payload_left = length;
        Ok(())
    }

    fn payload_length(&self) -> u64 {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.header;
        match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        }
    }
}

/// The stream of a socket's bytes, cut off at the first violation, which it leaves in `verdict`.
pub(super) struct FrameGuard<S> {
    bytes: S,
    walker: FrameWalker,
    clock: Clock,
    verdict: Rc<Cell<Option<Violation>>>,
}

impl<S> FrameGuard<S> {
    pub(super) const fn new(
        bytes: S,
        budget: FrameBudget,
        clock: Clock,
        verdict: Rc<Cell<Option<Violation>>>,
    ) -> Self {
        Self {
            bytes,
            walker: FrameWalker::new(budget),
            clock,
            verdict,
        }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for FrameGuard<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.verdict.get().is_some() {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut self.bytes).poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            let now = self.clock.now();
            if let Err(violation) = self.walker.walk(chunk, now) {
                self.verdict.set(Some(violation));
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walker() -> FrameWalker {
        FrameWalker::new(FrameBudget::new(10, 40))
    }

    fn frame(opcode: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
        match u8::try_from(length) {
            Ok(short @ ..126) => bytes.push(0x80 | short),
            _ => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        bytes.extend(std::iter::repeat_n(b'x', length));
        bytes
    }

    #[test]
    fn a_lying_header_is_caught_before_its_payload() {
        let mut huge = vec![0x81, 0x80 | 127];
        huge.extend_from_slice(&u64::MAX.to_be_bytes());
        huge.extend_from_slice(&[0; 4]);
        assert_eq!(walker().walk(&huge, 0), Err(Violation::TooBig));
        assert_eq!(
            walker().walk(&frame(1, MAX_INCOMING + 1)[..8], 0),
            Err(Violation::TooBig)
        );
        assert_eq!(walker().walk(&frame(1, MAX_INCOMING), 0), Ok(()));
    }

    #[test]
    fn fragments_add_up() {
        let mut walker = walker();
        let mut first = frame(1, 4_000);
        first[0] = 0x01;
        assert_eq!(walker.walk(&first, 0), Ok(()));
        assert_eq!(
            walker.walk(&frame(9, 5), 0),
            Ok(()),
            "a ping between fragments"
        );
        assert_eq!(walker.walk(&frame(0, 97), 0), Err(Violation::TooBig));
    }

    #[test]
    fn broken_frames_are_refused() {
        let unmasked = [0x81, 0x01, b'x'];
        let reserved_bit = [0xc1, 0x80, 0, 0, 0, 0];
        let reserved_opcode = [0x83, 0x80, 0, 0, 0, 0];
        let fragmented_ping = [0x09, 0x80, 0, 0, 0, 0];
        for bytes in [
            &unmasked[..],
            &reserved_bit,
            &reserved_opcode,
            &fragmented_ping,
            &frame(9, 126),
        ] {
            assert_eq!(
                walker().walk(bytes, 0),
                Err(Violation::Protocol),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn empty_continuations_and_pings_use_up_the_budget() {
        let mut walker = walker();
        let empty = [0x00, 0x80, 0, 0, 0, 0];
        let sent = (0..100)
            .take_while(|_| walker.walk(&empty, 0).is_ok())
            .count();
        assert_eq!(sent, 40);
        assert!(
            walker.budget.take(1_000),
            "one second later there is room again"
        );
    }

    proptest! {
        #[test]
        fn cutting_the_bytes_makes_no_difference(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(1_usize..20, 1..40),
        ) {
            let whole = walker().walk(&bytes, 0);
            let mut walker = walker();
            let mut rest = &bytes[..];
            let mut cut = Ok(());
            for length in cuts.iter().cycle() {
                let (chunk, after) = rest.split_at((*length).min(rest.len()));
                cut = cut.and_then(|()| walker.walk(chunk, 0));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(whole, cut);
        }
    }
}
