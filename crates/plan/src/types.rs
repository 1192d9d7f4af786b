//! What the planner is asked and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::hook::Hook;
use lazuli_model::id::{
    ApplicationId, CharmId, EffectId, MachineId, RelationId, StorageInstanceId, UnitId,
};
use lazuli_model::offer::Offer;
use lazuli_model::state::{Change, ModelState};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::put_off::PutOff;

/// What is planned: one thing with a plan of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The model: what its machines share at the cloud, and its end.
    Model,
    /// An application: its leader, and its end.
    Application(ApplicationId),
    /// A relation: its end.
    Relation(RelationId),
    /// A machine: its instance, its first boot, its end.
    Machine(MachineId),
    /// A storage instance: where it is, its end.
    Storage(StorageInstanceId),
    /// A unit: its hooks, its end.
    Unit(UnitId),
    /// A task: its turn, its end.
    Task(u64),
}

/// Everything a plan may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The rows.
    pub state: &'a ModelState,
    /// What executors are doing.
    pub flight: &'a InFlight,
    /// What the cloud offers in the model's region, cheapest first.
    pub offers: &'a [Offer],
    /// The time.
    pub now: OffsetDateTime,
}

/// What executors are doing now; not rows, since a restart forgets it (the
/// machine's journal and the ledger remember).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InFlight {
    /// The hook that runs for a unit.
    pub hooks: BTreeMap<UnitId, Running>,
    /// Hooks that their machines gave back.
    pub put_off: BTreeMap<UnitId, PutOff>,
    /// Tasks that were handed to their machines.
    pub tasks: BTreeMap<u64, RunningTask>,
    /// Effects with a call under way.
    pub effects: BTreeSet<EffectId>,
    /// Looks at the first boots of machines.
    pub looks: BTreeMap<MachineId, Look>,
    /// Resources that a list lacked, or that others could not find: the cloud
    /// is to be asked whether they are still there.
    pub doubted: BTreeSet<EffectId>,
}

/// How a look at whether a machine's first boot is finished stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is under way.
    UnderWay,
    /// The last one failed.
    Failed {
        /// When to take the next one.
        next: OffsetDateTime,
    },
}

/// A hook that was handed to a machine and whose outcome is not committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The run's sequence.
    pub seq: u64,
    /// The hook.
    pub hook: Hook,
    /// Since when.
    pub since: OffsetDateTime,
    /// Since when it is being ended, if it is.
    pub ending: Option<OffsetDateTime>,
}

/// A task that was handed to its machine and whose outcome is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningTask {
    /// Since when.
    pub since: OffsetDateTime,
    /// Since when it is being ended, if it is.
    pub ending: Option<OffsetDateTime>,
}

/// All there is to say of one subject now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubjectPlan {
    /// Rows to commit, under the model's fence, before any action. Never
    /// empty-handed: a decision always differs from the row that is there.
    pub decisions: Vec<Change>,
    /// What to do once there are no decisions left.
    pub actions: Vec<Action>,
    /// Why the subject waits, if it does.
    pub blocked: Option<Blocked>,
    /// When to look again though nothing changed.
    pub wake_at: Option<OffsetDateTime>,
}

impl SubjectPlan {
    /// Whether there is nothing to decide, to do or to wait for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.decisions.is_empty() && self.actions.is_empty() && self.blocked.is_none()
    }
}

/// Something for an executor to do. Doing it again is always safe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Bring a resource of the cloud to its spec.
    Ensure {
        /// Its row.
        effect: EffectId,
    },
    /// Ask how the cloud's work on a resource stands, or whether one that
    /// should be there still is.
    Poll {
        /// Its row.
        effect: EffectId,
    },
    /// Delete a resource of the cloud.
    Remove {
        /// Its row.
        effect: EffectId,
    },
    /// Take one look at whether a machine's first boot is finished, and read
    /// its facts.
    Boot {
        /// The machine.
        machine: MachineId,
    },
    /// Run a hook.
    RunHook {
        /// The unit.
        unit: UnitId,
        /// The run's sequence.
        seq: u64,
        /// What the hook is, and what it is shown.
        levels: Levels,
    },
    /// End a running hook: its unit is removed by force, or its deadline
    /// passed.
    KillHook {
        /// The unit.
        unit: UnitId,
        /// The run's sequence.
        seq: u64,
        /// Why, for people.
        reason: String,
    },
    /// Run a task, unless it runs already.
    RunTask {
        /// Its number.
        task: u64,
    },
    /// End a task that runs.
    KillTask {
        /// Its number.
        task: u64,
        /// Why, for people.
        reason: String,
    },
}

/// What a hook is and what it is shown. It goes with the hook and comes back
/// with its outcome, so that the outcome can be committed by a controller
/// that did not start it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// The hook.
    pub hook: Hook,
    /// The charm that runs it.
    pub charm: CharmId,
    /// Hash of the configuration (with trust and addresses) shown.
    pub config: Option<String>,
    /// Version of the leader settings shown.
    pub leader_version: u64,
    /// Version of the remote unit's settings shown.
    pub remote_version: u64,
    /// Version of the remote application's settings shown.
    pub app_version: u64,
    /// The machine's boot id.
    pub boot: Option<String>,
    /// Hash of the resources that install and upgrade-charm run with.
    #[serde(default)]
    pub resources: Option<String>,
}

/// Why a subject waits. There is no wait without a reason, and none without
/// something that ends it: another subject, or a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// Why, for people, such as `waiting for machine 3: quota
    /// standardDSv5Family 100 of 100 used`.
    pub reason: String,
    /// The subject it waits on.
    pub on: Option<Subject>,
    /// The next try, or the deadline.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}
