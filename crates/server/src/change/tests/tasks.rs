use lazuli_api::{Exec, RunAction};
use lazuli_model::state::{EXEC, Operation, Task};

use super::*;

/// What a request comes to: the operation and its tasks.
fn asked(
    world: &mut World,
    request: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal>,
) -> (Operation, Vec<Task>) {
    let mut draft = Draft::new(&world.state, NOW, &mut world.numbers);
    request(&mut draft).unwrap();
    let outcome = draft.outcome();
    let mut operation = None;
    let mut tasks = Vec::new();
    for change in outcome.changes {
        match &change {
            Change::Put(Row::Operation(row)) => operation = Some(row.clone()),
            Change::Put(Row::Task(row)) => tasks.push(row.clone()),
            other => panic!("{other:?}"),
        }
        world.state.apply(change);
    }
    let operation = operation.unwrap();
    assert_eq!(outcome.operation, Some(operation.number));
    (operation, tasks)
}

fn backup(units: &[&str], parameters: serde_json::Value) -> RunAction {
    RunAction {
        action: "backup".to_owned(),
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        parameters: parameters.as_object().unwrap().clone(),
        ..RunAction::default()
    }
}

#[test]
fn an_action_is_scheduled_with_its_defaults() {
    let mut world = World::new();
    world.deploy("web");
    let request = backup(&["web/0"], json!({ "file": "x" }));
    let (operation, tasks) = asked(&mut world, |draft| run(draft, &request));
    assert_eq!(operation.number, 1);
    assert_eq!(operation.summary, "backup run on unit-web-0");
    assert_eq!(operation.fail, "");
    assert_eq!(json!(operation.parameters), json!({ "file": "x" }));
    let [task] = tasks.as_slice() else {
        panic!("{tasks:?}");
    };
    assert_eq!((task.number, task.operation), (2, 1));
    assert_eq!(json!(task.parameters), json!({ "file": "x", "level": 3 }));
    assert!(!task.parallel && task.execution_group.is_empty());
    let request = RunAction {
        action: "tidy".to_owned(),
        ..request
    };
    let (_, tasks) = asked(&mut world, |draft| {
        let request = RunAction {
            parameters: Default::default(),
            ..request.clone()
        };
        run(draft, &request)
    });
    assert!(tasks[0].parallel);
    assert_eq!(tasks[0].execution_group, "g");
}

/// Each place has its own reason; the others go on.
#[test]
fn what_cannot_be_scheduled_is_said_by_the_operation() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    for (request, fail) in [
        (
            backup(&["web/9"], json!({ "file": "x" })),
            "unit \"web/9\" not found; did you mean \"web/0\"?",
        ),
        (
            backup(&["web/leader"], json!({ "file": "x" })),
            "could not determine leader for \"web\"",
        ),
        (
            backup(&["web/0"], json!({})),
            "validation failed: (root) : \"file\" property is missing and required, given {}",
        ),
        (
            RunAction {
                action: EXEC.to_owned(),
                ..backup(&["web/0"], json!({}))
            },
            "action \"juju-exec\" not defined on unit \"web/0\"",
        ),
    ] {
        let (operation, tasks) = asked(&mut world, |draft| run(draft, &request));
        assert_eq!(tasks, []);
        let first = operation.fail.lines().next().unwrap();
        assert!(fail.starts_with(first), "{first} for {fail}");
    }
    let request = backup(&["web/0", "web/7"], json!({ "file": "x" }));
    let (operation, tasks) = asked(&mut world, |draft| run(draft, &request));
    assert_eq!(tasks.len(), 1);
    assert!(operation.fail.starts_with("unit \"web/7\" not found"));
}

#[test]
fn a_command_goes_everywhere_once() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    let request = Exec {
        command: "uname".to_owned(),
        units: vec!["pg/0".to_owned(), "web/0".to_owned()],
        applications: vec!["web".to_owned(), "nothing".to_owned()],
        machines: vec!["0".to_owned()],
        parallel: true,
        ..Exec::default()
    };
    let (operation, tasks) = asked(&mut world, |draft| exec(draft, &request));
    let places: Vec<String> = tasks.iter().map(|task| task.receiver.name()).collect();
    assert_eq!(places, ["0", "web/0", "pg/0"]);
    assert_eq!(operation.fail, "application \"nothing\" not found");
    assert_eq!(operation.action, EXEC);
    assert_eq!(json!(tasks[0].parameters), json!({ "command": "uname" }));
    let all = Exec {
        command: "uname".to_owned(),
        all: true,
        ..Exec::default()
    };
    let (_, tasks) = asked(&mut world, |draft| exec(draft, &all));
    assert_eq!(tasks.len(), 2);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = World::new();
    world.deploy("web");
    let command = |command: &str| Exec {
        command: command.to_owned(),
        all: true,
        ..Exec::default()
    };
    for (request, why) in [
        (command(" "), "no command is given".to_owned()),
        (
            command(&"x".repeat(300 << 10)),
            "307200 bytes are too many: at most 262144".to_owned(),
        ),
        (
            command("a\0b"),
            "a zero byte cannot be stored: encode the value (base64)".to_owned(),
        ),
    ] {
        assert_eq!(world.refused(|draft| exec(draft, &request)), why);
    }
    let nobody = backup(&[], json!({}));
    assert_eq!(
        world.refused(|draft| run(draft, &nobody)),
        "no unit is named: name one at least"
    );
    let zero = backup(&["web/0"], json!({ "file": { "deep": "a\0" } }));
    assert!(
        world
            .refused(|draft| run(draft, &zero))
            .contains("zero byte")
    );
}

#[test]
fn a_task_is_cancelled_once() {
    let mut world = World::new();
    world.deploy("web");
    let request = backup(&["web/0"], json!({ "file": "x" }));
    let (_, tasks) = asked(&mut world, |draft| run(draft, &request));
    let number = tasks[0].number;
    for _ in 0..2 {
        world
            .ask(|draft| {
                cancel(draft, number);
                Ok(())
            })
            .unwrap();
        assert!(world.state.task(number).unwrap().cancel);
    }
}
