//! Lines that hooks log, on their way to the store: batched, bounded, and
//! never in the way of a commit.

use std::time::Duration;

use lazuli_model::id::ModelId;
use lazuli_runner::frames;
use lazuli_store::Store;
use lazuli_store::logs::{Level, LogLine};
use time::OffsetDateTime;
use tokio::sync::mpsc;

/// Lines that wait for the store, at most; more are dropped and counted.
const WAITING: usize = 16 * 1024;
/// Lines in one write, at most.
const WRITE: usize = 4 * 1024;

/// Where loops put lines.
#[derive(Clone, Debug)]
pub(crate) struct LogWriter {
    lines: mpsc::Sender<LogLine>,
}

impl LogWriter {
    /// A writer, and the task that writes.
    pub(crate) fn new(store: Store) -> (Self, impl Future<Output = ()>) {
        let (lines, receiver) = mpsc::channel(WAITING);
        (Self { lines }, write(store, receiver))
    }

    /// Adds the lines of a unit; never waits.
    pub(crate) fn push(
        &self,
        model: ModelId,
        unit: &str,
        lines: Vec<frames::LogLine>,
        dropped: u64,
    ) {
        let mut lost = dropped;
        let mut last = None;
        for line in lines {
            let line = convert(model, unit, line);
            last = Some((line.at, line.module.clone()));
            if self.lines.try_send(line).is_err() {
                lost += 1;
            }
        }
        if lost > 0
            && let Some((at, module)) = last
        {
            let note = LogLine {
                model,
                at,
                entity: format!("unit-{}", unit.replace('/', "-")),
                level: Level::Warning,
                module,
                message: format!("{lost} lines were dropped: there were too many at once"),
            };
            drop(self.lines.try_send(note));
        }
    }
}

fn convert(model: ModelId, unit: &str, line: frames::LogLine) -> LogLine {
    let nanos = i128::from(line.at_ms) * 1_000_000;
    LogLine {
        model,
        at: OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        entity: format!("unit-{}", unit.replace('/', "-")),
        level: line.level.parse().unwrap_or(Level::Info),
        module: line.module,
        message: line.message,
    }
}

async fn write(store: Store, mut lines: mpsc::Receiver<LogLine>) {
    let mut batch = Vec::with_capacity(WRITE);
    while lines.recv_many(&mut batch, WRITE).await > 0 {
        let mut wait = Duration::from_millis(200);
        while let Err(error) = lazuli_store::logs::append(store.pool(), &batch).await {
            tracing::warn!(%error, lines = batch.len(), "failed to write log lines; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(10));
        }
        batch.clear();
    }
}
