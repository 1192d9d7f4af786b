//! One run in memory.

use std::borrow::Cow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_runner::frames::{Exit, Outcome, Report, RunId, RunState, RunSummary, Write};

use super::logs::LogRing;
use crate::clock;
use crate::error::Error;
use crate::journal::{Found, Intent, Owner, Record};
use crate::tools::{Leadership, Session};

/// The most immediate writes that wait to be acknowledged.
const WRITES_MAX: usize = 10_000;

/// The most bytes of them.
const WRITES_BYTES_MAX: usize = 8 << 20;

/// A run that was not acknowledged.
#[derive(Debug)]
pub(crate) struct Run {
    /// What was asked.
    pub(crate) intent: Intent,
    /// Its record; none when it could not be written.
    record: Option<Record>,
    live: Mutex<Live>,
    changed: Condvar,
    /// What its tools did; locked while one works, which serialises them.
    session: Mutex<Session>,
    logs: Mutex<LogRing>,
}

/// What changes while it runs.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Whether its process was started.
    pub(crate) started: bool,
    /// Whether its process ended, though it may not be reaped yet.
    pub(crate) exited: bool,
    /// Whether its tools are refused from now on.
    pub(crate) closed: bool,
    /// Why it is to be ended, if it is.
    pub(crate) kill: Option<String>,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
    /// Whether the outcome still has to be written to the disk.
    pub(crate) unrecorded: bool,
    leader_until: Option<Duration>,
    writes: Vec<(u64, Write)>,
    writes_bytes: usize,
    immediate: u64,
}

impl Run {
    /// A run that is about to start.
    pub(crate) fn new(intent: Intent, record: Option<Record>) -> Arc<Self> {
        let leader_until = intent
            .request
            .context
            .leader_millis
            .map(|millis| clock::since_boot() + Duration::from_millis(millis));
        let live = Live {
            leader_until,
            ..Live::default()
        };
        Arc::new(Self::with(intent, record, live))
    }

    /// A run that another supervisor left.
    pub(crate) fn found(found: Found) -> Arc<Self> {
        let live = Live {
            started: found.started.is_some(),
            exited: true,
            closed: true,
            outcome: found.outcome,
            writes: found.writes,
            immediate: found.immediate,
            ..Live::default()
        };
        Arc::new(Self::with(found.intent, Some(found.record), live))
    }

    fn with(intent: Intent, record: Option<Record>, live: Live) -> Self {
        Self {
            intent,
            record,
            live: Mutex::new(live),
            changed: Condvar::new(),
            session: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> &RunId {
        &self.intent.request.run
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> &Owner {
        &self.intent.owner
    }

    /// What changes while it runs.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its tools did.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its log lines that wait.
    pub(crate) fn logs(&self) -> MutexGuard<'_, LogRing> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its record on disk.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Changes it and wakes who waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Live) -> T) -> T {
        let result = change(&mut self.live());
        self.changed.notify_all();
        result
    }

    /// Waits until a condition holds, at most for `limit`; says whether it
    /// holds.
    pub(crate) fn wait(&self, limit: Duration, until: impl Fn(&Live) -> bool) -> bool {
        let (live, _) = self
            .changed
            .wait_timeout_while(self.live(), limit, |live| !until(live))
            .unwrap_or_else(PoisonError::into_inner);
        until(&live)
    }

    /// Whether it has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.live().outcome.is_some()
    }

    /// Counts leadership anew.
    pub(crate) fn grant(&self, millis: Option<u64>) {
        let until = millis.map(|millis| clock::since_boot() + Duration::from_millis(millis));
        self.change(|live| live.leader_until = until);
    }

    /// What the unit knows of its leadership.
    pub(crate) fn leadership(&self) -> Leadership {
        self.live().leader_until.map_or(Leadership::None, |until| {
            Leadership::Granted(until.saturating_sub(clock::since_boot()))
        })
    }

    /// Journals an immediate write; the report to send once it is.
    pub(crate) fn write(&self, write: Write) -> Result<Report, Error> {
        let mut live = self.live();
        let bytes = size(&write);
        if live.writes.len() >= WRITES_MAX || live.writes_bytes + bytes > WRITES_BYTES_MAX {
            return Err(Error::Refused(format!(
                "{} writes wait for the controller, which does not answer",
                live.writes.len()
            )));
        }
        let n = live.immediate + 1;
        if let Some(record) = &self.record {
            record.write(n, &write)?;
        }
        live.immediate = n;
        live.writes_bytes += bytes;
        live.writes.push((n, write.clone()));
        Ok(Report::Immediate {
            run: self.id().clone(),
            n,
            write,
        })
    }

    /// Forgets immediate writes that the controller has.
    pub(crate) fn acknowledge_writes(&self, upto: u64) -> Result<(), Error> {
        let mut live = self.live();
        live.writes.retain(|(n, _)| *n > upto);
        live.writes_bytes = live.writes.iter().map(|(_, write)| size(write)).sum();
        match &self.record {
            Some(record) => record.acknowledged(upto, live.writes.is_empty()),
            None => Ok(()),
        }
    }

    /// How many immediate writes it made.
    pub(crate) fn immediate(&self) -> u64 {
        self.live().immediate
    }

    /// Records how it ended; on failure the disk is tried again later.
    pub(crate) fn end(&self, outcome: Outcome) -> Result<(), Error> {
        let recorded = match &self.record {
            Some(record) => record.end(&to_record(&outcome)),
            None => Ok(()),
        };
        self.change(|live| {
            live.unrecorded = recorded.is_err();
            live.closed = true;
            live.outcome = Some(outcome);
        });
        recorded
    }

    /// Tries again to write an outcome to the disk.
    pub(crate) fn record_again(&self) {
        let mut live = self.live();
        if live.unrecorded
            && let (Some(record), Some(outcome)) = (&self.record, &live.outcome)
        {
            live.unrecorded = record.end(&to_record(outcome)).is_err();
        }
    }

    /// Everything to tell a connection that does not know the run.
    pub(crate) fn reports(&self) -> Vec<Report> {
        let live = self.live();
        let run = self.id().clone();
        let mut reports = Vec::new();
        if live.started {
            reports.push(Report::Started {
                run: run.clone(),
                attempt: self.intent.attempt,
            });
        }
        reports.extend(live.writes.iter().map(|(n, write)| Report::Immediate {
            run: run.clone(),
            n: *n,
            write: write.clone(),
        }));
        if let Some(outcome) = &live.outcome {
            reports.push(Report::Finished(Box::new(outcome.clone())));
        }
        reports
    }

    /// Where it stands.
    pub(crate) fn summary(&self) -> RunSummary {
        RunSummary {
            run: self.id().clone(),
            digest: self.intent.request.digest.clone(),
            state: if self.is_finished() {
                RunState::Finished
            } else {
                RunState::Running
            },
        }
    }
}

/// What is written to the disk: what secrets say stays in memory. A supervisor
/// that dies before the controller has the outcome takes it along; the hook
/// then counts as interrupted, and runs again.
fn to_record(outcome: &Outcome) -> Cow<'_, Outcome> {
    if !outcome.writes.iter().any(Write::is_secret) {
        return Cow::Borrowed(outcome);
    }
    Cow::Owned(Outcome {
        exit: Exit::Interrupted {
            reason: "it wrote secrets, which were in memory alone".to_owned(),
        },
        writes: Vec::new(),
        ..outcome.clone()
    })
}

/// About how many bytes an immediate write takes.
fn size(write: &Write) -> usize {
    match write {
        Write::Status {
            status, message, ..
        } => status.len() + message.len(),
        Write::LeaderSet { settings }
        | Write::RelationSet { settings, .. }
        | Write::State { state: settings } => settings
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len) + 64)
            .sum(),
        Write::WorkloadVersion { version } => version.len(),
        Write::ActionLog { message } | Write::ActionFail { message } => message.len(),
        Write::ActionSet { value, .. } => value.len(),
        Write::OpenPort { .. }
        | Write::ClosePort { .. }
        | Write::Reboot { .. }
        | Write::StorageAdd { .. }
        | Write::Secret { .. } => 64,
    }
}
