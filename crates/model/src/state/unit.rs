//! Units: what users want of them, and what they have done.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::hook::Hook;
use crate::id::{ApplicationId, CharmId, MachineId, RelationId, UnitId};
use crate::life::Life;
use crate::names::UnitName;
use crate::ports::PortRange;

/// A unit. Written by the API, except that the planner removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its name, such as `mysql/0`.
    pub name: UnitName,
    /// Its application.
    pub application: ApplicationId,
    /// Its machine.
    pub machine: MachineId,
    /// For subordinates, the principal on the same machine.
    pub principal: Option<UnitId>,
    /// Alive, or dying.
    pub life: Life,
    /// Removal skips what fails.
    pub force: bool,
    /// The last `resolved` that a user asked for.
    pub resolve: Option<Resolve>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl Unit {
    /// Whether the two see each other in a container-scoped relation: a
    /// principal and its subordinates, and those among each other.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.id != other.id
            && self.principal.unwrap_or(self.id) == other.principal.unwrap_or(other.id)
    }
}

/// A user's `resolved`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// Counts a unit's `resolved`s from 1; it is heeded when it is higher
    /// than [`UnitState::resolved`].
    pub seq: u64,
    /// Run the failed hook again at once, or skip it as if it had succeeded.
    pub retry: bool,
}

/// What a unit has done (Juju's local state). Written by the planner's
/// decisions and by the outcomes of hooks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitState {
    /// The unit.
    pub unit: UnitId,
    /// The sequence of the last committed run.
    pub hook_seq: u64,
    /// The charm whose install or upgrade-charm hook succeeded last.
    pub charm: Option<CharmId>,
    /// install succeeded.
    pub installed: bool,
    /// start succeeded.
    pub started: bool,
    /// stop succeeded.
    pub stopped: bool,
    /// remove succeeded (or was skipped): nothing of the unit is left to do.
    pub removed: bool,
    /// Hash of the configuration that the last config-changed was shown.
    pub config_seen: Option<String>,
    /// The leadership that the unit was last told of.
    pub leadership_seen: LeadershipSeen,
    /// The machine's boot id at the last start hook; another one means the
    /// machine rebooted and start is due again.
    pub boot_seen: Option<String>,
    /// The hook that failed last and has not succeeded since.
    pub error: Option<HookError>,
    /// The highest [`Resolve::seq`] heeded.
    pub resolved: u64,
    /// When update-status ran last, or the unit became idle.
    #[serde(with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
    /// `application-version-set`.
    pub workload_version: Option<String>,
}

impl UnitState {
    /// The state of a unit that has done nothing.
    #[must_use]
    pub fn new(unit: UnitId) -> Self {
        Self {
            unit,
            hook_seq: 0,
            charm: None,
            installed: false,
            started: false,
            stopped: false,
            removed: false,
            config_seen: None,
            leadership_seen: LeadershipSeen::Nothing,
            boot_seen: None,
            error: None,
            resolved: 0,
            updated_at: None,
            workload_version: None,
        }
    }
}

/// What a unit was last told of leadership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "kebab-case")]
pub enum LeadershipSeen {
    /// Nothing yet.
    #[default]
    Nothing,
    /// leader-elected ran.
    Elected,
    /// leader-settings-changed ran at this version.
    Follower {
        /// [`super::Leader::version`] as of that hook.
        version: u64,
    },
}

/// A hook that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookError {
    /// The hook.
    pub hook: Hook,
    /// How often it failed in a row.
    pub attempts: u32,
    /// Why, for people: the exit, and the end of what it printed.
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it is tried again; none when retries are off.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_try: Option<OffsetDateTime>,
}

/// A port range that a unit has opened, for one endpoint or (empty) for all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenedPort {
    /// The unit.
    pub unit: UnitId,
    /// Endpoint, or empty for all.
    pub endpoint: String,
    /// The range.
    pub range: PortRange,
}

/// What a unit has done in a relation. Absent: nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationSeen {
    /// The unit.
    pub unit: UnitId,
    /// The relation.
    pub relation: RelationId,
    /// relation-created succeeded.
    pub created: bool,
    /// relation-broken succeeded (or, for peers, its turn is past).
    pub broken: bool,
    /// The version of the remote application's bag that was shown; 0 for none.
    pub app_version: u64,
}

/// What a unit has done about one remote unit: one row per (unit, relation,
/// remote), from joined to departed. Absent: not joined, or departed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteSeen {
    /// The local unit.
    pub unit: UnitId,
    /// The relation.
    pub relation: RelationId,
    /// The remote unit, whose joined succeeded.
    pub remote: UnitId,
    /// The version of its settings that a changed hook was shown; 0 when the
    /// changed that follows joined is still due.
    pub version: u64,
}
