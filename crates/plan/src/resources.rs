//! The resources that units run with, and the charms that nobody runs.

use lazuli_model::config::{ConfigValue, settings_hash};
use lazuli_model::id::{ApplicationId, CharmId, GenericUuid, UnitId};
use lazuli_model::state::{Change, ModelState, Row, RowKey, Unit, UnitResources};
use time::{Duration, OffsetDateTime};

use crate::types::{Inputs, SubjectPlan};

/// A charm that was added a moment ago is about to be deployed.
const FRESH: Duration = Duration::minutes(10);

/// What upgrade-charm depends on beside the charm: the resources that the
/// application has; none when it has none.
pub(crate) fn resources_level(state: &ModelState, application: ApplicationId) -> Option<String> {
    let hashes: lazuli_model::config::Settings = state
        .resources_of(application)
        .map(|row| (row.name.clone(), ConfigValue::String(row.sha256.clone())))
        .collect();
    (!hashes.is_empty()).then(|| settings_hash(&hashes))
}

/// What a unit has of the resources.
fn has(state: &ModelState, unit: UnitId) -> UnitResources {
    let row = state.unit_resources(unit).cloned();
    row.unwrap_or(UnitResources {
        unit,
        level: None,
        fetched: std::collections::BTreeMap::new(),
    })
}

/// Whether the application's resources are not those that the unit's last
/// install or upgrade-charm ran with.
pub(crate) fn resources_changed(state: &ModelState, unit: &Unit) -> bool {
    let seen = state.unit_resources(unit.id);
    let seen = seen.and_then(|row| row.level.as_ref());
    resources_level(state, unit.application).as_ref() != seen
}

/// The row of a unit whose install or upgrade-charm was shown a level; none
/// when it says so already.
pub(crate) fn saw_resources(
    state: &ModelState,
    unit: UnitId,
    level: Option<&String>,
) -> Option<Change> {
    let row = has(state, unit);
    (row.level.as_ref() != level).then(|| {
        Change::Put(Row::UnitResources(UnitResources {
            level: level.cloned(),
            ..row
        }))
    })
}

/// The row of a unit that is given a resource; none when it has it already,
/// or there is no such resource.
#[must_use]
pub fn fetch_resource(state: &ModelState, unit: &Unit, name: &str) -> Option<Change> {
    let wanted = &state.resource(unit.application, name)?.sha256;
    let mut row = has(state, unit.id);
    let before = row.fetched.insert(name.to_owned(), wanted.clone());
    (before.as_ref() != Some(wanted)).then_some(Change::Put(Row::UnitResources(row)))
}

/// Removes the charms that no application and no unit has any more.
pub(crate) fn forget_charms(inputs: Inputs<'_>, plan: &mut SubjectPlan) {
    let unused = inputs.state.charms().map(|charm| charm.id);
    for id in unused.filter(|id| inputs.state.charm_users(*id) == 0) {
        let Some(until) = made_at(id).map(|at| at + FRESH) else {
            continue;
        };
        if until > inputs.now {
            plan.wake_at = Some(plan.wake_at.map_or(until, |at| at.min(until)));
        } else {
            plan.decisions.push(Change::Delete(RowKey::Charm(id)));
        }
    }
}

/// When a charm was added, which its id says (UUIDv7).
fn made_at(id: CharmId) -> Option<OffsetDateTime> {
    let (seconds, _) = id.into_untyped_uuid().get_timestamp()?.to_unix();
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}
