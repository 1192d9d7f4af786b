//! What a unit shows: Juju's ladder of statuses.
//!
//! A charm's own status is a row that only the charm writes once it runs;
//! that its hook failed is shown over it (by whoever renders the status), not
//! in its place, so that it is there again afterwards.

use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{EXEC, Task};
use lazuli_model::status::{REBOOTING, Status, StatusKey};

use super::Rows;
use crate::subject::set_status;
use crate::types::{Blocked, Running, SubjectPlan};

/// A hook that runs longer than this is shown as executing.
const SHOWN_AFTER: time::Duration = time::Duration::milliseconds(100);

const INSTALLING: &str = "installing charm software";
const WAITING: [&str; 3] = [
    "waiting for machine",
    "installing agent",
    "agent initialising",
];

/// Whether a workload status is one of ours, from before the charm had a say.
pub(crate) fn is_placeholder(status: &Status) -> bool {
    (status.status == "maintenance" && status.message == INSTALLING)
        || (status.status == "waiting" && WAITING.contains(&status.message.as_str()))
}

impl Rows<'_> {
    fn set_workload(self, plan: &mut SubjectPlan, word: &str, message: &str) {
        let status = Status::new(word, message, self.inputs.now);
        set_status(
            self.inputs.state,
            plan,
            StatusKey::Workload(self.unit.id),
            status,
        );
    }

    fn set_agent(self, plan: &mut SubjectPlan, word: &str, message: &str) {
        let status = Status::new(word, message, self.inputs.now);
        set_status(
            self.inputs.state,
            plan,
            StatusKey::Agent(self.unit.id),
            status,
        );
    }

    /// Before the machine is ready.
    pub(super) fn set_allocating(self, plan: &mut SubjectPlan) {
        if self.done.installed {
            return;
        }
        self.set_agent(plan, "allocating", "");
        let made = self.known.is_some_and(|known| known.address.is_some());
        self.set_workload(plan, "waiting", WAITING[usize::from(made)]);
    }

    /// Before a hook that changes what the unit shows.
    pub(super) fn set_before(self, plan: &mut SubjectPlan, hook: &Hook) {
        match hook {
            Hook::Install => self.set_workload(plan, "maintenance", INSTALLING),
            Hook::Stop => self.set_workload(plan, "maintenance", "stopping charm software"),
            Hook::Remove => {
                self.set_workload(plan, "maintenance", "cleaning up prior to charm deletion");
            }
            Hook::Start
            | Hook::ConfigChanged
            | Hook::LeaderElected
            | Hook::LeaderSettingsChanged
            | Hook::UpdateStatus
            | Hook::UpgradeCharm
            | Hook::Relation(_)
            | Hook::Secret(_)
            | Hook::Storage(_) => {}
        }
    }

    pub(super) fn set_executing(self, plan: &mut SubjectPlan, message: &str, running: &Running) {
        let shown = self.inputs.now - running.since >= SHOWN_AFTER;
        let agent = self.inputs.state.status(StatusKey::Agent(self.unit.id));
        // A hook that asked for a reboot is over when the machine is back.
        let reboots = agent.is_some_and(|agent| agent.status == REBOOTING);
        if shown && !reboots && running.hook != Hook::UpdateStatus {
            self.set_agent(plan, "executing", message);
        }
    }

    /// While a task runs (Juju's words).
    pub(super) fn set_acting(self, plan: &mut SubjectPlan, task: &Task) {
        let Some(since) = task.started_at else {
            return;
        };
        if self.inputs.now - since >= SHOWN_AFTER {
            let message = match task.name.as_str() {
                EXEC => "running commands".to_owned(),
                name => format!("running action {name}"),
            };
            self.set_agent(plan, "executing", &message);
        }
    }

    pub(super) fn set_idle(self, plan: &mut SubjectPlan) {
        self.set_agent(plan, "idle", "");
        let waiting = self
            .inputs
            .state
            .status(StatusKey::Workload(self.unit.id))
            .is_none();
        if waiting && self.unit.life == Life::Alive {
            self.set_workload(plan, "unknown", "");
        }
    }

    /// Whether the next hook was given back by its machine and has to wait;
    /// then operators see why. What a unit in error shows stays.
    pub(super) fn is_put_off(self, plan: &mut SubjectPlan, name: &str) -> bool {
        let Some(put_off) = self.inputs.flight.put_off.get(&self.unit.id) else {
            return false;
        };
        if put_off.seq != self.done.hook_seq + 1 || put_off.until <= self.inputs.now {
            return false;
        }
        let reason = match put_off.times {
            1 => format!("{name} hook is tried again: {}", put_off.reason),
            times => format!(
                "{name} hook is tried again, after {times} tries: {}",
                put_off.reason
            ),
        };
        if self.done.error.is_none() {
            self.set_agent(plan, "executing", &reason);
        }
        plan.wake_at = Some(put_off.until);
        plan.blocked = Some(Blocked {
            reason,
            on: None,
            until: plan.wake_at,
        });
        true
    }

    /// That a hook was skipped stays in the unit's history.
    pub(super) fn set_skipped(self, plan: &mut SubjectPlan, name: &str, reason: &str) {
        self.set_agent(plan, "executing", &format!("skipped {name} hook: {reason}"));
    }
}
