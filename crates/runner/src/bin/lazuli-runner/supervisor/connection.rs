//! A connection to a host: what waits to be sent, and the thread that sends.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lazuli_runner::frames::{Report, write_frame};

use super::run::Run;

/// The most reports that wait. A host that reads so little is cut off; it
/// learns everything again when it attaches.
const WAITING_MAX: usize = 20_000;

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
        while let Some(item) = self.next() {
            let sent = match item {
                Item::Report(report) => write_frame(&mut &self.stream, &*report),
                Item::Logs(run) => self.send_logs(&run),
            };
            if sent.is_err() {
                break;
            }
        }
        self.close();
    }

    fn next(&self) -> Option<Item> {
        let mut outbox = self
            .wake
            .wait_while(self.outbox(), |outbox| {
                outbox.items.is_empty() && !outbox.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        outbox.items.pop_front()
    }

    fn send_logs(&self, run: &Run) -> Result<(), lazuli_runner::frames::FrameError> {
        loop {
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
            write_frame(&mut &self.stream, &report)?;
        }
    }
}
