//! What a unit does next: Juju's law of hooks (`uniter/resolver.go`), as a
//! pure comparison of what the unit has done with what is so.

mod due;
mod failed;
mod next;
mod relations;
mod secrets;
mod status;
mod storage;
mod subordinate;
mod tasks;

use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{
    Application, Change, Machine, MachineState, ModelState, Row, RowKey, Unit, UnitState,
};
use lazuli_model::status::StatusKey;
use time::OffsetDateTime;

use crate::cloud;
use crate::subject::is_ready;
use crate::types::{Action, Blocked, Inputs, Running, Subject, SubjectPlan};

pub(crate) use next::before_tasks;
pub(crate) use status::is_placeholder;
pub use subordinate::takes_part;

/// A hook that was told to end and has not after this is not waited for.
const ENDING: time::Duration = time::Duration::minutes(1);

/// The rows that a unit's plan looks at first.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) inputs: Inputs<'a>,
    pub(crate) unit: &'a Unit,
    pub(crate) done: &'a UnitState,
    pub(crate) application: &'a Application,
    pub(crate) machine: &'a Machine,
    pub(crate) known: Option<&'a MachineState>,
}

/// What is next for a unit.
enum Next {
    /// A hook is due.
    Due(Hook),
    /// Rows have to change first.
    Decide(Vec<Change>),
    /// Nothing is due until another subject is further.
    Wait(String, Subject),
    /// Nothing is due before this time.
    Idle(Option<OffsetDateTime>),
    /// Everything was done that a unit that goes has to do.
    Over,
}

/// Plans a unit.
pub(crate) fn plan(inputs: Inputs<'_>, unit: &Unit) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = SubjectPlan::default();
    let Some(done) = state.unit_state(unit.id) else {
        plan.decisions
            .push(Change::Put(Row::UnitState(UnitState::new(unit.id))));
        return plan;
    };
    let (Some(application), Some(machine)) = (
        state.application(unit.application),
        state.machine(unit.machine),
    ) else {
        // Nothing can be done for a unit whose rows are gone.
        plan.decisions = removal(state, unit);
        return plan;
    };
    let rows = Rows {
        inputs,
        unit,
        done,
        application,
        machine,
        known: state.machine_state(machine.id),
    };
    rows.plan(&mut plan);
    plan
}

impl Rows<'_> {
    fn plan(self, plan: &mut SubjectPlan) {
        if let Some(running) = self.inputs.flight.hooks.get(&self.unit.id) {
            self.while_running(plan, running);
            return;
        }
        if let Some(change) = self.orphaned() {
            plan.decisions.push(change);
            return;
        }
        if self.may_go_at_once() {
            self.go(plan);
            return;
        }
        if !is_ready(self.inputs.state, self.machine) {
            self.set_allocating(plan);
            block(
                plan,
                format!("waiting for machine {}", self.machine.name),
                Some(Subject::Machine(self.machine.id)),
                None,
            );
            return;
        }
        if let Some(task) = self.running_task() {
            self.while_task(plan, task);
            return;
        }
        if let Some(error) = &self.done.error {
            self.after_error(plan, error);
            return;
        }
        match self.next() {
            Next::Decide(changes) => plan.decisions = changes,
            Next::Due(hook) => self.due(plan, &hook),
            Next::Wait(reason, on) => {
                self.set_allocating(plan);
                block(plan, reason, Some(on), None);
            }
            Next::Over => self.go(plan),
            Next::Idle(wake_at) => {
                plan.wake_at = [wake_at, self.secret_wake()].into_iter().flatten().min();
                plan.blocked = self.waits_to_enter();
                self.set_idle(plan);
            }
        }
    }

    /// The unit's rows go, after those of its subordinates.
    fn go(self, plan: &mut SubjectPlan) {
        match self.waits_for_subordinate() {
            Some(blocked) => plan.blocked = Some(blocked),
            None => plan.decisions = removal(self.inputs.state, self.unit),
        }
    }

    /// A unit that never ran a hook has nothing to take back, and one whose
    /// machine is gone nothing to take it back with; a machine that cannot be
    /// reached is waited for as long as `removal-timeout` says, unless the
    /// removal is forced.
    fn may_go_at_once(self) -> bool {
        if self.unit.life == Life::Alive {
            return false;
        }
        let untouched = !self.done.installed && self.done.error.is_none() && !self.has_storage();
        let reachable = is_ready(self.inputs.state, self.machine);
        untouched || self.is_lost() || (self.unit.force && !reachable)
    }

    /// Whether nothing more can be expected of the unit's machine. Only asked
    /// of units that are to go.
    fn is_lost(self) -> bool {
        if cloud::instance_is_gone(self.inputs.state, self.machine) {
            return true;
        }
        let trouble = self.known.and_then(|known| known.unreachable.as_ref());
        trouble.is_some_and(|trouble| {
            self.unit.force || self.inputs.now >= trouble.since + self.removal_timeout()
        })
    }

    fn removal_timeout(self) -> time::Duration {
        self.inputs.state.model().removal_timeout()
    }

    /// A hook of a unit that stays may take as long as it likes (as in Juju);
    /// one of a unit that is to go is ended: at once when that is forced, and
    /// otherwise after `removal-timeout`.
    fn while_running(self, plan: &mut SubjectPlan, running: &Running) {
        let name = self.hook_name(&running.hook);
        self.set_executing(plan, &self.running_message(&running.hook, &name), running);
        if let Some(change) = self.orphaned() {
            plan.decisions.push(change);
            return;
        }
        if self.unit.life == Life::Alive {
            block(plan, format!("running {name} hook"), None, None);
            return;
        }
        let now = self.inputs.now;
        let stubborn = running.ending.is_some_and(|since| now >= since + ENDING);
        if self.is_lost() || stubborn {
            self.go(plan);
            return;
        }
        let deadline = running.since + self.removal_timeout();
        let trouble = self.known.and_then(|known| known.unreachable.as_ref());
        let given_up = trouble.map(|trouble| trouble.since + self.removal_timeout());
        if let Some(since) = running.ending {
            plan.wake_at = Some(given_up.map_or(since + ENDING, |at| at.min(since + ENDING)));
            block(plan, format!("ending {name} hook"), None, plan.wake_at);
        } else if self.unit.force || now >= deadline {
            let reason = match self.unit.force {
                true => "its unit is removed by force",
                false => "its unit is removed, and removal-timeout is over",
            };
            plan.actions.push(Action::KillHook {
                unit: self.unit.id,
                seq: running.seq,
                reason: reason.to_owned(),
            });
            block(plan, format!("ending {name} hook"), None, None);
        } else {
            plan.wake_at = Some(given_up.map_or(deadline, |at| at.min(deadline)));
            block(plan, format!("running {name} hook"), None, plan.wake_at);
        }
    }
}

fn block(
    plan: &mut SubjectPlan,
    reason: String,
    on: Option<Subject>,
    until: Option<OffsetDateTime>,
) {
    plan.blocked = Some(Blocked { reason, on, until });
}

/// Takes a unit's rows away. Its settings stay readable for those who have
/// not heard yet that it left.
fn removal(state: &ModelState, unit: &Unit) -> Vec<Change> {
    let mut changes = Vec::new();
    for relation in state.relations_of(unit.application) {
        if let Some(member) = state.relation_unit(relation.id, unit.id)
            && member.in_scope
        {
            changes.push(Change::Put(Row::RelationUnit(
                lazuli_model::state::RelationUnit {
                    in_scope: false,
                    ..member.clone()
                },
            )));
        }
        for seen in state.remotes_seen(unit.id, relation.id) {
            changes.push(Change::Delete(RowKey::RemoteSeen(
                unit.id,
                relation.id,
                seen.remote,
            )));
        }
        if state.relation_seen(unit.id, relation.id).is_some() {
            changes.push(Change::Delete(RowKey::RelationSeen(unit.id, relation.id)));
        }
    }
    changes.extend(
        state
            .ports_of(unit.id)
            .map(|port| Change::Delete(RowKey::OpenedPort(port.clone()))),
    );
    if state.charm_state(unit.id).is_some() {
        changes.push(Change::Delete(RowKey::CharmState(unit.id)));
    }
    changes.extend(crate::secrets::end_of_unit(state, unit.id));
    if state.unit_resources(unit.id).is_some() {
        changes.push(Change::Delete(RowKey::UnitResources(unit.id)));
    }
    changes.extend([
        Change::Delete(RowKey::Status(StatusKey::Workload(unit.id))),
        Change::Delete(RowKey::Status(StatusKey::Agent(unit.id))),
        Change::Delete(RowKey::UnitState(unit.id)),
        Change::Delete(RowKey::Unit(unit.id)),
    ]);
    changes
}
