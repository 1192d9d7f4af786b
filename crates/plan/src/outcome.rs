//! What becomes of a hook's outcome and of its immediate writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::id::UnitId;
use lazuli_model::ports::PortRange;
use lazuli_model::state::{
    CHARM_STATE_MAX, Change, CharmState, HookError, Leader, ModelState, OpenedPort, Row, RowKey,
    Unit, UnitState,
};
use lazuli_model::status::{REBOOTING, SETTABLE, Status, StatusKey};
use time::{Duration, OffsetDateTime};

use lazuli_model::hook::{Hook, SecretHook};

use crate::added::Added;
use crate::advance::{advance, fraction};
use crate::bags::{application_bag, merged, saw_own, unit_bag};
use crate::foreign::is_foreign;
use crate::secrets::{self, Draft, SecretWrite};
use crate::types::Levels;

/// A failed hook is tried again after this, doubling (Juju's retry strategy),
const FIRST_RETRY: Duration = Duration::seconds(5);
/// up to this.
const LAST_RETRY: Duration = Duration::minutes(5);

/// A hook that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The unit.
    pub unit: UnitId,
    /// The run's sequence.
    pub seq: u64,
    /// What it was and what it was shown.
    pub levels: Levels,
    /// How it ended.
    pub exit: Exit,
    /// Its buffered writes: they count if and only if it succeeded.
    pub writes: Vec<HookWrite>,
}

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It succeeded.
    Success,
    /// It failed.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// The machine went away while it ran: it runs again, as the same run.
    Interrupted {
        /// Why, for people.
        reason: String,
    },
}

/// A buffered write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookWrite {
    /// `relation-set`.
    RelationSet {
        /// The relation's number.
        relation: u64,
        /// The application's settings rather than the unit's.
        application: bool,
        /// Key to value; none deletes the key.
        settings: BTreeMap<String, Option<String>>,
    },
    /// `state-set` and `state-delete`.
    State {
        /// Key to value; none deletes the key.
        state: BTreeMap<String, Option<String>>,
    },
    /// `open-port`.
    OpenPort {
        /// Endpoint, or empty for all.
        endpoint: String,
        /// The range.
        range: PortRange,
    },
    /// `close-port`.
    ClosePort {
        /// Endpoint, or empty for all.
        endpoint: String,
        /// The range.
        range: PortRange,
    },
    /// `secret-add` and those that change a secret.
    Secret(SecretWrite),
    /// `storage-add`.
    StorageAdd {
        /// The charm's store.
        store: String,
        /// How many instances.
        count: u32,
    },
}

/// A write that counts whatever becomes of its hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImmediateWrite {
    /// `status-set`.
    Status {
        /// The application's status rather than the unit's.
        application: bool,
        /// The word.
        status: String,
        /// The text.
        message: String,
    },
    /// `leader-set`.
    LeaderSet {
        /// Key to value; none deletes the key.
        settings: BTreeMap<String, Option<String>>,
    },
    /// The machine reboots because a hook asked for it.
    Rebooting,
    /// `application-version-set`.
    WorkloadVersion {
        /// The version.
        version: String,
    },
}

/// The rows after an outcome. An outcome that was committed before changes
/// nothing; neither does one of a unit that is gone, nor one of a hook that the
/// unit cannot have had.
#[must_use]
pub fn commit_outcome(state: &ModelState, ended: &Ended, now: OffsetDateTime) -> Vec<Change> {
    let (Some(unit), Some(done)) = (state.unit(ended.unit), state.unit_state(ended.unit)) else {
        return Vec::new();
    };
    if ended.seq != done.hook_seq + 1 || is_foreign(state, unit, &ended.levels.hook) {
        return Vec::new();
    }
    let next = UnitState {
        hook_seq: ended.seq,
        ..done.clone()
    };
    match &ended.exit {
        Exit::Interrupted { .. } => Vec::new(),
        Exit::Failed { reason } => vec![failed(state, &next, ended, reason, now)],
        Exit::Success => match writes(state, unit, &ended.writes, ended.seq, now) {
            Ok(mut changes) => match secret_writes(state, unit, &ended.writes, about(ended), now) {
                Ok(written) => {
                    let mut advanced = advance(state, unit, &next, &ended.levels, now);
                    saw_own(&mut advanced, &changes);
                    changes.extend(advanced);
                    // After what the hook's end alone would have made of them.
                    changes.extend(written);
                    changes
                }
                Err(reason) => vec![failed(state, &next, ended, &reason, now)],
            },
            Err(reason) => vec![failed(state, &next, ended, &reason, now)],
        },
    }
}

/// The rows after what a hook wrote to secrets, and after a secret's hook.
pub(crate) fn secret_writes(
    state: &ModelState,
    unit: &Unit,
    writes: &[HookWrite],
    about: Option<&SecretHook>,
    now: OffsetDateTime,
) -> Result<Vec<Change>, String> {
    let mut draft = Draft::new(state);
    for write in writes {
        if let HookWrite::Secret(write) = write {
            draft.write(unit, write, now)?;
        }
    }
    if let Some(hook) = about {
        secrets::advance(&mut draft, unit.id, hook, now);
    }
    Ok(draft.into_changes())
}

/// The secret's hook that ended, if it was one.
fn about(ended: &Ended) -> Option<&SecretHook> {
    match &ended.levels.hook {
        Hook::Secret(hook) => Some(hook),
        _ => None,
    }
}

fn failed(
    state: &ModelState,
    done: &UnitState,
    ended: &Ended,
    reason: &str,
    now: OffsetDateTime,
) -> Change {
    let before = done
        .error
        .as_ref()
        .filter(|error| error.hook == ended.levels.hook);
    let attempts = before.map_or(0, |error| error.attempts) + 1;
    let wait = (FIRST_RETRY * 2_i32.pow(attempts.saturating_sub(1).min(10))).min(LAST_RETRY);
    let jittered = wait * (1.0 - 0.2 * fraction(ended.unit, ended.seq));
    Change::Put(Row::UnitState(UnitState {
        error: Some(HookError {
            hook: ended.levels.hook.clone(),
            attempts,
            reason: reason.to_owned(),
            since: before.map_or(now, |error| error.since),
            next_try: state.model().retries_hooks().then(|| now + jittered),
        }),
        ..done.clone()
    }))
}

/// The rows after the buffered writes of a hook that succeeded. Writes to
/// what is gone meanwhile are dropped; what a unit may not write fails the
/// hook.
/// `number` tells this run of the unit from its others.
pub(crate) fn writes(
    state: &ModelState,
    unit: &Unit,
    writes: &[HookWrite],
    number: u64,
    now: OffsetDateTime,
) -> Result<Vec<Change>, String> {
    let mut bags: BTreeMap<(u64, bool), BTreeMap<String, Option<String>>> = BTreeMap::new();
    let mut changes = Vec::new();
    let mut added = Added::of(state, unit, number, now);
    for write in writes {
        match write {
            HookWrite::StorageAdd { store, count } => changes.extend(added.add(store, *count)?),
            HookWrite::RelationSet {
                relation,
                application,
                settings,
            } => bags
                .entry((*relation, *application))
                .or_default()
                .extend(settings.clone()),
            HookWrite::State { state: kept } => changes.extend(charm_state(state, unit, kept)?),
            HookWrite::OpenPort { endpoint, range } => {
                changes.push(Change::Put(Row::OpenedPort(port(unit, endpoint, *range))));
            }
            HookWrite::Secret(_) => {}
            HookWrite::ClosePort { endpoint, range } => {
                changes.push(Change::Delete(RowKey::OpenedPort(port(
                    unit, endpoint, *range,
                ))));
            }
        }
    }
    for ((number, of_application), settings) in bags {
        let Some(relation) = state
            .relations_of(unit.application)
            .find(|relation| relation.number == number)
        else {
            continue;
        };
        if of_application {
            if !leads(state, unit) {
                return Err(format!(
                    "cannot write settings for application \"{}\" in relation {number}: not the leader",
                    unit.name.application()
                ));
            }
            changes.extend(application_bag(state, unit, relation, &settings));
        } else {
            changes.extend(unit_bag(state, unit, relation, &settings));
        }
    }
    Ok(changes)
}

/// What the unit's charm keeps from now on.
fn charm_state(
    state: &ModelState,
    unit: &Unit,
    written: &BTreeMap<String, Option<String>>,
) -> Result<Option<Change>, String> {
    let old = state.charm_state(unit.id).map(|row| &row.state);
    let mut kept = old.map(|kept| kept.as_ref().clone()).unwrap_or_default();
    for (key, value) in written {
        match value {
            Some(value) => kept.insert(key.clone(), value.clone()),
            None => kept.remove(key),
        };
    }
    let size: usize = kept
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > CHARM_STATE_MAX {
        return Err(format!(
            "cannot keep the charm's state: max allowed size ({CHARM_STATE_MAX}) exceeded"
        ));
    }
    let new = old.map_or(!kept.is_empty(), |old| **old != kept);
    Ok(new.then(|| {
        if kept.is_empty() {
            Change::Delete(RowKey::CharmState(unit.id))
        } else {
            Change::Put(Row::CharmState(CharmState {
                unit: unit.id,
                state: Arc::new(kept),
            }))
        }
    }))
}

fn port(unit: &Unit, endpoint: &str, range: PortRange) -> OpenedPort {
    OpenedPort {
        unit: unit.id,
        endpoint: endpoint.to_owned(),
        range,
    }
}

fn leads(state: &ModelState, unit: &Unit) -> bool {
    state
        .leader(unit.application)
        .is_some_and(|leader| leader.unit == Some(unit.id))
}

/// The rows after an immediate write; none when it says nothing new, or the
/// unit may not write it (which its tool has told it already).
#[must_use]
pub fn immediate(
    state: &ModelState,
    unit: UnitId,
    write: &ImmediateWrite,
    now: OffsetDateTime,
) -> Vec<Change> {
    let Some(unit) = state.unit(unit) else {
        return Vec::new();
    };
    let change = match write {
        ImmediateWrite::Status {
            application,
            status,
            message,
        } => set_status(state, unit, *application, Status::new(status, message, now)),
        ImmediateWrite::Rebooting => {
            let key = StatusKey::Agent(unit.id);
            let status = Status::new(REBOOTING, "", now);
            let new = !state.status(key).is_some_and(|old| old.says(&status));
            new.then_some(Change::Put(Row::Status(key, status)))
        }
        ImmediateWrite::LeaderSet { settings } => leader_set(state, unit, settings),
        ImmediateWrite::WorkloadVersion { version } => state
            .unit_state(unit.id)
            .filter(|done| done.workload_version.as_ref() != Some(version))
            .map(|done| {
                Change::Put(Row::UnitState(UnitState {
                    workload_version: Some(version.clone()),
                    ..done.clone()
                }))
            }),
    };
    change.into_iter().collect()
}

fn set_status(
    state: &ModelState,
    unit: &Unit,
    application: bool,
    status: Status,
) -> Option<Change> {
    if !SETTABLE.contains(&status.status.as_str()) || (application && !leads(state, unit)) {
        return None;
    }
    let key = if application {
        StatusKey::Application(unit.application)
    } else {
        StatusKey::Workload(unit.id)
    };
    let new = !state.status(key).is_some_and(|old| old.says(&status));
    new.then_some(Change::Put(Row::Status(key, status)))
}

fn leader_set(
    state: &ModelState,
    unit: &Unit,
    written: &BTreeMap<String, Option<String>>,
) -> Option<Change> {
    let leader = state
        .leader(unit.application)
        .filter(|leader| leader.unit == Some(unit.id))?;
    let settings = merged(&leader.settings, written)?;
    Some(Change::Put(Row::Leader(Leader {
        settings,
        version: leader.version + 1,
        ..leader.clone()
    })))
}
