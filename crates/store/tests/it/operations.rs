//! Operations, tasks, and what they said.

use std::sync::Arc;

use lazuli_model::state::{Change, Operation, Receiver, Row, RowKey, Task, TaskLog, TaskStatus};
use lazuli_store::heads::Hold;
use lazuli_store::operations::{self, Filter};
use lazuli_store::retention::{Retention, maintain};
use serde_json::json;
use sqlx::query;
use time::Duration;

use crate::common::{NOW, World, admin, batch, unit};

fn task(number: u64, operation: u64, n: u128, status: TaskStatus) -> Task {
    let parameters = json!({ "file": "x" }).as_object().cloned().unwrap();
    Task {
        number,
        operation,
        receiver: Receiver::Unit {
            id: unit(n).id,
            name: unit(n).name,
        },
        name: "backup".to_owned(),
        parameters: Arc::new(parameters),
        parallel: true,
        execution_group: "g".to_owned(),
        status,
        message: String::new(),
        results: None,
        cancel: false,
        boot: Some("b".to_owned()),
        enqueued_at: NOW,
        started_at: None,
        completed_at: status.is_final().then_some(NOW),
    }
}

fn operation(number: u64, action: &str) -> Operation {
    Operation {
        number,
        summary: format!("{action} run on unit-mysql-1"),
        action: action.to_owned(),
        parameters: Arc::default(),
        fail: String::new(),
        enqueued_at: NOW,
    }
}

fn said(task: &Task, n: u64, message: &str) -> Row {
    Row::TaskLog(TaskLog {
        task: task.number,
        receiver: task.receiver.clone(),
        n,
        at: NOW,
        message: message.to_owned(),
    })
}

async fn commit(world: &World, hold: Hold, rows: impl IntoIterator<Item = Row>) {
    let changes = rows.into_iter().map(Change::Put).collect();
    world.store.commit(&[batch(hold, changes)]).await.unwrap();
}

#[tokio::test]
async fn what_has_ended_is_not_loaded_and_stays_as_it_is() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let (live, done) = (
        task(2, 1, 1, TaskStatus::Running),
        task(3, 1, 2, TaskStatus::Completed),
    );
    let rows = [
        Row::Operation(operation(1, "backup")),
        Row::Task(live.clone()),
        Row::Task(done.clone()),
    ];
    commit(&world, hold, rows).await;
    let loaded = world.store.load(hold.model).await.unwrap();
    assert_eq!(loaded.state.tasks().collect::<Vec<_>>(), [&live]);
    let keys = [RowKey::Task(2), RowKey::Task(3), RowKey::TaskLog(2, 1)];
    let read = lazuli_store::rows(world.store.pool(), hold.model, &keys.clone().into())
        .await
        .unwrap();
    let expected = [
        Change::Put(Row::Task(live.clone())),
        Change::Delete(RowKey::Task(3)),
        Change::Delete(RowKey::TaskLog(2, 1)),
    ];
    assert_eq!(read, expected);
    // A controller that is late does not bring it back.
    let late = Task {
        status: TaskStatus::Running,
        completed_at: None,
        ..done.clone()
    };
    commit(&world, hold, [Row::Task(late)]).await;
    let whole = operations::get(world.store.pool(), hold.model, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(whole.tasks, [live, done]);
    assert_eq!(whole.operation, operation(1, "backup"));
}

/// Whoever wants a task to end writes beside the controller: neither undoes
/// what the other wrote.
#[tokio::test]
async fn a_wish_to_cancel_survives_a_write_that_knows_nothing_of_it() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let pending = task(2, 1, 1, TaskStatus::Pending);
    commit(&world, hold, [Row::Task(pending.clone())]).await;
    let mut edit = world.store.edit(hold.model, None, admin()).await.unwrap();
    edit.put(Row::Task(Task {
        cancel: true,
        ..pending.clone()
    }));
    edit.commit().await.unwrap();
    let running = Task {
        status: TaskStatus::Running,
        ..pending
    };
    commit(&world, hold, [Row::Task(running)]).await;
    let loaded = world.store.load(hold.model).await.unwrap();
    let task = loaded.state.task(2).unwrap();
    assert_eq!((task.status, task.cancel), (TaskStatus::Running, true));
}

#[tokio::test]
async fn numbers_are_one_counter_and_never_used_again() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let mut edit = world.store.edit(hold.model, None, admin()).await.unwrap();
    assert_eq!((edit.next_task(), edit.next_task()), (1, 2));
    edit.put(Row::Operation(operation(1, "backup")));
    edit.commit().await.unwrap();
    let mut edit = world.store.edit(hold.model, None, admin()).await.unwrap();
    assert_eq!(edit.next_task(), 3);
}

#[tokio::test]
async fn what_was_said_is_kept_once_in_order() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let one = task(2, 1, 1, TaskStatus::Running);
    let rows = [
        Row::Operation(operation(1, "backup")),
        Row::Task(one.clone()),
        said(&one, 2, "b"),
        said(&one, 1, "a"),
    ];
    commit(&world, hold, rows).await;
    commit(&world, hold, [said(&one, 2, "again"), said(&one, 3, "c")]).await;
    let whole = operations::get(world.store.pool(), hold.model, 1)
        .await
        .unwrap()
        .unwrap();
    let lines: Vec<&str> = whole.logs[&2]
        .iter()
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(lines, ["a", "b", "c"]);
    let found = operations::of_task(world.store.pool(), hold.model, 2);
    assert_eq!(found.await.unwrap(), Some(1));
    let none = operations::of_task(world.store.pool(), hold.model, 9);
    assert_eq!(none.await.unwrap(), None);
}

#[tokio::test]
async fn operations_are_listed_by_what_is_asked() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let on_machine = Task {
        receiver: Receiver::Machine {
            id: unit(1).machine,
            name: "7".parse().unwrap(),
        },
        ..task(6, 5, 1, TaskStatus::Completed)
    };
    let rows = [
        Row::Operation(operation(1, "backup")),
        Row::Task(task(2, 1, 1, TaskStatus::Completed)),
        Row::Task(task(3, 1, 2, TaskStatus::Failed)),
        Row::Operation(operation(5, "juju-exec")),
        Row::Task(on_machine),
        Row::Operation(operation(8, "nowhere")),
        Row::Operation(operation(9, "backup")),
        Row::Task(task(10, 9, 2, TaskStatus::Pending)),
    ];
    commit(&world, hold, rows).await;
    let all = Filter {
        limit: 10,
        ..Filter::default()
    };
    let owned = |text: &str| vec![text.to_owned()];
    for (filter, numbers) in [
        (all.clone(), &[1, 5, 8, 9][..]),
        (
            Filter {
                actions: owned("backup"),
                ..all.clone()
            },
            &[1, 9],
        ),
        (
            Filter {
                units: owned("mysql/2"),
                ..all.clone()
            },
            &[1, 9],
        ),
        (
            Filter {
                applications: owned("mysql"),
                machines: owned("7"),
                ..all.clone()
            },
            &[1, 5, 9],
        ),
        (
            Filter {
                statuses: vec![TaskStatus::Failed],
                ..all.clone()
            },
            &[1],
        ),
        (
            Filter {
                statuses: vec![TaskStatus::Error, TaskStatus::Pending],
                ..all.clone()
            },
            &[8, 9],
        ),
        (
            Filter {
                offset: 1,
                limit: 2,
                ..all
            },
            &[5, 8],
        ),
    ] {
        let (found, more) = operations::list(world.store.pool(), hold.model, &filter)
            .await
            .unwrap();
        let found: Vec<u64> = found.iter().map(|one| one.operation.number).collect();
        assert_eq!(found, numbers, "{filter:?}");
        assert_eq!(more, filter.limit == 2);
    }
}

/// Rows of before are kept for as long as the model says, and no more than it
/// says; what has not ended stays.
#[tokio::test]
async fn what_is_too_old_or_too_much_goes_whole() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let pool = world.store.pool();
    let big = "x".repeat(8 << 10);
    let mut rows = Vec::new();
    for (number, days, status) in [
        (1, 20, TaskStatus::Completed),
        (3, 20, TaskStatus::Running),
        (5, 1, TaskStatus::Failed),
    ] {
        let at = time::OffsetDateTime::now_utc() - Duration::days(days);
        let mut one = task(number + 1, number, 1, status);
        one.completed_at = status.is_final().then_some(at);
        rows.push(said(&one, 1, "a"));
        rows.push(Row::Task(one));
        rows.push(Row::Operation(Operation {
            enqueued_at: at,
            ..operation(number, "backup")
        }));
    }
    commit(&world, hold, rows).await;
    let left = || async {
        let all = Filter {
            limit: 10,
            ..Filter::default()
        };
        let (found, _) = operations::list(pool, hold.model, &all).await.unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|one| (one.operation.number, one.tasks.len(), one.logs.len()))
            .collect();
        found
    };
    let done = maintain(pool, &Retention::default()).await.unwrap();
    assert_eq!(done.deleted, 3, "an operation, its task, what it said");
    assert_eq!(left().await, [(3, 1, 1), (5, 1, 1)]);
    let again = maintain(pool, &Retention::default()).await.unwrap();
    assert_eq!(again.deleted, 0);
    // By size: the newest stay.
    let mut rows = Vec::new();
    for number in (101..401).step_by(2) {
        let mut one = task(number + 1, number, 1, TaskStatus::Completed);
        one.completed_at = Some(time::OffsetDateTime::now_utc());
        // What does not compress: each byte another.
        let noise: String = (0..big.len())
            .map(|n| char::from(b'!' + ((n * n * 31 + n * 7 + number as usize) % 90) as u8))
            .collect();
        one.results = json!({ "stdout": noise })
            .as_object()
            .cloned()
            .map(Arc::new);
        rows.push(Row::Task(one));
        rows.push(Row::Operation(operation(number, "backup")));
    }
    commit(&world, hold, rows).await;
    query("update models set config = '{\"max-action-results-size\": \"0M\"}'")
        .execute(pool)
        .await
        .unwrap();
    maintain(pool, &Retention::default()).await.unwrap();
    assert_eq!(left().await, [(3, 1, 1)]);
}
