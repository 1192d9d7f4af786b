//! Status by revision, events and logs as they come.

use std::time::Duration;

use lazuli_api::client::StatusAnswer;
use lazuli_api::{AccessLevel, Code, LogQuery, StatusLogQuery, StatusQuery};
use lazuli_model::state::{Change, Row};
use lazuli_model::status::{Status, StatusKey};
use lazuli_store::logs::{self, Level};
use lazuli_store::retention::{self, Retention};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::common::{World, deploy_of};

const SOON: Duration = Duration::from_secs(20);

fn revision(answer: &StatusAnswer) -> u64 {
    match answer {
        StatusAnswer::Document { revision, .. } => *revision,
        StatusAnswer::Unchanged => panic!("no document"),
    }
}

#[tokio::test]
async fn a_poll_of_what_did_not_change_is_answered_from_memory() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let all = StatusQuery::default();
    let first = revision(&model.status_if_changed(None, &all).await.unwrap());
    // Not one connection is left to ask with.
    let pool = world.store.pool();
    let mut taken = Vec::new();
    while let Some(connection) = pool.try_acquire() {
        taken.push(connection);
        if taken.len() >= 8 {
            break;
        }
    }
    for _ in 0..3 {
        let poll = timeout(SOON, model.status_if_changed(Some(first), &all)).await;
        assert_eq!(poll.unwrap().unwrap(), StatusAnswer::Unchanged);
        let again = timeout(SOON, model.status_if_changed(None, &all)).await;
        assert_eq!(revision(&again.unwrap().unwrap()), first);
    }
    drop(taken);
    let written = model
        .deploy(&deploy_of(&url))
        .await
        .unwrap()
        .written
        .unwrap();
    let next = model.status_if_changed(Some(first), &all).await.unwrap();
    assert_eq!(revision(&next), written.revision);
}

#[tokio::test]
async fn a_watcher_waits_for_what_comes() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let at = model.info().await.unwrap().at.revision;
    let watch = StatusQuery {
        min_revision: None,
        after: Some(at),
    };
    let watching = timeout(SOON, model.status_if_changed(None, &watch));
    let deploy = deploy_of(&url);
    let (watched, written) = tokio::join!(watching, model.deploy(&deploy));
    let watched = watched.unwrap().unwrap();
    assert_eq!(
        revision(&watched),
        written.unwrap().written.unwrap().revision
    );
}

/// What is open is closed when its reader may not read any more.
#[tokio::test]
async fn a_stream_ends_with_the_permission_to_read_it() {
    let world = World::with(|settings| settings.recheck = Duration::from_millis(50)).await;
    world.model("dev").await;
    let bob = world.user("bob").await;
    let of_admin = world.admin.model("dev");
    of_admin.grant("bob", AccessLevel::Read).await.unwrap();
    let mut revoked = bob.model("admin/dev").events(None).await.unwrap();
    let early = timeout(Duration::from_millis(300), revoked.next()).await;
    assert!(early.is_err(), "it ended although nothing was revoked");
    of_admin.revoke("bob").await.unwrap();
    let ended = timeout(SOON, revoked.next()).await.unwrap();
    assert!(!matches!(ended, Ok(Some(_))), "it went on");

    of_admin.grant("bob", AccessLevel::Read).await.unwrap();
    let mut logged_out = bob.model("admin/dev").events(None).await.unwrap();
    bob.logout().await.unwrap();
    let ended = timeout(SOON, logged_out.next()).await.unwrap();
    assert!(!matches!(ended, Ok(Some(_))), "it went on");
}

#[tokio::test]
async fn events_are_followed_and_resumed() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let mut stream = model.events(None).await.unwrap();
    model.deploy(&deploy_of(&url)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = timeout(SOON, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(message.id.as_deref(), Some(message.data.id().as_str()));
        assert_eq!(
            (message.data.kind.as_str(), message.data.actor.as_str()),
            ("created", "user:admin")
        );
        seen.push((
            message.data.entity.clone(),
            message.data.name.clone(),
            message.data.id(),
        ));
    }
    let names: Vec<&str> = seen
        .iter()
        .filter_map(|(_, name, _)| name.as_deref())
        .collect();
    assert_eq!(names, ["web", "0", "web/0"]);
    drop(stream);
    // From the middle of a commit on: what was seen is not seen again.
    let mut resumed = model.events(Some(&seen[0].2)).await.unwrap();
    let next = timeout(SOON, resumed.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(next.data.id(), seen[1].2);
    // From a revision on: all that came with it is known.
    let last = next.data.revision;
    let mut after = model.events(Some(&last.to_string())).await.unwrap();
    model.trust("web", true).await.unwrap();
    let next = timeout(SOON, after.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.data.revision, last + 1);
    assert_eq!(next.data.kind, "changed");
}

#[tokio::test]
async fn events_that_are_no_longer_kept_are_gone() {
    let world = World::new().await;
    world.model("dev").await;
    // Keeps nothing, not even what is to come.
    let nothing = Retention {
        events: time::Duration::days(-30),
        ..Retention::default()
    };
    retention::maintain(world.store.pool(), &nothing)
        .await
        .unwrap();
    let refused = world
        .admin
        .model("dev")
        .events(Some("0.0"))
        .await
        .err()
        .unwrap();
    assert!(refused.problem().unwrap().is(Code::Gone));
    let refused = world
        .admin
        .model("dev")
        .events(Some("x"))
        .await
        .err()
        .unwrap();
    assert!(refused.problem().unwrap().is(Code::BadRequest));
}

#[tokio::test]
async fn logs_are_read_and_followed() {
    let world = World::new().await;
    let id = world.model("dev").await;
    let model = world.admin.model("dev");
    let line = |entity: &str, level: Level, message: &str| logs::LogLine {
        model: id,
        at: OffsetDateTime::now_utc(),
        entity: entity.to_owned(),
        level,
        module: "unit.web/0.juju-log".to_owned(),
        message: message.to_owned(),
    };
    let pool = world.store.pool();
    let first = [
        line("unit-web-0", Level::Info, "one"),
        line("machine-0", Level::Error, "two"),
        line("unit-web-0", Level::Warning, "three"),
    ];
    logs::append(pool, &first).await.unwrap();
    let texts = |lines: &[lazuli_api::LogLine]| -> Vec<String> {
        lines.iter().map(|line| line.message.clone()).collect()
    };
    // Lines show once no transaction before them is open, of any database.
    let mut all = model.logs(&LogQuery::default()).await.unwrap();
    let deadline = Instant::now() + SOON;
    while all.lines.len() < 3 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        all = model.logs(&LogQuery::default()).await.unwrap();
    }
    assert_eq!(texts(&all.lines), ["one", "two", "three"]);
    let bad = LogQuery {
        level: Some("warning".to_owned()),
        include: Some("web/0".to_owned()),
        ..LogQuery::default()
    };
    assert_eq!(texts(&model.logs(&bad).await.unwrap().lines), ["three"]);
    let follow = LogQuery {
        after: Some(all.next),
        limit: Some(2),
        ..LogQuery::default()
    };
    let mut stream = model.follow_logs(&follow).await.unwrap();
    logs::append(pool, &[line("unit-web-0", Level::Info, "four")])
        .await
        .unwrap();
    let next = timeout(SOON, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(next.data.message, "four");
    let more = [
        line("x", Level::Info, "five"),
        line("x", Level::Info, "six"),
    ];
    logs::append(pool, &more).await.unwrap();
    let next = timeout(SOON, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(next.data.message, "five");
    assert!(
        timeout(SOON, stream.next())
            .await
            .unwrap()
            .unwrap()
            .is_none(),
        "two were asked for"
    );
    let loud = LogQuery {
        level: Some("loud".to_owned()),
        ..LogQuery::default()
    };
    let refused = model.logs(&loud);
    assert!(
        refused
            .await
            .unwrap_err()
            .problem()
            .unwrap()
            .is(Code::BadRequest)
    );
}

#[tokio::test]
async fn statuses_have_a_history() {
    let world = World::new().await;
    let (id, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    let loaded = lazuli_store::load(world.store.pool(), id).await.unwrap();
    let unit = loaded.state.units().next().unwrap().id;
    let began = OffsetDateTime::now_utc();
    for (n, word) in ["maintenance", "active"].into_iter().enumerate() {
        let at = began + time::Duration::seconds(i64::try_from(n).unwrap());
        let row = |key| Change::Put(Row::Status(key, Status::new(word, "x", at)));
        let rows = vec![row(StatusKey::Workload(unit)), row(StatusKey::Agent(unit))];
        world.commit(id, rows).await;
    }
    let query = |kind: Option<&str>, limit| StatusLogQuery {
        entity: Some("web/0".to_owned()),
        kind: kind.map(str::to_owned),
        limit,
    };
    let log = model
        .status_log(&query(Some("workload"), None))
        .await
        .unwrap();
    let words: Vec<&str> = log
        .entries
        .iter()
        .map(|entry| entry.status.as_str())
        .collect();
    assert_eq!(words, ["maintenance", "active"]);
    assert_eq!(log.entries[0].kind, "workload");
    let both = model.status_log(&query(None, Some(3))).await.unwrap();
    assert_eq!(both.entries.len(), 3);
    let refused = model.status_log(&query(Some("machine"), None)).await;
    assert!(refused.unwrap_err().problem().unwrap().is(Code::Invalid));
}
