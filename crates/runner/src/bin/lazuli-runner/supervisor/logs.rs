//! Log lines that wait for a connection: bounded, with a count of what was
//! dropped.

use std::collections::VecDeque;

use lazuli_runner::frames::LogLine;

/// The most lines that wait, per run.
const LINES_MAX: usize = 2_000;

/// The most bytes of lines that wait, per run.
const BYTES_MAX: usize = 1 << 20;

/// The most lines in one frame.
const BATCH: usize = 256;

/// The longest line, in bytes.
pub(crate) const LINE_MAX: usize = 4096;

/// The newest lines of a run.
#[derive(Debug, Default)]
pub(crate) struct LogRing {
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
    /// Whether a connection knows that there is something to take.
    pub(crate) announced: bool,
}

impl LogRing {
    /// Adds a line; the oldest go when there are too many.
    pub(crate) fn push(&mut self, line: LogLine) {
        self.bytes += size(&line);
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= size(&oldest);
            self.dropped += 1;
        }
    }

    /// Counts lines that were not even added.
    pub(crate) fn drop_lines(&mut self, count: u64) {
        self.dropped += count;
    }

    /// Takes the next lines and the count of those dropped since; none when
    /// there is nothing to tell.
    pub(crate) fn take(&mut self) -> Option<(Vec<LogLine>, u64)> {
        let count = self.lines.len().min(BATCH);
        if count == 0 && self.dropped == 0 {
            return None;
        }
        let lines: Vec<LogLine> = self.lines.drain(..count).collect();
        self.bytes -= lines.iter().map(size).sum::<usize>();
        Some((lines, std::mem::take(&mut self.dropped)))
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }
}

fn size(line: &LogLine) -> usize {
    line.message.len() + line.module.len() + 64
}

/// A text in pieces of at most [`LINE_MAX`] bytes; one empty piece for an
/// empty text.
pub(crate) fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > LINE_MAX {
        let (piece, rest) = text.split_at(text.floor_char_boundary(LINE_MAX));
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine {
            at_ms: 0,
            level: "INFO".into(),
            module: "unit.a/0.juju-log".into(),
            message: message.into(),
        }
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let mut ring = LogRing::default();
        for n in 0..LINES_MAX + 10 {
            ring.push(line(&n.to_string()));
        }
        let (lines, dropped) = ring.take().unwrap();
        assert_eq!((lines.len(), dropped), (BATCH, 10));
        assert_eq!(lines[0].message, "10");
        let mut rest = 0;
        while let Some((lines, dropped)) = ring.take() {
            rest += lines.len();
            assert_eq!(dropped, 0);
        }
        assert_eq!(rest, LINES_MAX - BATCH);
        assert!(ring.is_empty() && ring.bytes == 0);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut ring = LogRing::default();
        for _ in 0..1000 {
            ring.push(line(&"x".repeat(LINE_MAX)));
        }
        assert!(ring.bytes <= BYTES_MAX && !ring.lines.is_empty());
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "ü".repeat(LINE_MAX);
        let pieces = pieces(&text);
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|piece| piece.len() <= LINE_MAX));
        assert_eq!(pieces.concat(), text);
    }
}
