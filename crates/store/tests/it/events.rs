//! Events: who did what to what, and what others may see of it.

use lazuli_model::state::{Change, Row, RowKey};
use lazuli_model::status::{Status, StatusKey};
use lazuli_store::events::{self, Cursor, Event, EventId, Page};
use lazuli_store::retention::{self, Retention};
use lazuli_store::{Refreshed, Store, history, refresh};
use sqlx::query;

use crate::common::{
    NOW, World, admin, batch, create, horizon, id, put_unit, settings, unit, unit_id,
};

async fn all(store: &Store, model: lazuli_model::id::ModelId) -> Vec<Event> {
    match events::after(store.pool(), model, EventId::default(), 100)
        .await
        .unwrap()
    {
        Page::Events(events) => events,
        Page::Gone => panic!("the events are gone"),
    }
}

#[tokio::test]
async fn one_event_says_what_happened_to_one_entity() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let status = Status::new("active", "ready", NOW);
    let workload = Change::Put(Row::Status(StatusKey::Workload(unit_id(1)), status.clone()));
    store
        .commit(&[batch(
            hold,
            vec![put_unit(1), workload.clone(), put_unit(2)],
        )])
        .await
        .unwrap();
    store
        .commit(&[batch(
            hold,
            vec![workload, Change::Delete(RowKey::Unit(unit_id(2)))],
        )])
        .await
        .unwrap();

    let events = all(store, hold.model).await;
    let said: Vec<_> = events
        .iter()
        .map(|event| {
            let name = event.name.as_deref().unwrap_or_default();
            format!(
                "{} {} {name} {} {}",
                event.id, event.entity, event.kind, event.actor
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "1.0 model one created user:admin",
            "2.0 unit mysql/1 created controller",
            "2.1 unit mysql/2 created controller",
            "3.0 unit mysql/1 changed controller",
            "3.1 unit mysql/2 removed controller",
        ]
    );
    assert_eq!(
        events[1].keys,
        [
            RowKey::Unit(unit_id(1)),
            RowKey::Status(StatusKey::Workload(unit_id(1)))
        ]
    );
    assert_eq!(events[1].after["unit"]["name"], "mysql/1");
    assert_eq!(events[1].after["workload-status"]["status"], "active");

    // From the middle of a commit on, and in pages.
    let after: EventId = "2.0".parse().unwrap();
    let page = events::after(store.pool(), hold.model, after, 2).await;
    assert_eq!(page.unwrap(), Page::Events(events[2..4].to_vec()));
}

#[tokio::test]
async fn what_is_private_is_in_no_event() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let private = || settings(&[("password", "hunter2")]);
    let mut model = store.load(hold.model).await.unwrap().state.model().clone();
    model
        .config
        .insert("token".to_owned(), "hunter2".to_owned());
    let changes = vec![
        Change::Put(Row::Model(model)),
        Change::Put(Row::RelationUnit(lazuli_model::state::RelationUnit {
            relation: id(1),
            unit: unit_id(1),
            name: "mysql/1".parse().unwrap(),
            in_scope: true,
            settings: private(),
            version: 3,
        })),
        Change::Put(Row::RelationApplication(
            lazuli_model::state::RelationApplication {
                relation: id(1),
                application: id(1),
                settings: private(),
                version: 4,
            },
        )),
        Change::Put(Row::Leader(lazuli_model::state::Leader {
            application: id(1),
            unit: None,
            granted_until: None,
            settings: private(),
            version: 5,
        })),
        Change::Put(Row::Application(lazuli_model::state::Application {
            bindings: std::collections::BTreeMap::new(),
            id: id(1),
            name: "mysql".parse().unwrap(),
            charm: id(1),
            base: "ubuntu@24.04".parse().unwrap(),
            constraints: Default::default(),
            config: [(
                "password".to_owned(),
                lazuli_model::config::ConfigValue::String("hunter2".to_owned()),
            )]
            .into(),
            exposed: None,
            trust: false,
            life: Default::default(),
            force: false,
            storage: std::collections::BTreeMap::new(),
            next_unit: 0,
            created_at: NOW,
        })),
    ];
    store.commit(&[batch(hold, changes)]).await.unwrap();
    let events = all(store, hold.model).await;
    assert!(events.len() >= 4);
    for event in &events {
        assert!(!event.after.to_string().contains("hunter2"), "{event:?}");
    }
    let unit = events.iter().find(|event| event.entity == "unit").unwrap();
    let shown = &unit.after["relations"][0]["settings"];
    assert_eq!(shown["version"], 3);
    assert_eq!(shown["sha256"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn the_stream_over_all_models_skips_nobody() {
    let world = World::new().await;
    let store = &world.store;
    let one = create(store, "one").await;
    let two = create(store, "two").await;
    horizon(store).await;
    let (seen, cursor) = events::after_all(store.pool(), Cursor::default(), 100)
        .await
        .unwrap();
    assert_eq!(seen.len(), 2);

    // One begins, another one begins and ends: the stream waits for the first.
    let mut slow = store.edit(one, None, admin()).await.unwrap();
    slow.put(Row::Unit(unit(1)));
    let mut quick = store.edit(two, None, admin()).await.unwrap();
    quick.put(Row::Unit(unit(2)));
    quick.commit().await.unwrap();
    let (seen, cursor) = events::after_all(store.pool(), cursor, 100).await.unwrap();
    assert_eq!(seen, []);
    slow.commit().await.unwrap();
    horizon(store).await;
    let text = cursor.to_string();
    let (seen, _) = events::after_all(store.pool(), text.parse().unwrap(), 100)
        .await
        .unwrap();
    let models: Vec<_> = seen.iter().map(|event| event.model).collect();
    assert_eq!(models, [one, two]);
}

#[tokio::test]
async fn events_that_are_too_old_are_gone_and_followers_load_anew() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let mut follower = store.load(hold.model).await.unwrap();
    store
        .commit(&[batch(hold, vec![put_unit(1)])])
        .await
        .unwrap();
    // Both commits are of a time long past.
    query("update events set at = at - interval '100 days'")
        .execute(store.pool())
        .await
        .unwrap();
    store
        .commit(&[batch(hold, vec![put_unit(2)])])
        .await
        .unwrap();
    let done = retention::maintain(store.pool(), &Retention::default())
        .await
        .unwrap();
    assert_eq!(done.deleted, 2);
    let again = retention::maintain(store.pool(), &Retention::default())
        .await
        .unwrap();
    assert_eq!(again, retention::Maintained::default());

    let page = events::after(store.pool(), hold.model, EventId::default(), 10).await;
    assert_eq!(page.unwrap(), Page::Gone);
    let last = EventId { revision: 2, n: 0 };
    let page = events::after(store.pool(), hold.model, last, 10).await;
    let Page::Events(kept) = page.unwrap() else {
        panic!("what is kept is gone");
    };
    assert_eq!(kept.len(), 1);
    let refreshed = refresh(store.pool(), &mut follower).await.unwrap();
    assert_eq!(refreshed, Refreshed::Reloaded);
    assert_eq!(follower, store.load(hold.model).await.unwrap());
}

#[tokio::test]
async fn old_partitions_are_dropped_whole() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    query("select partition_make('events', '2020-01-02+00', '2020-01-09+00')")
        .execute(store.pool())
        .await
        .unwrap();
    query("update events set at = '2020-01-03+00'")
        .execute(store.pool())
        .await
        .unwrap();
    let done = retention::maintain(store.pool(), &Retention::default())
        .await
        .unwrap();
    assert_eq!(done.dropped, ["events_20200102"]);
    let page = events::after(store.pool(), model, EventId::default(), 10).await;
    assert_eq!(page.unwrap(), Page::Gone);
}

#[tokio::test]
async fn history_keeps_what_statuses_said_and_no_repeats() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let key = StatusKey::Workload(unit_id(1));
    for (word, minutes) in [("waiting", 0), ("active", 1), ("active", 2), ("blocked", 3)] {
        let status = Status::new(word, "", NOW + time::Duration::minutes(minutes));
        let put = Change::Put(Row::Status(key, status));
        store.commit(&[batch(hold, vec![put])]).await.unwrap();
    }
    let said = history::of(store.pool(), hold.model, key, 10)
        .await
        .unwrap();
    let words: Vec<_> = said.iter().map(|status| status.status.as_str()).collect();
    assert_eq!(words, ["blocked", "active", "waiting"]);
    let other = history::of(store.pool(), hold.model, StatusKey::Agent(unit_id(1)), 10);
    assert_eq!(other.await.unwrap(), []);

    let few = Retention {
        history_entries: 1,
        history: time::Duration::days(36_500),
        ..Retention::default()
    };
    retention::maintain(store.pool(), &few).await.unwrap();
    let said = history::of(store.pool(), hold.model, key, 10)
        .await
        .unwrap();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].status, "blocked");
}
