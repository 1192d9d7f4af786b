//! A reader that gives up after so many bytes, while it is told to.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// How much may still be read.
#[derive(Clone, Debug)]
pub(super) struct Bound(Rc<Cell<u64>>);

impl Bound {
    /// From now on anything may be read.
    pub(super) fn lift(&self) {
        self.0.set(u64::MAX);
    }

    /// Whether it was reached.
    pub(super) fn is_reached(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader with a bound.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    reader: R,
    bound: Bound,
}

impl<R> Bounded<R> {
    /// Reads at most so many bytes.
    pub(super) fn new(reader: R, bytes: u64) -> (Self, Bound) {
        let bound = Bound(Rc::new(Cell::new(bytes)));
        let reader = Self {
            reader,
            bound: bound.clone(),
        };
        (reader, bound)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let left = self.bound.0.get();
        if left != u64::MAX {
            let left = left.saturating_sub(count as u64);
            self.bound.0.set(left);
            if left == 0 {
                return Err(io::Error::other("more than may be read"));
            }
        }
        Ok(count)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}
