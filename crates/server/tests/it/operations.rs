//! Operations over the API: asked for, waited for, cancelled.

use std::time::Duration;

use lazuli_api::{Code, Exec, OperationQuery, RunAction};
use lazuli_model::state::{Change, Row, Task, TaskStatus};
use tokio::time::timeout;

use super::common::{World, code, deploy_of};

const SOON: Duration = Duration::from_secs(20);

fn everywhere(command: &str) -> Exec {
    Exec {
        command: command.to_owned(),
        all: true,
        ..Exec::default()
    }
}

#[tokio::test]
async fn who_waits_hears_of_the_end() {
    let world = World::new().await;
    let (id, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    let asked = model.exec(&everywhere("hostname")).await.unwrap();
    assert_eq!(asked.operation.as_deref(), Some("1"));
    let mut operation = model.operation("1").await.unwrap();
    let task = &operation.document.tasks[0];
    assert_eq!((task.id.as_str(), task.status.as_str()), ("2", "pending"));
    assert_eq!(task.machine.as_deref(), Some("0"));
    assert_eq!(task.waiting.as_deref(), Some("waiting for machine 0"));
    // Nothing changes for a moment: that is an answer too.
    let short = Duration::from_millis(50);
    assert!(!model.follow_operation(&mut operation, short).await.unwrap());
    let row = world.store.load(id).await.unwrap();
    let row = row.state.task(2).unwrap().clone();
    let done = Change::Put(Row::Task(Task {
        status: TaskStatus::Completed,
        completed_at: Some(row.enqueued_at),
        ..row
    }));
    let following = timeout(SOON, model.follow_operation(&mut operation, SOON));
    let (followed, _) = tokio::join!(following, world.commit(id, vec![done]));
    assert!(followed.unwrap().unwrap());
    assert_eq!(operation.document.status, "completed");
    let mut task = model.task("2").await.unwrap();
    assert!(task.document.ended);
    // What has ended changes no more: nobody waits for it.
    let again = timeout(SOON, model.follow_task(&mut task, SOON * 3)).await;
    assert!(!again.unwrap().unwrap());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    for id in ["1", "x", "99999999999999999999999"] {
        assert_eq!(code(model.operation(id).await), Some(Code::NotFound));
        assert_eq!(code(model.task(id).await), Some(Code::NotFound));
        assert_eq!(code(model.cancel_task(id).await), Some(Code::NotFound));
    }
    assert_eq!(code(model.actions("web").await), Some(Code::NotFound));
    assert_eq!(
        code(model.exec(&everywhere("true")).await),
        Some(Code::Invalid)
    );
    let query = OperationQuery {
        status: Some("done".to_owned()),
        ..OperationQuery::default()
    };
    assert_eq!(code(model.operations(&query).await), Some(Code::BadRequest));
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_an_operation_without_tasks() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    let request = RunAction {
        action: "backup".to_owned(),
        units: vec!["web/0".to_owned()],
        ..RunAction::default()
    };
    let asked = model
        .clone()
        .idempotent("once")
        .unwrap()
        .run_action(&request)
        .await
        .unwrap();
    let again = model.clone().idempotent("once").unwrap();
    assert_eq!(again.run_action(&request).await.unwrap(), asked);
    let all = model.operations(&OperationQuery::default()).await.unwrap();
    let [operation] = all.operations.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(
        operation.fail,
        "action \"backup\" not defined on unit \"web/0\""
    );
    assert_eq!(
        (operation.status.as_str(), operation.tasks.len()),
        ("error", 0)
    );
    assert!(model.actions("web").await.unwrap().actions.is_empty());
    // Of a dry run nothing is left.
    let dry = model.clone().dry_run(true);
    dry.exec(&everywhere("true")).await.unwrap();
    let all = model.operations(&OperationQuery::default()).await.unwrap();
    assert_eq!(all.operations.len(), 1);
}

#[tokio::test]
async fn a_task_is_cancelled_by_a_wish() {
    let world = World::new().await;
    let (id, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    model.exec(&everywhere("true")).await.unwrap();
    assert!(model.cancel_task("2").await.unwrap().written.is_some());
    // Once is enough.
    assert!(model.cancel_task("2").await.unwrap().written.is_none());
    let loaded = world.store.load(id).await.unwrap();
    assert!(loaded.state.task(2).unwrap().cancel);
}
