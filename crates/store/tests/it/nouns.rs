//! Users, tokens, access, blobs, logs and secrets.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use lazuli_model::id::{GenericUuid, UserId};
use lazuli_store::access::{self, Access};
use lazuli_store::logs::{self, Level, LogCursor, LogFilter, LogLine};
use lazuli_store::users::{self, ControllerAccess, NewUser};
use lazuli_store::{Class, Store, StoreError, blobs, retention, secrets, tokens};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::common::{NOW, World, create, horizon, id};

async fn user(store: &Store, n: u128, name: &str) -> UserId {
    let user = NewUser {
        id: id(n),
        name: name.parse().unwrap(),
        display_name: String::new(),
        password: Some("$argon2id$…".to_owned()),
        access: ControllerAccess::Login,
    };
    users::create(store.pool(), &user).await.unwrap();
    user.id
}

#[tokio::test]
async fn users_are_unique_by_name_and_can_be_changed() {
    let world = World::new().await;
    let pool = world.store.pool();
    let alice = user(&world.store, 1, "alice").await;
    let bob = user(&world.store, 2, "bob").await;
    let error = users::create(
        pool,
        &NewUser {
            id: id(3),
            name: "alice".parse().unwrap(),
            display_name: String::new(),
            password: None,
            access: ControllerAccess::Login,
        },
    )
    .await
    .unwrap_err();
    assert_eq!(error.to_string(), "user \"alice\" already exists");
    users::set_access(pool, alice, ControllerAccess::Superuser)
        .await
        .unwrap();
    users::set_enabled(pool, bob, false).await.unwrap();
    let all = users::list(pool).await.unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|user| (user.name.to_string(), user.access, user.enabled))
        .collect();
    assert_eq!(
        all,
        [
            ("alice".to_owned(), ControllerAccess::Superuser, true),
            ("bob".to_owned(), ControllerAccess::Login, false),
        ]
    );
    let error = users::set_enabled(pool, id(9), true).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert_eq!(users::get(pool, id(9)).await.unwrap(), None);
    let found = users::by_name(pool, &"bob".parse().unwrap()).await.unwrap();
    assert_eq!(found.unwrap().id, bob);
}

#[tokio::test]
async fn tokens_work_until_they_do_not() {
    let world = World::new().await;
    let pool = world.store.pool();
    let alice = user(&world.store, 1, "alice").await;
    let token = |n: u128, expires_at| async move {
        let hash: [u8; 32] = Sha256::digest(n.to_be_bytes()).into();
        tokens::create(pool, Uuid::from_u128(n), alice, &hash, "laptop", expires_at)
            .await
            .unwrap();
        hash
    };
    let for_ever = token(1, None).await;
    let past = token(2, Some(OffsetDateTime::UNIX_EPOCH)).await;
    let other = token(3, Some(OffsetDateTime::now_utc() + Duration::hours(1))).await;
    let find = |hash: [u8; 32]| async move { tokens::find(pool, &hash).await.unwrap() };

    let (found, user) = find(for_ever).await.unwrap();
    assert_eq!(found.user, user.id);
    assert_eq!(found.used_at, None);
    let (found, _) = find(for_ever).await.unwrap();
    let used_at = found.used_at.unwrap();
    let (found, _) = find(for_ever).await.unwrap();
    assert_eq!(found.used_at, Some(used_at), "noted once an hour");
    assert!(find(past).await.is_none());
    assert!(find([0; 32]).await.is_none());

    let first = Uuid::from_u128(1);
    assert!(tokens::revoke(pool, alice, first).await.unwrap());
    assert!(!tokens::revoke(pool, alice, first).await.unwrap());
    assert!(find(for_ever).await.is_none());
    assert!(find(other).await.is_some());
    users::set_enabled(pool, alice, false).await.unwrap();
    assert!(find(other).await.is_none());
    users::set_enabled(pool, alice, true).await.unwrap();
    users::set_password(pool, alice, "$argon2id$new")
        .await
        .unwrap();
    assert!(
        find(other).await.is_none(),
        "a new password ends old tokens"
    );
    assert_eq!(tokens::list(pool, alice).await.unwrap().len(), 3);
    assert_eq!(tokens::revoke_all(pool, alice).await.unwrap(), 0);
}

#[tokio::test]
async fn access_is_per_model() {
    let world = World::new().await;
    let pool = world.store.pool();
    let alice = user(&world.store, 1, "alice").await;
    let one = create(&world.store, "one").await;
    let two = create(&world.store, "two").await;
    access::grant(pool, one, alice, Access::Read).await.unwrap();
    access::grant(pool, one, alice, Access::Write)
        .await
        .unwrap();
    assert_eq!(
        access::level(pool, one, alice).await.unwrap(),
        Some(Access::Write)
    );
    assert_eq!(access::level(pool, two, alice).await.unwrap(), None);
    let seen = access::visible(pool, alice, false).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].model, one);
    let seen = access::visible(pool, alice, true).await.unwrap();
    let levels: Vec<_> = seen.iter().map(|model| model.access).collect();
    assert_eq!(levels, [Some(Access::Write), None]);
    let (owner, name) = ("admin".parse().unwrap(), "two".parse().unwrap());
    let by_name = access::by_name(pool, &owner, &name).await.unwrap();
    assert_eq!(by_name, Some(two));
    let of = access::of(pool, one).await.unwrap();
    assert_eq!(of, [("alice".parse().unwrap(), Access::Write)]);
    assert!(access::revoke(pool, one, alice).await.unwrap());
    assert!(!access::revoke(pool, one, alice).await.unwrap());
}

/// Parts of odd sizes, so that chunks begin within parts.
fn parts(content: &[u8]) -> impl futures::Stream<Item = Result<Bytes, StoreError>> + Unpin {
    let parts: Vec<_> = content
        .chunks(300_007)
        .map(|part| Ok(Bytes::copy_from_slice(part)))
        .collect();
    stream::iter(parts)
}

#[tokio::test]
async fn blobs_come_back_in_chunks_and_are_stored_once() {
    let world = World::new().await;
    let pool = world.store.pool();
    let content: Vec<u8> = (0..2 * blobs::CHUNK + 12_345)
        .map(|n| (n % 251) as u8)
        .collect();
    let sha256 = hex::encode(Sha256::digest(&content));
    let blob = blobs::put(pool, parts(&content), 10 << 20, Some(&sha256))
        .await
        .unwrap();
    assert_eq!(blob.sha256, sha256);
    let again = blobs::put(pool, parts(&content), 10 << 20, None)
        .await
        .unwrap();
    assert_eq!(again, blob);
    let rows = || async {
        let (rows,): (i64,) = sqlx::query_as(
            "select (select count(*) from blobs) * 100 + (select count(*) from blob_chunks)",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        rows
    };
    assert_eq!(rows().await, 103, "one blob of three chunks");

    let chunks: Vec<Bytes> = blobs::get(pool, &sha256).try_collect().await.unwrap();
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks.concat(), content);
    assert_eq!(blobs::find(pool, &sha256).await.unwrap(), Some(blob));
    assert_eq!(blobs::find(pool, "nonsense").await.unwrap(), None);
    let missing: Vec<_> = blobs::get(pool, &"0".repeat(64)).collect().await;
    assert_eq!(missing[0].as_ref().unwrap_err().class(), Class::NotFound);

    let empty = blobs::put(pool, parts(b""), 0, None).await.unwrap();
    let chunks: Vec<Bytes> = blobs::get(pool, &empty.sha256).try_collect().await.unwrap();
    assert!(chunks.is_empty());
    assert_eq!(rows().await, 203);
}

#[tokio::test]
async fn uploads_that_fail_leave_nothing() {
    let world = World::new().await;
    let pool = world.store.pool();
    let content = vec![7; blobs::CHUNK + 1];
    let too_large = blobs::put(pool, parts(&content), blobs::CHUNK as u64, None).await;
    assert!(matches!(too_large, Err(StoreError::TooLarge { .. })));
    let other = blobs::put(pool, parts(&content), 10 << 20, Some(&"0".repeat(64))).await;
    assert_eq!(other.unwrap_err().class(), Class::User);
    let broken = parts(&content).chain(stream::iter([Err(StoreError::NotFound {
        what: "the rest".to_owned(),
    })]));
    let broken = blobs::put(pool, broken, 10 << 20, None).await;
    assert_eq!(
        broken.unwrap_err().to_string(),
        "the upload cannot be stored: it broke off: the rest not found"
    );
    let (rows,): (i64,) = sqlx::query_as("select count(*) from blobs")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

fn line(model: lazuli_model::id::ModelId, entity: &str, level: Level, module: &str) -> LogLine {
    LogLine {
        model,
        at: NOW,
        entity: entity.to_owned(),
        level,
        module: module.to_owned(),
        message: format!("{entity} {level}"),
    }
}

#[tokio::test]
async fn logs_are_filtered_and_followed() {
    let world = World::new().await;
    let pool = world.store.pool();
    let one = create(&world.store, "one").await;
    let two = create(&world.store, "two").await;
    logs::append(
        pool,
        &[
            line(one, "unit-mysql-0", Level::Info, "juju-log"),
            line(one, "unit-mysql-1", Level::Error, "juju-log.install"),
            line(one, "machine-0", Level::Debug, "juju"),
            line(two, "unit-mysql-0", Level::Info, "juju-log"),
        ],
    )
    .await
    .unwrap();
    horizon(&world.store).await;
    let read = |filter: LogFilter| async move {
        let (lines, _) = logs::read(pool, one, &filter, LogCursor::default(), 100)
            .await
            .unwrap();
        lines
            .into_iter()
            .map(|line| line.entity)
            .collect::<Vec<_>>()
    };
    let list = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    assert_eq!(read(LogFilter::default()).await.len(), 3);
    assert_eq!(
        read(LogFilter {
            include: list(&["unit-mysql-*"]),
            exclude: list(&["unit-mysql-0"]),
            ..Default::default()
        })
        .await,
        ["unit-mysql-1"]
    );
    assert_eq!(
        read(LogFilter {
            level: Some(Level::Info),
            include_modules: list(&["juju-log"]),
            ..Default::default()
        })
        .await,
        ["unit-mysql-0", "unit-mysql-1"]
    );
    assert_eq!(
        read(LogFilter {
            exclude_modules: list(&["juju-log"]),
            ..Default::default()
        })
        .await,
        ["machine-0"],
        "what begins alike is not below it"
    );
    assert!(
        read(LogFilter {
            since: Some(NOW + Duration::seconds(1)),
            ..Default::default()
        })
        .await
        .is_empty()
    );

    let filter = LogFilter::default();
    let cursor = logs::tail(pool, one, &filter, 1).await.unwrap();
    let (last, cursor) = logs::read(pool, one, &filter, cursor, 10).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].entity, "machine-0");
    let mut long = line(one, "unit-a-0", Level::Info, "m");
    long.message = "é\0".repeat(100_000);
    logs::append(pool, &[long]).await.unwrap();
    horizon(&world.store).await;
    let cursor = cursor.to_string().parse().unwrap();
    let (next, _) = logs::read(pool, one, &filter, cursor, 10).await.unwrap();
    assert_eq!(next.len(), 1);
    assert!(next[0].message.len() < 140_000);
    let from_start = logs::tail(pool, one, &filter, 100).await.unwrap();
    assert_eq!(from_start, LogCursor::default());
}

#[tokio::test]
async fn logs_have_a_cap() {
    let world = World::new().await;
    let pool = world.store.pool();
    let one = create(&world.store, "one").await;
    for day in ["2020-01-02", "2020-01-03"] {
        sqlx::query("select partition_make('logs', $1::timestamptz, $1::timestamptz + '1 day')")
            .bind(
                OffsetDateTime::parse(
                    &format!("{day}T00:00:00Z"),
                    &time::format_description::well_known::Rfc3339,
                )
                .unwrap(),
            )
            .execute(pool)
            .await
            .unwrap();
    }
    let mut old = line(one, "machine-0", Level::Info, "m");
    old.at = time::macros::datetime!(2020-01-02 12:00 UTC);
    let mut now = line(one, "machine-0", Level::Info, "m");
    now.at = OffsetDateTime::now_utc();
    logs::append(pool, &[old, now]).await.unwrap();
    // A day without a line is 16 KiB, one with a line 32: the default
    // partition, today and the newer one of the past fit, and no more.
    let keep = retention::Retention {
        logs: Duration::days(36_500),
        log_bytes: 70_000,
        ..Default::default()
    };
    let done = retention::maintain(pool, &keep).await.unwrap();
    assert_eq!(done.dropped, ["logs_20200102"]);
}

#[tokio::test]
async fn secrets_are_sealed_per_model() {
    let world = World::new().await;
    let store = &world.store;
    let (pool, sealer) = (store.pool(), store.sealer());
    let one = create(store, "one").await;
    let two = create(store, "two").await;
    secrets::put(pool, sealer, one, "ssh", b"private")
        .await
        .unwrap();
    secrets::put(pool, sealer, two, "ssh", b"other")
        .await
        .unwrap();
    let get = |model, name| async move { secrets::get(pool, sealer, model, name).await };
    assert_eq!(
        get(one, "ssh").await.unwrap().as_deref(),
        Some(&b"private"[..])
    );
    assert_eq!(get(one, "none").await.unwrap(), None);

    // Neither in the clear, nor of any use elsewhere.
    let (sealed,): (Vec<u8>,) = sqlx::query_as("select sealed from model_secrets where model = $1")
        .bind(one.into_untyped_uuid())
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(!sealed.windows(7).any(|part| part == b"private"));
    sqlx::query("update model_secrets set sealed = $1 where model = $2")
        .bind(&sealed)
        .bind(two.into_untyped_uuid())
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(get(two, "ssh").await.unwrap_err().class(), Class::Bug);
    assert!(secrets::delete(pool, one, "ssh").await.unwrap());
    assert!(!secrets::delete(pool, one, "ssh").await.unwrap());
    let error = secrets::put(pool, sealer, id(9), "ssh", b"x").await;
    assert_eq!(error.unwrap_err().class(), Class::NotFound);
}
