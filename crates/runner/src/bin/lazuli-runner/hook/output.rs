//! What a hook prints: kept at its head and its tail, logged line by line,
//! both bounded, whatever it prints.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lazuli_runner::frames::{HookKind, Output, Printed};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::kept::{Kept, unfinished};
use crate::error::Error;
use crate::supervisor::Supervisor;
use crate::supervisor::logs::LINE_MAX;
use crate::supervisor::run::Run;

/// How long after a hook's end its output is waited for when something it
/// started holds the pipes.
const LINGER: Duration = Duration::from_millis(100);

/// The most pipes that are drained for daemons of ended hooks.
const LINGERING_MAX: usize = 64;

/// The most that is kept at the head and again at the tail, in bytes.
const KEPT_MAX: usize = 1 << 20;

/// The most that is kept of each of a task's streams, at the head and again at
/// the tail, in bytes.
const TASK_KEPT: usize = 512 << 10;

/// What was printed to each stream, by its level.
pub(super) type Streams = Vec<(&'static str, Printed)>;

/// Lines that may be logged at once.
const BURST: f64 = 2_000.0;

/// Lines that may be logged per second after that.
const RATE: f64 = 200.0;

/// A hook's output as it arrives.
#[derive(Debug)]
pub(super) struct Capture {
    inner: Mutex<Inner>,
    ended: Condvar,
}

#[derive(Debug)]
struct Inner {
    kept: Kept,
    /// Of a task: the streams apart, as [`Stream::level`] names them.
    apart: Vec<(&'static str, Kept)>,
    /// Whether lines go to the log.
    logged: bool,
    rate: Rate,
    /// Whether anything is still read.
    open: bool,
    /// Whether the hook is over: what comes now is thrown away.
    over: bool,
}

/// One of a hook's pipes.
#[derive(Debug)]
struct Stream {
    level: &'static str,
    pipe: File,
    lines: Lines,
}

impl Capture {
    /// Reads pipes, each with the level of its lines, until they end or the
    /// hook is over.
    pub(super) fn start(
        supervisor: &Arc<Supervisor>,
        run: &Arc<Run>,
        pipes: Vec<(&'static str, OwnedFd)>,
    ) -> Result<Arc<Self>, Error> {
        let limit = run.intent.request.limits.output_bytes.min(KEPT_MAX);
        let capture = Arc::new(Self {
            inner: Mutex::new(Inner {
                kept: Kept::new(limit),
                apart: match run.intent.request.context.task {
                    Some(_) => pipes
                        .iter()
                        .map(|(level, _)| (*level, Kept::new(TASK_KEPT)))
                        .collect(),
                    None => Vec::new(),
                },
                // Juju does not log what commands print.
                logged: run.intent.request.hook.kind != HookKind::Command,
                rate: Rate::new(Instant::now()),
                open: true,
                over: false,
            }),
            ended: Condvar::new(),
        });
        let streams = pipes
            .into_iter()
            .map(|(level, pipe)| Stream {
                level,
                pipe: pipe.into(),
                lines: Lines::default(),
            })
            .collect();
        {
            let (owned, run) = (Arc::clone(supervisor), Arc::clone(run));
            let reader = Arc::clone(&capture);
            supervisor
                .pool
                .spawn(move || reader.read(&owned, &run, streams))
                .map_err(Error::system("start a thread"))?;
        }
        Ok(capture)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all pipes in one thread, so that the order in which a hook
    /// prints to them is kept as far as it can be known.
    fn read(&self, supervisor: &Arc<Supervisor>, run: &Arc<Run>, mut streams: Vec<Stream>) {
        let request = &run.intent.request;
        let module = format!("unit.{}.{}", request.unit, request.hook.name);
        let mut buffer = vec![0; 16 << 10];
        while !streams.is_empty() {
            let mut index = 0;
            for ready in wait(&streams) {
                let Some(stream) = streams.get_mut(index) else {
                    break;
                };
                let count = if ready {
                    stream.pipe.read(&mut buffer).unwrap_or_default()
                } else {
                    index += 1;
                    continue;
                };
                if count == 0 {
                    let ended = streams.remove(index);
                    self.end_line(supervisor, run, &module, ended);
                } else if self.take(supervisor, run, &module, stream, &buffer[..count]) {
                    index += 1;
                } else {
                    // Too many daemons print: this one has to do without.
                    streams.clear();
                }
            }
        }
        let mut inner = self.inner();
        if inner.over {
            supervisor.lingering.fetch_sub(1, Ordering::AcqRel);
        }
        inner.open = false;
        self.ended.notify_all();
    }

    /// Takes bytes in; says whether to go on.
    fn take(
        &self,
        supervisor: &Arc<Supervisor>,
        run: &Arc<Run>,
        module: &str,
        stream: &mut Stream,
        bytes: &[u8],
    ) -> bool {
        let mut inner = self.inner();
        if inner.over {
            // On behalf of a daemon that still prints, so that it neither
            // blocks nor dies of it, as long as not too many do.
            return supervisor.lingering.load(Ordering::Acquire) <= LINGERING_MAX;
        }
        inner.kept.push(bytes);
        for (level, kept) in &mut inner.apart {
            if *level == stream.level {
                kept.push(bytes);
            }
        }
        if !inner.logged {
            return true;
        }
        let mut dropped = 0;
        stream.lines.push(bytes, |line| {
            if inner.rate.admits(Instant::now()) {
                supervisor.log(run, stream.level, module, &String::from_utf8_lossy(line));
            } else {
                dropped += 1;
            }
        });
        drop(inner);
        if dropped > 0 {
            run.logs().drop_lines(dropped);
            supervisor.announce(run);
        }
        true
    }

    /// Logs what a pipe ended with, when that is no whole line.
    fn end_line(&self, supervisor: &Arc<Supervisor>, run: &Arc<Run>, module: &str, stream: Stream) {
        let wanted = {
            let inner = self.inner();
            inner.logged && !inner.over
        };
        if wanted {
            stream.lines.finish(|line| {
                supervisor.log(run, stream.level, module, &String::from_utf8_lossy(line));
            });
        }
    }

    /// Ends the capture after the hook's process ended: what is in the pipes
    /// is still read, but nobody is waited for who only holds them.
    pub(super) fn finish(&self, supervisor: &Supervisor) -> (Output, Streams) {
        let (mut inner, _) = self
            .ended
            .wait_timeout_while(self.inner(), LINGER, |inner| inner.open)
            .unwrap_or_else(PoisonError::into_inner);
        inner.over = true;
        if inner.open {
            // The reader goes on, and keeps the supervisor alive: a daemon
            // must not die of printing because nothing else is to be done.
            supervisor.lingering.fetch_add(1, Ordering::AcqRel);
        }
        let limit = inner.kept.limit;
        let apart = std::mem::take(&mut inner.apart);
        let output = std::mem::replace(&mut inner.kept, Kept::new(limit)).into_output();
        drop(inner);
        let apart = apart.into_iter();
        let streams = apart.map(|(level, kept)| (level, kept.into_printed()));
        (output, streams.collect())
    }
}

/// Waits until pipes can be read; says which. All, when waiting fails: reading
/// then blocks, or says what is wrong.
fn wait(streams: &[Stream]) -> Vec<bool> {
    let mut pipes: Vec<PollFd<'_>> = streams
        .iter()
        .map(|stream| PollFd::new(stream.pipe.as_fd(), PollFlags::POLLIN))
        .collect();
    loop {
        match poll(&mut pipes, PollTimeout::NONE) {
            Err(nix::Error::EINTR) => {}
            Err(_) => return vec![true; pipes.len()],
            Ok(_) => return pipes.iter().map(|pipe| pipe.any() != Some(false)).collect(),
        }
    }
}

/// Cuts a stream into lines of at most [`LINE_MAX`] bytes.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            self.partial.extend_from_slice(text);
            while self.partial.len() > LINE_MAX {
                let cut = LINE_MAX - unfinished(&self.partial[..LINE_MAX]);
                line(&self.partial[..cut]);
                self.partial.drain(..cut);
            }
            if ends {
                line(&self.partial);
                self.partial.clear();
            }
        }
    }

    fn finish(self, mut line: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            line(&self.partial);
        }
    }
}

/// A bucket of lines.
#[derive(Debug)]
struct Rate {
    left: f64,
    at: Instant,
}

impl Rate {
    fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            at: now,
        }
    }

    fn admits(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = passed.mul_add(RATE, self.left).min(BURST);
        let admitted = self.left >= 1.0;
        if admitted {
            self.left -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::default();
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        for piece in pieces {
            lines.push(piece, |line| found.push(text(line)));
        }
        lines.finish(|line| found.push(text(line)));
        found
    }

    #[test]
    fn lines_are_cut() {
        assert_eq!(lines(&[b"a\nb", b"c\n\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&[b""]), [""; 0]);
        let endless = "ü".repeat(LINE_MAX);
        let found = lines(&[b"x", endless.as_bytes()]);
        assert_eq!(found.concat(), format!("x{endless}"));
        assert!(found.iter().all(|line| line.len() <= LINE_MAX));
    }

    #[test]
    fn the_rate_is_bounded() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let admitted = |rate: &mut Rate, now| (0..10_000).filter(|_| rate.admits(now)).count();
        assert_eq!(admitted(&mut rate, start), 2_000);
        assert_eq!(admitted(&mut rate, start + Duration::from_secs(1)), 200);
        assert_eq!(
            admitted(&mut rate, start + Duration::from_secs(3_600)),
            2_000
        );
    }
}
