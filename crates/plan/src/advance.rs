//! How a unit's state advances when a hook succeeded, was skipped, or is not
//! in the charm: exactly to the levels that the hook was shown.

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind, StorageHook, StorageHookKind};
use lazuli_model::id::{GenericUuid, RelationId, UnitId};
use lazuli_model::state::{
    Change, LeadershipSeen, ModelState, RelationSeen, RelationUnit, RemoteSeen, Row, RowKey,
    StorageState, Unit, UnitState,
};
use lazuli_model::status::{Status, StatusKey};
use time::OffsetDateTime;

use crate::resources::saw_resources;
use crate::secrets::{self, Draft};
use crate::types::Levels;
use crate::unit::is_placeholder;

/// The rows after the hook of `levels`; `done` is the unit's state, with what
/// else changes in it.
pub(crate) fn advance(
    state: &ModelState,
    unit: &Unit,
    done: &UnitState,
    levels: &Levels,
    now: OffsetDateTime,
) -> Vec<Change> {
    let mut done = done.clone();
    let mut changes = Vec::new();
    match &levels.hook {
        Hook::Install => {
            done.installed = true;
            done.charm = Some(levels.charm);
            changes.extend(saw_resources(state, unit.id, levels.resources.as_ref()));
        }
        Hook::Start => {
            done.started = true;
            done.boot_seen.clone_from(&levels.boot);
            done.updated_at = Some(now);
            changes.extend(unknown_if_silent(state, unit.id, now));
        }
        Hook::ConfigChanged => done.config_seen.clone_from(&levels.config),
        Hook::LeaderElected => done.leadership_seen = LeadershipSeen::Elected,
        Hook::LeaderSettingsChanged => {
            done.leadership_seen = LeadershipSeen::Follower {
                version: levels.leader_version,
            };
        }
        Hook::UpdateStatus => done.updated_at = Some(now),
        Hook::UpgradeCharm => {
            done.charm = Some(levels.charm);
            done.config_seen = None;
            changes.extend(saw_resources(state, unit.id, levels.resources.as_ref()));
        }
        Hook::Stop => done.stopped = true,
        Hook::Remove => done.removed = true,
        Hook::Storage(hook) => changes.extend(storage(state, hook, now)),
        Hook::Relation(hook) => changes.extend(relation(state, unit.id, hook, levels)),
        Hook::Secret(hook) => {
            let mut draft = Draft::new(state);
            secrets::advance(&mut draft, unit.id, hook, now);
            changes.extend(draft.into_changes());
        }
    }
    done.error = None;
    if state.unit_state(unit.id) != Some(&done) {
        changes.push(Change::Put(Row::UnitState(done)));
    }
    changes
}

/// A charm that never said how it is, is unknown once it has started.
fn unknown_if_silent(state: &ModelState, unit: UnitId, now: OffsetDateTime) -> Option<Change> {
    let key = StatusKey::Workload(unit);
    let silent = state.status(key).is_none_or(is_placeholder);
    silent.then(|| Change::Put(Row::Status(key, Status::new("unknown", "", now))))
}

fn relation(state: &ModelState, unit: UnitId, hook: &RelationHook, levels: &Levels) -> Vec<Change> {
    if state.relation(hook.relation).is_none() {
        return Vec::new();
    }
    let seen = state
        .relation_seen(unit, hook.relation)
        .cloned()
        .unwrap_or(RelationSeen {
            unit,
            relation: hook.relation,
            created: false,
            broken: false,
            app_version: 0,
        });
    let remote_seen = |remote, version| {
        Change::Put(Row::RemoteSeen(RemoteSeen {
            unit,
            relation: hook.relation,
            remote,
            version,
        }))
    };
    match (hook.kind, hook.remote) {
        (RelationHookKind::Created, _) => vec![Change::Put(Row::RelationSeen(RelationSeen {
            created: true,
            ..seen
        }))],
        (RelationHookKind::Joined, Some(remote)) => vec![remote_seen(remote, 0)],
        (RelationHookKind::Changed, Some(remote)) => {
            vec![remote_seen(remote, levels.remote_version)]
        }
        (RelationHookKind::Changed, None) => vec![Change::Put(Row::RelationSeen(RelationSeen {
            app_version: levels.app_version,
            ..seen
        }))],
        (RelationHookKind::Departed, Some(remote)) => vec![Change::Delete(RowKey::RemoteSeen(
            unit,
            hook.relation,
            remote,
        ))],
        (RelationHookKind::Broken, _) => leave_scope(state, unit, hook.relation),
        (RelationHookKind::Joined | RelationHookKind::Departed, None) => Vec::new(),
    }
}

/// An instance is the unit's once its storage-attached succeeded, and until
/// its storage-detaching did; the machine has its disk for longer.
fn storage(state: &ModelState, hook: &StorageHook, now: OffsetDateTime) -> Option<Change> {
    let known = state.storages().state(hook.storage)?;
    let attached = hook.kind == StorageHookKind::Attached;
    Some(Change::Put(Row::StorageState(StorageState {
        unit: known.unit.filter(|_| attached),
        attached,
        since: now,
        ..known.clone()
    })))
}

/// The unit is done with a relation: the others see it leave.
pub(crate) fn leave_scope(state: &ModelState, unit: UnitId, relation: RelationId) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(seen) = state.relation_seen(unit, relation) {
        changes.push(Change::Put(Row::RelationSeen(RelationSeen {
            broken: true,
            ..seen.clone()
        })));
    }
    if let Some(member) = state.relation_unit(relation, unit) {
        changes.push(Change::Put(Row::RelationUnit(RelationUnit {
            in_scope: false,
            ..member.clone()
        })));
    }
    changes
}

/// From 0 to 1, the same for the same unit and number: jitter without chance.
pub(crate) fn fraction(unit: UnitId, number: u64) -> f64 {
    let seed =
        (unit.as_untyped_uuid().as_u128() as u64) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    f64::from((mixed >> 40) as u32) / f64::from(1_u32 << 24)
}
