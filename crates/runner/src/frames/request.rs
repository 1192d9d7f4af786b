//! What the host says to the machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Context, LocalExec, Lock, ResourceRef, Settings};

/// A frame from the host to the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub enum Request {
    /// The first frame of a connection.
    Attach(Attach),
    /// Start a hook. Repeating it is safe: see [`RunRequest::digest`].
    Run(Box<RunRequest>),
    /// The outcome of the run is committed: its record may go.
    Ack {
        /// The run whose record may go.
        run: RunId,
    },
    /// Immediate writes of the run up to and including `upto` are committed.
    AckWrites {
        /// The run that wrote.
        run: RunId,
        /// The highest committed number.
        upto: u64,
    },
    /// The answer to [`super::Report::Ask`].
    Answer {
        /// The run that asked.
        run: RunId,
        /// The number of the question.
        ask: u64,
        /// What is so, or the text the tool prints after `ERROR `.
        answer: Result<Answer, String>,
    },
    /// Leadership granted anew, counted from receipt.
    Grant {
        /// The run that asked.
        run: RunId,
        /// Milliseconds.
        millis: u64,
    },
    /// A wish is not fulfilled.
    Decline {
        /// The run that was wished for.
        run: RunId,
        /// Why, for people.
        reason: String,
    },
    /// Not a host's: the first and only frame of a program on the machine,
    /// which is answered with a [`super::LocalDone`].
    Exec(LocalExec),
    /// End the hook's process group: TERM, then KILL.
    Kill {
        /// The run to end.
        run: RunId,
        /// Shown to people.
        reason: String,
    },
    /// The unit is gone: its directories and records may go.
    Forget {
        /// The unit's name, such as `mysql/0`.
        unit: String,
    },
}

/// Who attaches. The highest (epoch, connection) of a controller wins; lower
/// ones are refused with [`super::Refusal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// [`super::PROTOCOL`] of the host.
    pub protocol: u32,
    /// The controller's uuid.
    pub controller: String,
    /// The model's uuid.
    pub model: String,
    /// The model's fencing epoch.
    pub epoch: u64,
    /// The number of this connection within the epoch.
    pub connection: u64,
}

/// A hook run's name: the unit and its hook sequence. Runs of tasks have
/// sequences of their own, see [`RunId::of_task`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The unit's uuid (names may be used again by a later application).
    pub unit: String,
    /// The sequence number, from 1.
    pub seq: u64,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task() {
            Some(number) => write!(f, "{}:task-{number}", self.unit),
            None => write!(f, "{}:{}", self.unit, self.seq),
        }
    }
}

/// A hook to run, with everything it may read at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The run's name.
    pub run: RunId,
    /// Hex sha-256 over what the run is about (hook and levels, chosen by the
    /// controller). The same run with the same digest re-attaches or returns
    /// the recorded outcome; with another one it is refused.
    pub digest: String,
    /// The unit's name, such as `mysql/0`; empty for a command on the machine
    /// itself.
    pub unit: String,
    /// What to run.
    pub hook: Hook,
    /// The charm that must be in place before the hook starts.
    pub charm: CharmRef,
    /// Opaque to the machine, kept in the journal and returned with the
    /// outcome: what the hook was shown.
    pub levels: serde_json::Value,
    /// What the hook's tools may read without asking.
    pub context: Context,
    /// Bounds.
    pub limits: Limits,
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Hook, action or command.
    pub kind: HookKind,
    /// The full name, such as `db-relation-changed`, or the action's name.
    pub name: String,
}

/// What kind of thing is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookKind {
    /// A hook of the charm: `hooks/NAME`, or `dispatch`.
    Hook,
    /// An action of the charm: `actions/NAME`, or `dispatch`.
    Action,
    /// A script for bash, in the unit's context, or on the machine itself.
    Command,
}

/// A charm archive, which the host uploads before it asks for a run with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharmRef {
    /// The charm's url, such as `local:haproxy-0`.
    pub url: String,
    /// Hex sha-256 of the archive.
    pub sha256: String,
}

/// Bounds of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds after which the hook's process group is ended; none by default.
    pub timeout_s: Option<u64>,
    /// Bytes of output kept at the head and again at the tail.
    pub output_bytes: usize,
    /// Whether journal records are fsynced.
    pub sync: bool,
    /// What the run waits for before it starts.
    #[serde(default)]
    pub lock: Lock,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout_s: None,
            output_bytes: 64 * 1024,
            sync: true,
            lock: Lock::Machine,
        }
    }
}

/// A read that the context does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "q", rename_all = "kebab-case")]
pub enum Question {
    /// Settings of a unit (`a/0`) or an application (`a`) in a relation.
    RelationSettings {
        /// The relation's number.
        relation: u64,
        /// A unit's or an application's name.
        member: String,
    },
    /// The statuses of the application and its units (leader only).
    ApplicationStatus,
    /// Whether the unit is the leader now; answered by `Grant` as well.
    Leader,
    /// `goal-state`.
    GoalState,
    /// What the unit's charm keeps (`state-get`).
    CharmState,
    /// `secret-get`; what is read may be tracked from then on.
    Secret {
        /// The secret's id, unless the label says which.
        id: Option<String>,
        /// The unit's label for it.
        label: Option<String>,
        /// Read the newest revision from now on.
        refresh: bool,
        /// Read the newest revision this once.
        peek: bool,
    },
    /// `credential-get`.
    CloudSpec,
    /// A resource, which is to be on the machine when this is answered.
    Resource {
        /// Its name.
        name: String,
    },
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "a", rename_all = "kebab-case")]
pub enum Answer {
    /// Settings as asked.
    Settings {
        /// Key to value.
        settings: Settings,
    },
    /// Leadership: milliseconds granted from receipt, or none when another
    /// unit leads.
    Leader {
        /// Milliseconds, counted from receipt.
        millis: Option<u64>,
    },
    /// What a secret says.
    Secret {
        /// The content.
        content: super::SecretContent,
    },
    /// The resource is on the machine, by its hash.
    Resource {
        /// It.
        resource: ResourceRef,
    },
    /// Any other document, in the shape of the tool's JSON output.
    Document {
        /// The document.
        value: serde_json::Value,
    },
}
