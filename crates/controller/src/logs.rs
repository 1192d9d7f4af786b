//! Lines that hooks log, on their way to the store: batched, bounded, and
//! never in the way of a commit.

use std::time::Duration;

use lazuli_model::id::ModelId;
use lazuli_runner::frames;
use lazuli_store::logs::{Level, LogLine};
use lazuli_store::{Class, Store, StoreError};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::shared::now;

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
        let received = now();
        let mut lost = dropped;
        let mut last = None;
        for line in lines {
            let line = convert(model, unit, line, received);
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

/// A machine's clock may be off; a line is not far from its receipt.
const ASTRAY: time::Duration = time::Duration::hours(1);

fn convert(model: ModelId, unit: &str, line: frames::LogLine, received: OffsetDateTime) -> LogLine {
    let nanos = i128::from(line.at_ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(received);
    LogLine {
        model,
        at: at.clamp(received - ASTRAY, received + ASTRAY),
        entity: format!("unit-{}", unit.replace('/', "-")),
        level: line.level.parse().unwrap_or(Level::Info),
        module: line.module,
        message: line.message,
    }
}

/// Where lines end up.
trait Sink: Send + Sync {
    fn append(&self, lines: &[LogLine]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether it takes no more.
    fn is_closed(&self) -> bool;
}

impl Sink for Store {
    async fn append(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        lazuli_store::logs::append(self.pool(), lines).await
    }

    fn is_closed(&self) -> bool {
        self.pool().is_closed()
    }
}

async fn write(sink: impl Sink, mut lines: mpsc::Receiver<LogLine>) {
    let mut batch = Vec::with_capacity(WRITE);
    while !sink.is_closed() && lines.recv_many(&mut batch, WRITE).await > 0 {
        let dropped = write_all(&sink, &batch).await;
        if dropped > 0 {
            tracing::warn!(dropped, "log lines could not be stored and were dropped");
        }
        batch.clear();
    }
}

/// Writes all lines that can be stored; how many cannot. One that is refused
/// must not hold up all others, so what is refused is halved until it is
/// alone.
async fn write_all(sink: &impl Sink, lines: &[LogLine]) -> u64 {
    let mut dropped = 0;
    let mut parts = vec![lines];
    while let Some(part) = parts.pop() {
        match persist(sink, part).await {
            Ok(()) => {}
            Err(error) if part.len() <= 1 => {
                tracing::debug!(%error, "a log line was refused");
                dropped += part.len() as u64;
            }
            Err(_) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    dropped
}

/// Writes lines, as often as there is hope.
async fn persist(sink: &impl Sink, lines: &[LogLine]) -> Result<(), StoreError> {
    let mut wait = Duration::from_millis(200);
    loop {
        let error = match sink.append(lines).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if error.class() != Class::Transient || sink.is_closed() {
            return Err(error);
        }
        tracing::warn!(%error, lines = lines.len(), "failed to write log lines; trying again");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use lazuli_model::id::GenericUuid;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn line(at: OffsetDateTime, message: &str) -> frames::LogLine {
        frames::LogLine {
            at_ms: u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap(),
            level: "INFO".to_owned(),
            module: "m".to_owned(),
            message: message.to_owned(),
        }
    }

    fn model() -> ModelId {
        ModelId::from_untyped_uuid(uuid::Uuid::nil())
    }

    fn stored(message: &str) -> LogLine {
        convert(model(), "mysql/0", line(NOW, message), NOW)
    }

    #[test]
    fn times_are_those_of_the_machine_unless_its_clock_is_wrong() {
        let at = |at| convert(model(), "mysql/0", line(at, ""), NOW).at;
        let near = NOW - time::Duration::minutes(59);
        assert_eq!(at(near), near);
        assert_eq!(at(datetime!(1970-01-01 00:00 UTC)), NOW - ASTRAY);
        assert_eq!(at(datetime!(2038-01-19 00:00 UTC)), NOW + ASTRAY);
    }

    /// Refuses what holds `bad`, keeps all else.
    #[derive(Default)]
    struct Picky(Mutex<Vec<String>>);

    impl Sink for Picky {
        async fn append(&self, lines: &[LogLine]) -> Result<(), StoreError> {
            if lines.iter().any(|line| line.message == "bad") {
                return Err(StoreError::Invalid {
                    what: "a line".into(),
                    why: "it is bad".to_owned(),
                });
            }
            let messages = lines.iter().map(|line| line.message.clone());
            self.0.lock().unwrap().extend(messages);
            Ok(())
        }

        fn is_closed(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_dropped_alone_and_all_else_is_stored_in_order() {
        let sink = Picky::default();
        let lines = ["a", "b", "bad", "c", "d", "bad", "e"].map(stored);
        assert_eq!(write_all(&sink, &lines).await, 2);
        assert_eq!(*sink.0.lock().unwrap(), ["a", "b", "c", "d", "e"]);
    }
}
