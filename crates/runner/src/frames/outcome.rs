//! What the machine says to the host.

use serde::{Deserialize, Serialize};

use super::{Hook, LocalExec, Question, RunId, TaskResult, Write};

/// A frame from the machine to the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub enum Report {
    /// The answer to `Attach`. All runs that were not acknowledged follow, as
    /// `Started`, `Immediate` and `Finished` frames.
    Attached {
        /// [`super::PROTOCOL`] of the machine.
        protocol: u32,
        /// Changes with each boot.
        boot_id: String,
        /// `/etc/machine-id`.
        machine_id: String,
        /// The host's name.
        hostname: String,
        /// `uname -m`.
        arch: String,
        /// `ID` and `VERSION_ID` of `os-release`.
        os: (String, String),
        /// Hex sha-256 of the charm archives that are present.
        charms: Vec<String>,
        /// Runs that were not acknowledged.
        runs: Vec<RunSummary>,
    },
    /// A request was not carried out.
    Refused {
        /// The run it was about, if any.
        run: Option<RunId>,
        /// Why.
        refusal: Refusal,
    },
    /// The hook's process runs.
    Started {
        /// The run.
        run: RunId,
        /// From 1; more than 1 after an interruption.
        attempt: u32,
    },
    /// An immediate write, journalled; numbers count from 1 within a run.
    Immediate {
        /// The run that wrote.
        run: RunId,
        /// Its number.
        n: u64,
        /// What it wrote.
        write: Write,
    },
    /// A read that the context does not hold.
    Ask {
        /// The run that asks.
        run: RunId,
        /// The number of the question within the connection.
        ask: u64,
        /// What it asks.
        question: Question,
    },
    /// A program on the machine wants a command to be run: the host asks for
    /// the run, or declines it.
    Wish {
        /// The run to ask for.
        run: RunId,
        /// What is wanted.
        exec: LocalExec,
    },
    /// Lines for the model's log.
    Log {
        /// The run that logged.
        run: RunId,
        /// The lines, in order.
        lines: Vec<LogLine>,
        /// Lines dropped since the last frame because there were too many.
        dropped: u64,
    },
    /// The hook ended.
    Finished(Box<Outcome>),
}

/// A run that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// Its digest.
    pub digest: String,
    /// Where it stands.
    pub state: RunState,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Its process runs, or waits for the machine's lock.
    Running,
    /// Its outcome is recorded.
    Finished,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Refusal {
    /// A higher (epoch, connection) attached.
    Fenced {
        /// The highest epoch seen.
        epoch: u64,
        /// The highest connection seen in it.
        connection: u64,
    },
    /// The protocol is not spoken here.
    Protocol {
        /// What is spoken.
        speaks: u32,
    },
    /// The run exists with another digest.
    Digest {
        /// The digest on record.
        recorded: String,
    },
    /// The unit has another run that is not acknowledged.
    Busy {
        /// That run.
        run: RunId,
    },
    /// The charm archive is not present.
    NoCharm {
        /// Its hex sha-256.
        sha256: String,
    },
    /// The frame was not understood.
    Invalid {
        /// Why.
        reason: String,
    },
}

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// Its digest.
    pub digest: String,
    /// The unit's name.
    pub unit: String,
    /// What ran.
    pub hook: Hook,
    /// As in the request.
    pub levels: serde_json::Value,
    /// From 1.
    pub attempt: u32,
    /// How it ended.
    pub exit: Exit,
    /// Buffered writes; empty unless it succeeded.
    pub writes: Vec<Write>,
    /// Immediate writes made, all of which were reported before.
    pub immediate: u64,
    /// What it printed, both streams in order of arrival.
    pub output: Output,
    /// Milliseconds since 1970 by the machine's clock.
    pub started_ms: u64,
    /// Milliseconds from start to end, by the machine's monotonic clock.
    pub duration_ms: u64,
    /// Of an action or a command: what it brought, however it ended.
    #[serde(default)]
    pub task: Option<Box<TaskResult>>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Exit {
    /// It exited.
    Code {
        /// The exit code.
        code: i32,
    },
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
    },
    /// The charm has no such hook: counts as success.
    Missing,
    /// It could not be started, or the charm could not be put in place.
    NotStarted {
        /// Why, for people.
        reason: String,
    },
    /// The machine or its supervisor went away while it ran; run it again.
    Interrupted {
        /// Why, for people.
        reason: String,
    },
    /// It was ended on request or at its deadline.
    Killed {
        /// Why, for people.
        reason: String,
    },
}

impl Exit {
    /// Whether the hook succeeded, so that its buffered writes count.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Code { code: 0 } | Self::Missing)
    }
}

/// What a hook printed, bounded: its head, its tail, and how much between
/// them was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The first bytes, as UTF-8 with replacement.
    pub head: String,
    /// The last bytes, when there was more than the head holds.
    pub tail: String,
    /// Bytes between them that were dropped.
    pub dropped: u64,
}

/// A line for the model's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970 by the machine's clock.
    pub at_ms: u64,
    /// Juju's level: TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL.
    pub level: String,
    /// Juju's logger name, such as `unit.mysql/0.juju-log`.
    pub module: String,
    /// The text, at most 4,096 bytes.
    pub message: String,
}
