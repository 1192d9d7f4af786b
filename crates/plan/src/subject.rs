//! The plan of one subject.

use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Machine, MachineSource, ModelState, Relation, RelationUnit, Row, RowKey,
};
use lazuli_model::status::{Status, StatusKey};

use crate::types::{Inputs, Subject, SubjectPlan};
use crate::{cloud, leader, resources, storage, task, unit};

/// Plans one subject; empty when it is gone.
#[must_use]
pub fn plan_subject(inputs: Inputs<'_>, subject: Subject) -> SubjectPlan {
    let state = inputs.state;
    let plan = match subject {
        Subject::Model => Some(plan_model(inputs)),
        Subject::Application(id) => state
            .application(id)
            .map(|row| leader::plan_application(inputs, row)),
        Subject::Relation(id) => state.relation(id).map(|row| plan_relation(inputs, row)),
        Subject::Machine(id) => state.machine(id).map(|row| plan_machine(inputs, row)),
        Subject::Storage(id) => state
            .storages()
            .get(id)
            .map(|row| storage::plan(inputs, row)),
        Subject::Unit(id) => state.unit(id).map(|row| unit::plan(inputs, row)),
        Subject::Task(number) => state.task(number).map(|row| task::plan(inputs, row)),
    };
    plan.unwrap_or_default()
}

/// Decides a status unless the row says so already.
pub(crate) fn set_status(
    state: &ModelState,
    plan: &mut SubjectPlan,
    key: StatusKey,
    status: Status,
) {
    if !state.status(key).is_some_and(|old| old.says(&status)) {
        plan.decisions.push(Change::Put(Row::Status(key, status)));
    }
}

fn plan_model(inputs: Inputs<'_>) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = cloud::plan_model(inputs);
    resources::forget_charms(inputs, &mut plan);
    plan.decisions.extend(crate::secrets::pruned(state));
    let empty = state.applications().next().is_none()
        && state.machines().next().is_none()
        && state.storages().is_empty();
    let dying = state.model().life != Life::Alive;
    let status = if dying {
        let reason = plan.blocked.as_ref().map_or("", |blocked| &blocked.reason);
        Status::new("destroying", reason, inputs.now)
    } else {
        Status::new("available", "", inputs.now)
    };
    set_status(state, &mut plan, StatusKey::Model, status);
    if dying && empty && cloud::model_is_over(state) {
        plan = SubjectPlan::default();
        plan.decisions.push(Change::Delete(RowKey::Model));
    }
    plan
}

fn plan_machine(inputs: Inputs<'_>, machine: &Machine) -> SubjectPlan {
    let state = inputs.state;
    let occupied = state.units_on(machine.id).next().is_some();
    if machine.life == Life::Alive && machine.for_unit && !occupied {
        // It was made for a unit, and the unit is gone.
        let mut plan = SubjectPlan::default();
        plan.decisions.push(Change::Put(Row::Machine(Machine {
            life: Life::Dying,
            ..machine.clone()
        })));
        return plan;
    }
    let mut plan = cloud::plan_machine(inputs, machine);
    let idle = plan.decisions.is_empty() && plan.actions.is_empty() && plan.blocked.is_none();
    if machine.life != Life::Alive && !occupied && idle && cloud::machine_is_over(state, machine) {
        plan.decisions.extend([
            Change::Delete(RowKey::Machine(machine.id)),
            Change::Delete(RowKey::MachineState(machine.id)),
            Change::Delete(RowKey::Status(StatusKey::Machine(machine.id))),
            Change::Delete(RowKey::Status(StatusKey::Instance(machine.id))),
        ]);
        return plan;
    }
    let instance = cloud::instance_status(inputs, machine);
    set_status(state, &mut plan, StatusKey::Instance(machine.id), instance);
    let status = machine_status(inputs, machine, &plan);
    set_status(state, &mut plan, StatusKey::Machine(machine.id), status);
    plan
}

/// Juju's `juju-status` of a machine.
fn machine_status(inputs: Inputs<'_>, machine: &Machine, plan: &SubjectPlan) -> Status {
    let known = inputs.state.machine_state(machine.id);
    let reason = plan
        .blocked
        .as_ref()
        .map_or(String::new(), |blocked| blocked.reason.clone());
    if machine.life != Life::Alive {
        return Status::new("stopped", reason, inputs.now);
    }
    if let Some(trouble) = cloud::instance_trouble(inputs.state, machine) {
        return Status::new("down", trouble, inputs.now);
    }
    match known {
        Some(known) if known.facts.is_some() => match &known.unreachable {
            Some(trouble) => {
                let message = format!(
                    "agent is not communicating with the server: {}",
                    trouble.reason
                );
                Status::new("down", message, inputs.now)
            }
            None => Status::new("started", "", inputs.now),
        },
        _ => Status::new("pending", reason, inputs.now),
    }
}

/// Whether hooks can run on a machine: it exists, and its first boot is over.
#[must_use]
pub fn is_ready(state: &ModelState, machine: &Machine) -> bool {
    let known = state.machine_state(machine.id);
    known.is_some_and(|known| known.facts.is_some() && known.address.is_some())
        && match machine.source {
            MachineSource::Manual { .. } => true,
            MachineSource::Cloud { .. } => !cloud::instance_is_going(state, machine),
        }
}

/// A relation goes when it is dying and nobody is in its scope any more; a
/// peer relation goes with the last unit of its application.
fn plan_relation(inputs: Inputs<'_>, relation: &Relation) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = SubjectPlan::default();
    let gone = |member: &&RelationUnit| !member.in_scope && state.unit(member.unit).is_none();
    let members = || state.relation_units(relation.id);
    let over = if relation.is_peer() {
        relation.endpoints.iter().all(|end| {
            state.application(end.application).is_none_or(|row| {
                row.life != Life::Alive && state.units_of(end.application).next().is_none()
            })
        })
    } else {
        relation.life != Life::Alive && !members().any(|member| member.in_scope)
    };
    if over {
        delete_relation(state, &mut plan, relation);
        return plan;
    }
    // Who left is remembered until everybody has heard of it.
    for member in members().filter(gone) {
        let heard = relation.endpoints.iter().all(|end| {
            state.units_of(end.application).all(|unit| {
                state
                    .remote_seen(unit.id, relation.id, member.unit)
                    .is_none()
            })
        });
        if heard {
            let key = RowKey::RelationUnit(relation.id, member.unit);
            plan.decisions.push(Change::Delete(key));
        }
    }
    plan
}

fn delete_relation(state: &ModelState, plan: &mut SubjectPlan, relation: &Relation) {
    plan.decisions
        .extend(crate::secrets::end_of_relation(state, relation.id));
    for member in state.relation_units(relation.id) {
        let key = RowKey::RelationUnit(relation.id, member.unit);
        plan.decisions.push(Change::Delete(key));
    }
    for bag in state.relation_applications(relation.id) {
        let key = RowKey::RelationApplication(relation.id, bag.application);
        plan.decisions.push(Change::Delete(key));
    }
    for end in &relation.endpoints {
        for unit in state.units_of(end.application) {
            for seen in state.remotes_seen(unit.id, relation.id) {
                let key = RowKey::RemoteSeen(unit.id, relation.id, seen.remote);
                plan.decisions.push(Change::Delete(key));
            }
            if state.relation_seen(unit.id, relation.id).is_some() {
                let key = RowKey::RelationSeen(unit.id, relation.id);
                plan.decisions.push(Change::Delete(key));
            }
        }
    }
    plan.decisions
        .push(Change::Delete(RowKey::Relation(relation.id)));
}
