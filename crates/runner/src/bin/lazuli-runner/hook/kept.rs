//! What is kept of a stream: its head and its tail.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazuli_runner::frames::{Output, Printed};

/// The head and the tail of a stream.
#[derive(Debug)]
pub(super) struct Kept {
    /// Bytes at the head, and again at the tail.
    pub(super) limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Kept {
    /// Keeps as much at the head, and again at the tail.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            head: Vec::new(),
            tail: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Takes bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.limit - self.head.len();
        let (head, mut rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        if let Some(beyond) = rest.len().checked_sub(self.limit) {
            self.dropped += beyond as u64;
            rest = &rest[beyond..];
        }
        self.tail.extend(rest);
        if let Some(beyond) = self.tail.len().checked_sub(self.limit) {
            self.dropped += beyond as u64;
            self.tail.drain(..beyond);
        }
    }

    /// As it was, or base64 of what is no text; with a word about what was
    /// dropped.
    pub(super) fn into_printed(mut self) -> Printed {
        let mut bytes = self.head;
        if self.dropped > 0 {
            bytes.extend(format!("\n[{} bytes are left out]\n", self.dropped).into_bytes());
        }
        bytes.extend_from_slice(self.tail.make_contiguous());
        // Where it was cut, a character may have been cut too.
        let text = match self.dropped {
            0 => String::from_utf8(bytes),
            _ => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        };
        match text {
            Ok(text) if !text.contains('\0') => Printed {
                text,
                base64: false,
            },
            Ok(text) => encoded(text.as_bytes()),
            Err(error) => encoded(error.as_bytes()),
        }
    }

    /// As an outcome has it: texts, with replacements.
    pub(super) fn into_output(mut self) -> Output {
        // A character that begins in the head and goes on in the tail.
        if self.dropped == 0 && !self.tail.is_empty() {
            let cut = self.head.len() - unfinished(&self.head);
            for byte in self.head.drain(cut..).rev() {
                self.tail.push_front(byte);
            }
        }
        Output {
            head: String::from_utf8_lossy(&self.head).into_owned(),
            tail: String::from_utf8_lossy(self.tail.make_contiguous()).into_owned(),
            dropped: self.dropped,
        }
    }
}

fn encoded(bytes: &[u8]) -> Printed {
    Printed {
        text: BASE64.encode(bytes),
        base64: true,
    }
}

/// How many bytes at the end begin a character that they do not finish.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    let end = &bytes[bytes.len().saturating_sub(3)..];
    (1..=end.len())
        .find(|back| {
            let start = &end[end.len() - back..];
            start[0] >= 0xc0
                && std::str::from_utf8(start).is_err_and(|error| error.error_len().is_none())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(limit: usize, pieces: &[&[u8]]) -> (String, String, u64) {
        let mut kept = Kept::new(limit);
        for piece in pieces {
            kept.push(piece);
            assert!(kept.head.len() <= limit && kept.tail.len() <= limit);
        }
        let output = kept.into_output();
        (output.head, output.tail, output.dropped)
    }

    #[test]
    fn head_and_tail_are_kept() {
        let owned = |head: &str, tail: &str, dropped| (head.to_owned(), tail.to_owned(), dropped);
        assert_eq!(output(4, &[b"abc"]), owned("abc", "", 0));
        assert_eq!(output(4, &[b"abc", b"def"]), owned("abcd", "ef", 0));
        assert_eq!(output(4, &[b"abcdefghij"]), owned("abcd", "ghij", 2));
        assert_eq!(
            output(4, &[b"abcd", b"efgh", b"ij", b"k"]),
            owned("abcd", "hijk", 3)
        );
        assert_eq!(output(0, &[b"abc"]), owned("", "", 3));
        // A character across the border goes to the tail whole.
        assert_eq!(output(4, &["abcüd".as_bytes()]), owned("abc", "üd", 0));
        assert_eq!(output(4, &[b"a\xffb"]), owned("a\u{fffd}b", "", 0));
    }

    #[test]
    fn what_is_no_text_is_encoded() {
        let printed = |limit: usize, bytes: &[u8]| {
            let mut kept = Kept::new(limit);
            kept.push(bytes);
            let printed = kept.into_printed();
            (printed.text, printed.base64)
        };
        let plain = |text: &str| (text.to_owned(), false);
        assert_eq!(printed(9, "aüb\n".as_bytes()), plain("aüb\n"));
        assert_eq!(printed(9, b"\xff\xfe"), ("//4=".to_owned(), true));
        assert_eq!(printed(9, b"a\0"), ("YQA=".to_owned(), true));
        assert_eq!(
            printed(2, b"abcdef"),
            plain("ab\n[2 bytes are left out]\nef")
        );
    }
}
