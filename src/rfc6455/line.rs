//! The connection of one socket: written to from any thread, without waiting; read by its one task.

use std::{
    future::poll_fn,
    io,
    net::Shutdown,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_http::ws::{OpCode, Parser};
use actix_ws::CloseReason;
use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Rules, incoming::Incoming};
use crate::clock::Clock;

/// How long the peer may take to answer a close frame before our side of the connection is ended.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How much longer it is heard, so that what it sends does not reset a connection whose last words it has not read.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// What it may send in each of these times.
const LEAVE_BYTES: usize = 64 * 1_024;

/// The peer does not read: the line was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow;

/// One connection, from its upgrade to its end.
#[derive(Debug)]
pub struct Line {
    out: Mutex<Outgoing>,
}

/// The connection and its outgoing side.
#[derive(Debug)]
struct Outgoing {
    /// Nothing once its task has parted from it. Whoever waits for it is kept by it, and may keep it, too.
    io: Option<TcpStream>,
    phase: Phase,
    /// What the kernel had no room for: the rest of a frame, and the frames behind it. Nothing while the peer reads, and
    /// boxed, because most peers do.
    pending: Option<Box<BytesMut>>,
    max_pending: u32,
    /// Who waits for something to read, and must hear of an end, too.
    reader: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our close frame is written, or pending.
    Closing,
    /// Nothing is written any more.
    Cut,
}

impl Line {
    /// A line on a connection from another runtime; a peer may leave `max_pending` bytes unread beyond what the kernel
    /// takes.
    ///
    /// # Errors
    /// When this runtime cannot watch the connection.
    pub async fn open(io: std::net::TcpStream, max_pending: u32) -> io::Result<Self> {
        let io = TcpStream::from_std(io)?;
        // A new connection is not known to be writable yet, so that the first frame would seem to find no room.
        io.writable().await?;
        let out = Mutex::new(Outgoing {
            io: Some(io),
            phase: Phase::Open,
            pending: None,
            max_pending,
            reader: None,
        });
        Ok(Self { out })
    }

    /// Writes a message, or a control frame. Nothing happens once the line is closed.
    ///
    /// # Errors
    /// [`Slow`].
    pub fn send(&self, opcode: OpCode, payload: &[u8]) -> Result<(), Slow> {
        let mut out = self.lock();
        if out.phase != Phase::Open {
            return Ok(());
        }
        let mut bytes = out.take_pending();
        Parser::write_message(&mut bytes, payload, opcode, true, false);
        out.flush(bytes)
    }

    /// Writes a close frame; nothing goes out after it. Nothing happens once the line is closed.
    pub fn close(&self, reason: Option<CloseReason>) {
        let mut out = self.lock();
        if out.phase != Phase::Open {
            return;
        }
        let mut bytes = out.take_pending();
        Parser::write_close(&mut bytes, reason, false);
        out.phase = Phase::Closing;
        // A peer that does not read is cut off by the attempt.
        let _ = out.flush(bytes);
        out.wake();
    }

    /// The peer's part of the close handshake, and the end of the connection, once nothing more is to be heard. Bounded
    /// in time and in what the peer may still send; once the process is `stopping`, nobody is waited for.
    pub async fn part(
        &self,
        incoming: &mut Incoming,
        rules: &Rules,
        clock: &Clock,
        stopping: &CancellationToken,
    ) {
        let linger = self.linger(incoming, rules, clock);
        let _ = stopping.run_until_cancelled(linger).await;
        let mut out = self.lock();
        out.cut();
        // Closed here, because whoever is woken by it may hold it, and both would stay for ever. No other waker can be
        // put into its place instead: not while something is ready, and the end of a connection is ready for good.
        out.io = None;
    }

    async fn linger(&self, incoming: &mut Incoming, rules: &Rules, clock: &Clock) {
        // Behind broken frames no close frame can be found.
        if !incoming.is_broken() {
            let _ = timeout(ANSWER_WITHIN, self.hear_out(incoming, rules, clock)).await;
        }
        let leave = async {
            self.shut_down().await;
            self.hear_out(incoming, rules, clock).await;
        };
        let _ = timeout(LEAVE_WITHIN, leave).await;
    }

    /// Ready when there may be something to read, or the line is not open any more; the waker of the last call is woken
    /// then. Goes on with what is pending.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_ready_in(Phase::Open, cx)
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    /// Until the peer has sent its close frame, or ended its side.
    async fn hear_out(&self, incoming: &mut Incoming, rules: &Rules, clock: &Clock) {
        let phase = self.lock().phase;
        let mut left = LEAVE_BYTES;
        while !incoming.has_closed() && left > 0 && self.lock().phase == phase {
            match incoming.read(self) {
                None => return,
                Some(0) => poll_fn(|cx| self.poll_ready_in(phase, cx)).await,
                Some(count) => left = left.saturating_sub(count),
            }
            while incoming
                .take(rules, clock.now())
                .is_some_and(|taken| taken.is_ok())
            {}
        }
    }

    fn poll_ready_in(&self, phase: Phase, cx: &mut Context<'_>) -> Poll<()> {
        let mut out = self.lock();
        if out.phase == phase {
            let _ = out.poll_flush(cx);
        }
        // Of another phase somebody else writes the rest, and waits for it.
        if out.phase != phase {
            return Poll::Ready(());
        }
        let Some(io) = &out.io else {
            return Poll::Ready(());
        };
        let ready = io.poll_read_ready(cx);
        out.remember(cx.waker());
        if matches!(ready, Poll::Ready(Err(_))) {
            // The runtime stops.
            out.cut();
        }
        ready.map(drop)
    }

    /// Reads what is there.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.lock().io {
            Some(io) => io.try_read(buffer),
            None => Ok(0),
        }
    }

    /// Ends our side, once everything is written.
    async fn shut_down(&self) {
        poll_fn(|cx| self.lock().poll_flush(cx)).await;
        if let Some(io) = &self.lock().io {
            // A connection that is gone has nothing to end.
            let _ = SockRef::from(io).shutdown(Shutdown::Write);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outgoing {
    /// What goes before everything that is written next.
    fn take_pending(&mut self) -> BytesMut {
        self.pending
            .take()
            .map(|pending| *pending)
            .unwrap_or_default()
    }

    /// Writes what the kernel has room for, and leaves the rest to the task, if it is not too much.
    fn flush(&mut self, bytes: BytesMut) -> Result<(), Slow> {
        self.write(bytes);
        let pending = self.pending.as_ref().map_or(0, |pending| pending.len());
        if pending > self.max_pending as usize {
            self.cut();
        }
        if self.phase == Phase::Cut {
            return Err(Slow);
        }
        if pending > 0 {
            self.wake();
        }
        Ok(())
    }

    /// Goes on with what is pending, and returns when nothing is.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let (Some(io), Some(_)) = (&self.io, &self.pending) {
            match io.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {
                    let bytes = self.take_pending();
                    self.write(bytes);
                }
                Poll::Ready(Err(_)) => self.cut(),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    /// `bytes` are all that is to be written.
    fn write(&mut self, mut bytes: BytesMut) {
        while let (Some(io), false) = (&self.io, bytes.is_empty()) {
            match io.try_write(&bytes) {
                Ok(written) => bytes.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pending = Some(Box::new(bytes));
                    return;
                }
                Err(_) => return self.cut(),
            }
        }
    }

    /// Ends it without a word.
    fn cut(&mut self) {
        self.phase = Phase::Cut;
        self.pending = None;
        self.wake();
    }

    fn remember(&mut self, waker: &Waker) {
        match &mut self.reader {
            Some(reader) => reader.clone_from(waker),
            None => self.reader = Some(waker.clone()),
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests;
