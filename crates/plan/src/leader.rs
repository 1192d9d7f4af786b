//! Leadership: a committed assignment, not a lease that is renewed.
//!
//! A hook of the leader is granted leadership for [`GRANT`]; the grant is
//! committed first, and again only when half of it is used up, so that it
//! costs no commit per hook. A successor is committed once the former
//! leader's hook has ended, or its grant has run out.

use lazuli_model::id::UnitId;
use lazuli_model::life::Life;
use lazuli_model::state::{Application, Change, Leader, ModelState, Row, RowKey, Unit};
use lazuli_model::status::StatusKey;
use time::{Duration, OffsetDateTime};

use crate::subject::is_ready;
use crate::task;
use crate::types::{Blocked, Inputs, Subject, SubjectPlan};

/// How long a grant holds (Juju's lease).
const GRANT: Duration = Duration::seconds(60);
/// What must be left of it when a hook starts (Juju's guarantee).
const GUARANTEE: Duration = Duration::seconds(30);

/// An application's leader, and its end.
pub(crate) fn plan_application(inputs: Inputs<'_>, application: &Application) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = SubjectPlan::default();
    let empty = state.units_of(application.id).next().is_none();
    let related = state
        .relations_of(application.id)
        .any(|relation| !relation.is_peer());
    let peers_left = state.relations_of(application.id).next().is_some();
    if application.life != Life::Alive && empty && !related {
        if !peers_left {
            let resources = state.resources_of(application.id);
            plan.decisions.extend(
                resources
                    .map(|row| Change::Delete(RowKey::Resource(application.id, row.name.clone()))),
            );
            if state.charm_source(application.id).is_some() {
                let key = RowKey::CharmSource(application.id);
                plan.decisions.push(Change::Delete(key));
            }
            plan.decisions
                .extend(crate::secrets::end_of_application(state, application.id));
            plan.decisions.extend([
                Change::Delete(RowKey::Application(application.id)),
                Change::Delete(RowKey::Leader(application.id)),
                Change::Delete(RowKey::Status(StatusKey::Application(application.id))),
            ]);
        }
        return plan;
    }
    elect(inputs, &mut plan, application);
    plan
}

fn elect(inputs: Inputs<'_>, plan: &mut SubjectPlan, application: &Application) {
    let state = inputs.state;
    let present = state.leader(application.id);
    let leader = present.and_then(|row| row.unit);
    let serves = |id: UnitId| state.unit(id).is_some_and(|unit| unit.life == Life::Alive);
    if leader.is_some_and(serves) {
        return;
    }
    if let (Some(row), Some(id)) = (present, leader)
        && let Some(until) = row.granted_until.filter(|until| *until > inputs.now)
        && (inputs.flight.hooks.contains_key(&id) || state.tasks_of(id).any(task::is_running))
    {
        plan.wake_at = Some(until);
        plan.blocked = Some(Blocked {
            reason: "waiting for the former leader's hook to end".to_owned(),
            on: Some(Subject::Unit(id)),
            until: Some(until),
        });
        return;
    }
    let candidate = candidate(state, application);
    if candidate == leader && present.is_some() {
        return;
    }
    if candidate.is_none() && present.is_none() {
        return;
    }
    plan.decisions.push(Change::Put(Row::Leader(Leader {
        application: application.id,
        unit: candidate,
        granted_until: None,
        settings: present.map(|row| row.settings.clone()).unwrap_or_default(),
        // Other followers hear of a new leader only by what it writes.
        version: present.map_or(1, |row| row.version),
    })));
}

/// The first unit, by number, that could run a hook.
fn candidate(state: &ModelState, application: &Application) -> Option<UnitId> {
    state
        .units_of(application.id)
        .filter(|unit| unit.life == Life::Alive)
        .filter(|unit| {
            state
                .machine(unit.machine)
                .is_some_and(|machine| is_ready(state, machine))
        })
        .min_by(|a, b| a.name.cmp(&b.name))
        .map(|unit| unit.id)
}

/// For how long a unit may hold itself the leader from now on; none when it
/// does not lead.
#[must_use]
pub fn leader_grant_millis(inputs: Inputs<'_>, unit: UnitId) -> Option<u64> {
    let row = inputs.state.unit(unit)?;
    let leader = inputs.state.leader(row.application)?;
    if leader.unit != Some(unit) {
        return None;
    }
    let left = leader.granted_until? - inputs.now;
    u64::try_from(left.whole_milliseconds())
        .ok()
        .filter(|millis| *millis > 0)
}

/// The leader row with a fresh grant, if the unit leads and too little of the
/// present one is left.
#[must_use]
pub fn renewed_grant(state: &ModelState, unit: &Unit, now: OffsetDateTime) -> Option<Change> {
    let leader = state.leader(unit.application)?;
    let enough = leader
        .granted_until
        .is_some_and(|until| until - now >= GUARANTEE);
    if leader.unit != Some(unit.id) || unit.life != Life::Alive || enough {
        return None;
    }
    Some(Change::Put(Row::Leader(Leader {
        granted_until: Some(now + GRANT),
        ..leader.clone()
    })))
}
