//! A connection to a host: what waits to be sent, and the thread that sends.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_runner::frames::{FrameError, Report, encode};

use super::run::Run;

/// The most reports that wait. A host that reads so little is cut off; it
/// learns everything again when it attaches.
const WAITING_MAX: usize = 20_000;

/// How long the news that a hook has started waits for more: of a short hook
/// it goes with the outcome.
const STARTED_WAITS: Duration = Duration::from_millis(20);

/// Bytes after which what is gathered is sent.
const AT_ONCE: usize = 64 << 10;

/// The sending half of an attached connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    outbox: Mutex<Outbox>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Outbox {
    items: VecDeque<Item>,
    closed: bool,
}

#[derive(Debug)]
enum Item {
    Report(Box<Report>),
    Logs(Arc<Run>),
}

impl Item {
    fn can_wait(&self) -> bool {
        matches!(self, Self::Report(report) if matches!(**report, Report::Started { .. }))
    }
}

impl Connection {
    /// A connection whose outbox waits for [`Connection::send_all`].
    pub(crate) fn new(stream: UnixStream) -> Arc<Self> {
        Arc::new(Self {
            stream,
            outbox: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a report.
    pub(crate) fn report(&self, report: Report) {
        self.push(Item::Report(Box::new(report)));
    }

    /// Queues a run's log lines, unless they are queued.
    pub(crate) fn announce(&self, run: &Arc<Run>) {
        let mut logs = run.logs();
        if !logs.announced && !logs.is_empty() {
            logs.announced = true;
            self.push(Item::Logs(Arc::clone(run)));
        }
    }

    fn push(&self, item: Item) {
        let mut outbox = self.outbox();
        if outbox.closed {
            return;
        }
        if outbox.items.len() >= WAITING_MAX {
            drop(outbox);
            self.close();
            return;
        }
        outbox.items.push_back(item);
        self.wake.notify_one();
    }

    /// Ends the connection: what waits is not sent, what comes is not read.
    pub(crate) fn close(&self) {
        let mut outbox = self.outbox();
        outbox.closed = true;
        outbox.items.clear();
        self.wake.notify_one();
        // It may be closed by the other side already.
        drop(self.stream.shutdown(Shutdown::Both));
    }

    /// Lets what waits be sent and then ends the connection.
    pub(crate) fn finish(&self) {
        self.outbox().closed = true;
        self.wake.notify_one();
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.outbox().closed
    }

    /// Sends what is queued until the connection ends.
    pub(crate) fn send_all(&self) {
        while self.wait() {
            if self.send_some().is_err() {
                break;
            }
        }
        self.close();
    }

    /// Waits until something is to be sent; false when nothing will be.
    fn wait(&self) -> bool {
        let outbox = self
            .wake
            .wait_while(self.outbox(), |outbox| {
                outbox.items.is_empty() && !outbox.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let (outbox, _) = self
            .wake
            .wait_timeout_while(outbox, STARTED_WAITS, |outbox| {
                outbox.items.iter().all(Item::can_wait) && !outbox.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        !outbox.items.is_empty()
    }

    /// Sends what is queued, as much as is good to send at once.
    fn send_some(&self) -> Result<(), FrameError> {
        let mut bytes = Vec::new();
        while bytes.len() < AT_ONCE {
            let Some(item) = self.outbox().items.pop_front() else {
                break;
            };
            match item {
                Item::Report(report) => bytes.extend(encode(&*report)?),
                Item::Logs(run) => self.gather_logs(&run, &mut bytes)?,
            }
        }
        self.send(&bytes)
    }

    fn send(&self, bytes: &[u8]) -> Result<(), FrameError> {
        (&self.stream).write_all(bytes).map_err(FrameError::Io)
    }

    /// Adds a run's lines; of many, all but the last are sent at once.
    fn gather_logs(&self, run: &Run, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        loop {
            if bytes.len() >= AT_ONCE {
                self.send(&std::mem::take(bytes))?;
            }
            let taken = {
                let mut logs = run.logs();
                let taken = logs.take();
                if taken.is_none() {
                    logs.announced = false;
                }
                taken
            };
            let Some((lines, dropped)) = taken else {
                return Ok(());
            };
            let report = Report::Log {
                run: run.id().clone(),
                lines,
                dropped,
            };
            bytes.extend(encode(&report)?);
        }
    }
}
