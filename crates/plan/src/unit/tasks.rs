//! What a unit leaves to its tasks and to those of its neighbours.

use lazuli_model::life::Life;
use lazuli_model::state::Task;

use super::{Rows, before_tasks, block};
use crate::task::{self, Turn};
use crate::types::{Subject, SubjectPlan};

impl<'a> Rows<'a> {
    /// The task that runs for the unit, which does one thing at a time.
    pub(super) fn running_task(self) -> Option<&'a Task> {
        self.inputs
            .state
            .tasks_of(self.unit.id)
            .find(|task| task::is_running(task))
    }

    /// The task that comes before any hook that may be due now.
    pub(super) fn task_first(self) -> Option<&'a Task> {
        self.inputs
            .state
            .tasks_of(self.unit.id)
            .next()
            .filter(|_| self.unit.life == Life::Alive)
            .filter(|_| before_tasks(self.inputs, self.unit).is_none())
    }
}

impl Rows<'_> {
    /// One hook at a time on a machine (Juju's machine lock), and no task that
    /// takes the same turn.
    pub(super) fn busy_neighbour(self) -> Option<String> {
        let state = self.inputs.state;
        let hook = state
            .units_on(self.machine.id)
            .find(|other| {
                other.id != self.unit.id && self.inputs.flight.hooks.contains_key(&other.id)
            })
            .map(|other| format!("{} runs a hook", other.name));
        hook.or_else(|| {
            task::running_on(state, self.machine.id)
                .find(|task| task::turn(task) == Turn::Machine)
                .map(|task| format!("{} runs {}", task.receiver.name(), task::called(task)))
        })
    }

    /// A unit does nothing else while a task runs for it.
    pub(super) fn while_task(self, plan: &mut SubjectPlan, task: &Task) {
        self.set_acting(plan, task);
        block(
            plan,
            format!("running {}", task::called(task)),
            Some(Subject::Task(task.number)),
            None,
        );
    }
}
