//! As much of RESP3 as it takes to lose what Redis publishes and nothing else.

/// Passes a stream of answers on, without the messages of subscriptions.
#[derive(Default)]
pub(crate) struct Quiet {
    /// The beginning of a frame whose end has not come.
    held: Vec<u8>,
}

impl Quiet {
    /// The whole frames that pass, with this chunk.
    pub(crate) fn filter(&mut self, chunk: &[u8], is_quiet: bool) -> Vec<u8> {
        self.held.extend_from_slice(chunk);
        let (mut passes, mut at) = (Vec::new(), 0);
        while let Some(length) = frame(&self.held[at..]) {
            let whole = &self.held[at..at + length];
            if !(is_quiet && whole.starts_with(b">3\r\n$7\r\nmessage\r\n")) {
                passes.extend_from_slice(whole);
            }
            at += length;
        }
        self.held.drain(..at);
        passes
    }
}

/// The length of the frame that begins here, once all of it is there.
fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let number = || {
        let text = std::str::from_utf8(&bytes[1..line - 2]).ok()?;
        text.parse::<i64>().ok()
    };
    match bytes[0] {
        // Blobs: the line says how long they are.
        b'$' | b'=' | b'!' => {
            let length = usize::try_from(number()?).map_or(line, |length| line + length + 2);
            (bytes.len() >= length).then_some(length)
        }
        // Collections: the line says how many follow; a map has two for each.
        kind @ (b'*' | b'>' | b'~' | b'%') => {
            let each = if kind == b'%' { 2 } else { 1 };
            let count = usize::try_from(number()?).unwrap_or_default() * each;
            (0..count).try_fold(line, |at, _| Some(at + frame(&bytes[at..])?))
        }
        _ => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b">3\r\n$7\r\nmessage\r\n$4\r\nnode\r\n$5\r\na\r\nbc\r\n";
    const ANSWER: &[u8] = b"*2\r\n%1\r\n+a\r\n:1\r\n$-1\r\n";

    #[test]
    fn messages_go_and_answers_pass_wherever_chunks_end() {
        let stream = [ANSWER, MESSAGE, b"+OK\r\n", MESSAGE, ANSWER].concat();
        let expected = [ANSWER, b"+OK\r\n", ANSWER].concat();
        for size in 1..=stream.len() {
            let mut quiet = Quiet::default();
            let passed: Vec<_> = stream
                .chunks(size)
                .flat_map(|chunk| quiet.filter(chunk, true))
                .collect();
            assert_eq!(passed, expected, "chunks of {size}");
        }
    }

    #[test]
    fn nothing_goes_while_it_is_not_quiet() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.filter(&MESSAGE[..9], false), b"");
        assert_eq!(quiet.filter(&MESSAGE[9..], false), MESSAGE);
    }
}
