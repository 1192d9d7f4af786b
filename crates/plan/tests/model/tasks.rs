//! Tasks: their turn among hooks and each other, and all their ends.

use std::sync::Arc;

use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, EXEC, HookError, Machine, MachineState, Receiver, Row, Task, TaskStatus, Unit,
    UnitState,
};
use lazuli_plan::{RunningTask, Subject, TaskEnded, TaskExit, commit_task, task_charm};
use serde_json::Map;
use time::Duration;

use crate::world::World;

impl World {
    /// Runs a task as its name says: `hang` does not end by itself.
    pub(crate) fn run_task(&mut self, number: u64) {
        let task = self.state.task(number).expect("a task").clone();
        assert_eq!(task.status, TaskStatus::Running, "committed before it runs");
        let running = RunningTask {
            since: self.now,
            ending: None,
        };
        let before = self.flight.tasks.insert(number, running);
        assert_eq!(before, None, "a task is handed out once");
        let ran = self.ran.entry(task.receiver.name()).or_default();
        ran.push(format!("action {}", task.name));
        self.dirty.insert(Subject::Task(number));
        if task.name != "hang" {
            self.end_task(number, TaskExit::Code(0));
        }
    }

    pub(crate) fn kill_task(&mut self, number: u64) {
        if self.deaf {
            let running = self.flight.tasks.get_mut(&number).expect("a task");
            running.ending.get_or_insert(self.now);
            self.dirty.insert(Subject::Task(number));
            return;
        }
        let reason = "cancelled".to_owned();
        self.end_task(number, TaskExit::Killed { reason });
    }

    fn end_task(&mut self, number: u64, exit: TaskExit) {
        self.flight.tasks.remove(&number);
        let ended = TaskEnded {
            task: number,
            exit,
            failed: None,
            results: Map::new(),
            writes: Vec::new(),
        };
        for change in commit_task(&self.state, &ended, self.now) {
            self.apply(change);
        }
        let again = commit_task(&self.state, &ended, self.now);
        assert_eq!(again, [], "an outcome counts once");
    }

    /// Asks for a task of a unit, or of a machine by its name.
    pub(crate) fn ask(
        &mut self,
        number: u64,
        receiver: &str,
        name: &str,
        change: impl Fn(&mut Task),
    ) {
        let receiver = match receiver.contains('/') {
            true => {
                let unit = self.unit(receiver);
                Receiver::Unit {
                    id: unit.id,
                    name: unit.name,
                }
            }
            false => {
                let found = self
                    .state
                    .machines()
                    .find(|row| row.name.as_str() == receiver);
                let machine = found.expect("a machine");
                Receiver::Machine {
                    id: machine.id,
                    name: machine.name.clone(),
                }
            }
        };
        let mut task = Task {
            number,
            operation: 1,
            receiver,
            name: name.to_owned(),
            parameters: Arc::new(Map::new()),
            parallel: false,
            execution_group: String::new(),
            status: TaskStatus::Pending,
            message: String::new(),
            results: None,
            cancel: false,
            boot: None,
            enqueued_at: self.now,
            started_at: None,
            completed_at: None,
        };
        change(&mut task);
        self.put(Row::Task(task));
    }

    fn end(&self, number: u64) -> (TaskStatus, &str) {
        let task = self.ended.get(&number).expect("a task that ended");
        (task.status, task.message.as_str())
    }

    fn why(&self, subject: Subject) -> String {
        self.plan(subject).blocked.expect("a reason").reason
    }

    fn cancel(&mut self, number: u64) {
        let task = self.state.task(number).expect("a task").clone();
        self.put(Row::Task(Task {
            cancel: true,
            ..task
        }));
    }
}

/// Two units of different applications on one machine, at rest.
fn neighbours() -> World {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 0);
    world.add_unit(proxy);
    let machine = world.unit("web/0").machine;
    let other = world.unit("proxy/0");
    let idle = other.machine;
    world.put(Row::Unit(Unit { machine, ..other }));
    world.apply(Change::Delete(lazuli_model::state::RowKey::Machine(idle)));
    world.settle();
    world.ran.clear();
    assert!(world.state.application(web).is_some());
    world
}

fn nothing(_: &mut Task) {}

/// Checklist of real charms, 27: actions share the unit's queue with hooks.
#[test]
fn tasks_run_in_order_and_before_hooks() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    world.ask(2, "web/0", "first", nothing);
    world.ask(3, "web/0", "second", nothing);
    let mut row = world.state.application(web).expect("a row").clone();
    row.trust = true;
    world.put(Row::Application(row));
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0"),
        ["action first", "action second", "config-changed"]
    );
    assert_eq!(world.end(2), (TaskStatus::Completed, ""));
    let task = &world.ended[&3];
    assert!(task.started_at.is_some() && task.completed_at.is_some());
    assert_eq!(task.boot.as_deref(), Some("boot-1"));
}

#[test]
fn a_task_waits_for_install_and_for_what_precedes_it() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.ask(2, "web/0", "early", nothing);
    let why = world.why(Subject::Task(2));
    assert!(why.starts_with("waiting for machine "), "{why}");
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0"),
        [
            "install",
            "ring-relation-created",
            "leader-elected",
            "action early",
            "config-changed",
            "start"
        ]
    );
}

#[test]
fn a_unit_in_error_runs_tasks() {
    let mut world = World::new();
    world.failing.insert("config-changed".to_owned(), 1);
    world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    world.ask(2, "web/0", "look", nothing);
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["action look"]);
    world.wait();
    assert_eq!(world.hooks("web/0"), ["config-changed", "start"]);
}

#[test]
fn a_unit_does_one_thing_at_a_time_whatever_the_task_may() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    world.ask(2, "web/0", "hang", |task| task.parallel = true);
    world.ask(3, "web/0", "next", |task| task.parallel = true);
    let mut row = world.state.application(web).expect("a row").clone();
    row.trust = true;
    world.put(Row::Application(row));
    world.settle();
    world.assert_settled();
    let unit = world.unit("web/0").id;
    assert_eq!(world.hooks("web/0"), ["action hang"]);
    assert_eq!(world.why(Subject::Unit(unit)), "running action hang");
    assert_eq!(world.why(Subject::Task(3)), "waiting for task 2 of web/0");
    world.end_task(2, TaskExit::Code(0));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["action next", "config-changed"]);
}

/// Checklist of real charms, 15: one at a time on a machine, `exec` included.
#[test]
fn a_task_takes_its_machines_turn_unless_it_is_parallel() {
    let mut world = neighbours();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    world.ask(3, "proxy/0", "other", nothing);
    world.ask(4, "web/0", "mine", nothing);
    world.settle();
    world.assert_settled();
    let name = world
        .state
        .machine(world.unit("web/0").machine)
        .expect("a machine")
        .name
        .to_string();
    assert_eq!(
        world.why(Subject::Task(3)),
        format!("waiting for machine {name}: web/0 runs action hang")
    );
    world.ask(5, &name, EXEC, |task| task.parallel = true);
    world.ask(6, &name, EXEC, nothing);
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(5), (TaskStatus::Completed, ""));
    assert_eq!(world.hooks("proxy/0"), [""; 0]);
    world.end_task(2, TaskExit::Code(0));
    world.settle();
    world.assert_settled();
    for number in [3, 4, 6] {
        assert_eq!(world.end(number).0, TaskStatus::Completed, "{number}");
    }
}

#[test]
fn a_hook_of_a_neighbour_waits_for_a_task_and_a_task_for_it() {
    let mut world = neighbours();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    let proxy = world.unit("proxy/0");
    let mut row = world
        .state
        .application(proxy.application)
        .expect("a row")
        .clone();
    row.trust = true;
    world.put(Row::Application(row));
    world.settle();
    world.assert_settled();
    let why = world.why(Subject::Unit(proxy.id));
    assert!(why.ends_with(": web/0 runs action hang"), "{why}");
    world.endless.insert("config-changed".to_owned());
    world.end_task(2, TaskExit::Code(0));
    world.settle();
    world.ask(3, "web/0", "late", nothing);
    world.ask(4, "web/0", "later", |task| {
        task.execution_group = "g".to_owned();
    });
    world.settle();
    let why = world.why(Subject::Task(3));
    assert!(why.ends_with(": proxy/0 runs a hook"), "{why}");
}

#[test]
fn a_group_takes_turns_of_its_own() {
    let mut world = neighbours();
    let grouped = |task: &mut Task| {
        task.parallel = true;
        task.execution_group = "g".to_owned();
    };
    world.ask(2, "web/0", "hang", grouped);
    world.settle();
    world.ask(3, "proxy/0", "same", grouped);
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.state.task(3).map(|task| task.status),
        Some(TaskStatus::Pending)
    );
    world.cancel(3);
    world.ask(4, "proxy/0", "free", |task| {
        task.execution_group = "h".to_owned();
    });
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(4), (TaskStatus::Completed, ""));
    assert_eq!(
        world.end(3),
        (TaskStatus::Cancelled, "action cancelled via the API")
    );
    world.end_task(2, TaskExit::Code(0));
    world.settle();
    world.assert_settled();
}

#[test]
fn a_running_task_that_is_cancelled_is_ended() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    world.assert_settled();
    world.cancel(2);
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(2), (TaskStatus::Aborted, "action terminated"));
}

#[test]
fn a_task_that_does_not_end_is_waited_for_a_minute() {
    let mut world = World::new();
    world.deaf = true;
    world.deploy("web", 1);
    world.settle();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    world.cancel(2);
    world.settle();
    let plan = world.plan(Subject::Task(2));
    assert_eq!(plan.wake_at, Some(world.now + Duration::minutes(1)));
    assert_eq!(
        world.state.task(2).map(|task| task.status),
        Some(TaskStatus::Aborting)
    );
    world.wait();
    assert_eq!(world.end(2).0, TaskStatus::Aborted);
    world.assert_settled();
}

/// The crash points are before the hand-out and after it: either way the row
/// says that it runs, and its machine is asked again.
#[test]
fn a_controller_that_restarts_asks_for_running_tasks_again() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    world.flight.tasks.clear();
    world.ran.clear();
    world.dirty.insert(Subject::Task(2));
    world.settle();
    assert_eq!(world.hooks("web/0"), ["action hang"]);
    world.end_task(2, TaskExit::Interrupted);
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(2), (TaskStatus::Failed, "action terminated"));
    assert_eq!(world.hooks("web/0"), [""; 0]);
}

#[test]
fn a_unit_that_goes_cancels_what_waits_and_ends_what_runs() {
    let mut world = World::new();
    world.deploy("web", 2);
    world.settle();
    world.ran.clear();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    world.ask(3, "web/0", "late", nothing);
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.end(3),
        (TaskStatus::Cancelled, "web/0 is being removed")
    );
    // What runs may finish, for as long as removal-timeout says.
    let unit = world.unit("web/0").id;
    assert_eq!(world.why(Subject::Unit(unit)), "running action hang");
    let began = world.now;
    while !world.ended.contains_key(&2) {
        world.wait();
    }
    assert_eq!(world.now, began + Duration::hours(1));
    assert_eq!(world.end(2).0, TaskStatus::Aborted);
    world.assert_settled();
    assert!(world.state.unit(unit).is_none());
    assert!(world.hooks("web/0").contains(&"remove".to_owned()));
}

#[test]
fn a_unit_that_is_forced_out_does_not_wait_for_a_task() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.ask(2, "web/0", "hang", nothing);
    world.settle();
    let unit = world.unit("web/0");
    world.put(Row::Unit(Unit {
        life: Life::Dying,
        force: true,
        ..unit
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(2).0, TaskStatus::Aborted);
    assert_eq!(world.state.units().count(), 0);
}

#[test]
fn what_a_lost_machine_runs_ends_with_it() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    let name = {
        let machine = world.unit("web/0").machine;
        world
            .state
            .machine(machine)
            .expect("a row")
            .name
            .to_string()
    };
    world.ask(2, &name, "hang", nothing);
    world.ask(3, &name, "late", nothing);
    world.settle();
    let unit = world.unit("web/0");
    let machine = world.state.machine(unit.machine).expect("a row").clone();
    let known = world
        .state
        .machine_state(machine.id)
        .expect("a row")
        .clone();
    world.put(Row::MachineState(MachineState {
        facts: None,
        ..known
    }));
    world.put(Row::Machine(Machine {
        life: Life::Dying,
        force: true,
        ..machine
    }));
    world.put(Row::Unit(Unit {
        life: Life::Dying,
        force: true,
        ..unit
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.end(3).0, TaskStatus::Cancelled);
    assert!(matches!(
        world.end(2).0,
        TaskStatus::Aborted | TaskStatus::Failed
    ));
    assert_eq!(world.state.tasks().count(), 0);
}

/// A charm whose upgrade-charm failed is in place: its actions run, not those
/// of the one before.
#[test]
fn after_a_failed_upgrade_the_new_charm_runs_tasks() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    world.settle();
    let unit = world.unit("web/0");
    let old = world.state.application(web).expect("a row").charm;
    assert_eq!(task_charm(&world.state, &unit), Some(old));
    let mut new = world.state.charm(old).expect("a charm").clone();
    new.id = world.fresh();
    new.url = "local:all-1".to_owned();
    let mut row = world.state.application(web).expect("a row").clone();
    row.charm = new.id;
    let done = world.state.unit_state(unit.id).expect("a state").clone();
    let error = HookError {
        hook: Hook::UpgradeCharm,
        attempts: 1,
        reason: "exit status 1".to_owned(),
        since: world.now,
        next_try: None,
    };
    let fresh = new.id;
    world.put(Row::Charm(new));
    world.put(Row::Application(row));
    assert_eq!(task_charm(&world.state, &unit), Some(old));
    world.put(Row::UnitState(UnitState {
        error: Some(error),
        ..done
    }));
    assert_eq!(task_charm(&world.state, &unit), Some(fresh));
}
