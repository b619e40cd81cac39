//! Judges a frame by its header, before there is room for the rest.
//!
//! actix's parser checks a frame's size only once the whole frame is in memory, so a header that promises gigabytes
//! would be believed. What comes from a peer ends here at the first header that breaks a rule (RFC 6455 section 5).

use crate::clock::Millis;

/// What a peer may send.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The largest message, in one frame or in many.
    pub max_message: u32,
    /// Frames in a second, in the long run.
    pub frames_per_s: u32,
    /// Frames at once.
    pub frame_burst: u32,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Reserved bits or opcodes, no mask, a control frame that is fragmented or over 125 bytes, fragments in disorder.
    Protocol,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message over [`Rules::max_message`].
    TooBig,
    /// More frames than [`Rules`] allow.
    TooMany,
}

/// What is remembered of the frames before.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// When the next frame is due, if they come one by one (a leaky bucket by its theoretical arrival time).
    next: Millis,
    /// The length of the message so far.
    message: u32,
}

impl Guard {
    /// Judges the frame that begins with these bytes; `false` when its header has not come yet.
    pub(super) fn judge(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
        now: Millis,
    ) -> Result<bool, Broken> {
        let [first, second, ..] = *bytes else {
            return Ok(false);
        };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 || second & 0x80 == 0 || !matches!(opcode, 0..=2 | 8..=10) {
            return Err(Broken::Protocol);
        }
        let Some(length) = payload_length(bytes) else {
            return Ok(false);
        };
        if !self.is_due(rules, now) {
            return Err(Broken::TooMany);
        }
        if opcode >= 8 {
            return (is_final && length <= 125)
                .then_some(true)
                .ok_or(Broken::Protocol);
        }
        let before = if opcode == 0 { self.message } else { 0 };
        let message = u64::from(before).saturating_add(length);
        let fits = u32::try_from(message).ok();
        self.message = fits
            .filter(|message| *message <= rules.max_message)
            .ok_or(Broken::TooBig)?;
        Ok(true)
    }

    /// Takes one frame's place, or tells that there is none.
    fn is_due(&mut self, rules: &Rules, now: Millis) -> bool {
        let interval = 1_000 / Millis::from(rules.frames_per_s.max(1));
        let tolerance = interval * Millis::from(rules.frame_burst.saturating_sub(1));
        let next = self.next.max(now);
        let fits = next - now <= tolerance;
        if fits {
            self.next = next + interval;
        }
        fits
    }
}

/// The length that a header promises, once it is there.
fn payload_length(bytes: &[u8]) -> Option<u64> {
    match bytes.get(1)? & 0x7f {
        126 => Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into()),
        127 => Some(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => Some(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u16 = 4_096;
    const RULES: Rules = Rules {
        max_message: MAX as u32,
        frames_per_s: 10,
        frame_burst: 40,
    };

    fn judge(guard: &mut Guard, bytes: &[u8]) -> Result<bool, Broken> {
        guard.judge(bytes, &RULES, 0)
    }

    fn header(first: u8, length: u16) -> Vec<u8> {
        let mut bytes = vec![first, 0x80 | 126];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn a_lying_header_is_caught_before_its_payload() {
        for promise in [4_097, u64::from(u32::MAX) + 1, u64::MAX >> 1, u64::MAX] {
            let mut huge = vec![0x81, 0x80 | 127];
            huge.extend_from_slice(&promise.to_be_bytes());
            let mut guard = Guard::default();
            assert_eq!(judge(&mut guard, &huge[..9]), Ok(false));
            assert_eq!(judge(&mut guard, &huge), Err(Broken::TooBig), "{promise}");
        }
        let mut guard = Guard::default();
        let over = judge(&mut guard, &header(0x82, MAX + 1));
        assert_eq!(over, Err(Broken::TooBig));
        assert_eq!(judge(&mut guard, &header(0x81, MAX)), Ok(true));
    }

    #[test]
    fn fragments_add_up() {
        let mut guard = Guard::default();
        assert_eq!(judge(&mut guard, &header(0x01, 4_000)), Ok(true));
        let between = [0x89, 0x80 | 5];
        assert_eq!(judge(&mut guard, &between), Ok(true), "a ping");
        assert_eq!(judge(&mut guard, &header(0x00, 97)), Err(Broken::TooBig));
        assert_eq!(judge(&mut guard, &header(0x00, 96)), Ok(true));
    }

    #[test]
    fn broken_frames_are_refused() {
        let unmasked = [0x81, 0x01];
        let reserved_bit = [0xc1, 0x80];
        let reserved_opcode = [0x83, 0x80];
        let fragmented_ping = [0x09, 0x80];
        let long_ping = header(0x89, 126);
        for bytes in [
            &unmasked[..],
            &reserved_bit,
            &reserved_opcode,
            &fragmented_ping,
            &long_ping,
        ] {
            let judged = judge(&mut Guard::default(), bytes);
            assert_eq!(judged, Err(Broken::Protocol), "{bytes:?}");
        }
    }

    #[test]
    fn empty_continuations_and_pings_use_up_the_budget() {
        for empty in [[0x00, 0x80], [0x89, 0x80]] {
            let mut guard = Guard::default();
            let sent = (0..100).take_while(|_| judge(&mut guard, &empty).is_ok());
            assert_eq!(sent.count(), 40);
            let later = guard.judge(&empty, &RULES, 1_000);
            assert_eq!(later, Ok(true), "one second later there is room again");
        }
    }
}
