//! Upkeep: partitions, and what goes in slices.

use lazuli_store::logs::{self, Level, LogFilter, LogLine};
use lazuli_store::retention::{Retention, maintain};
use sqlx::{PgPool, query};
use time::{Duration, OffsetDateTime};

use crate::common::{World, create, horizon};

async fn count(pool: &PgPool, question: &'static str) -> i64 {
    let (count,): (i64,) = sqlx::query_as(question).fetch_one(pool).await.unwrap();
    count
}

#[tokio::test]
async fn lines_with_a_wrong_time_keep_no_day_out_of_order() {
    let world = World::new().await;
    let pool = world.store.pool();
    let model = create(&world.store, "one").await;
    let now = OffsetDateTime::now_utc();
    let line = |days| LogLine {
        model,
        at: now + Duration::days(days),
        entity: "unit-mysql-0".to_owned(),
        level: Level::Info,
        module: "m".to_owned(),
        message: format!("{days}"),
    };
    // As on the day after tomorrow before upkeep was there.
    query(
        "select partition_drop(name) from partitions
         where parent = 'logs' and starts > now() + interval '1 day'",
    )
    .execute(pool)
    .await
    .unwrap();
    logs::append(pool, &[line(-3), line(2), line(400)])
        .await
        .unwrap();
    assert_eq!(count(pool, "select count(*) from logs_other").await, 3);

    maintain(pool, &Retention::default()).await.unwrap();
    assert_eq!(count(pool, "select count(*) from logs_other").await, 0);
    let days = "select count(*) from partitions where parent = 'logs' and starts > now()";
    assert_eq!(count(pool, days).await, 3);
    horizon(&world.store).await;
    let all = LogFilter::default();
    let (read, _) = logs::read(pool, model, &all, logs::LogCursor::default(), 10)
        .await
        .unwrap();
    let said: Vec<_> = read.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(said, ["-3", "2", "400"]);
    assert!(read[2].at < now + Duration::hours(1), "{}", read[2].at);
}

#[tokio::test]
async fn histories_are_trimmed_by_age_and_number_slice_by_slice() {
    let world = World::new().await;
    let pool = world.store.pool();
    // More statuses than one slice looks at, and more old rows than one deletes.
    query(
        "insert into status_history (model, kind, entity, status, message, data, since)
         select gen_random_uuid(), kind, gen_random_uuid(), 'active', '', '{}', now()
         from generate_series(1, 150) s, (values ('agent'), ('workload')) k (kind)",
    )
    .execute(pool)
    .await
    .unwrap();
    query(
        "insert into status_history (model, kind, entity, status, message, data, since)
         select model, kind, entity, 'blocked', '', '{}', now()
         from status_history, generate_series(1, 3)",
    )
    .execute(pool)
    .await
    .unwrap();
    query(
        "insert into status_history (model, kind, entity, status, message, data, since)
         select gen_random_uuid(), 'agent', gen_random_uuid(), 'lost', '', '{}',
            now() - interval '20 days'
         from generate_series(1, 12000)",
    )
    .execute(pool)
    .await
    .unwrap();
    let keep = Retention {
        history_entries: 2,
        ..Retention::default()
    };
    let done = maintain(pool, &keep).await.unwrap();
    assert_eq!(done.deleted, 12_000 + 2 * 300);
    // The newest of each are those that stay.
    let kept = "select count(*) from status_history where status = 'blocked'";
    assert_eq!(count(pool, kept).await, 600);
    assert_eq!(
        count(pool, "select count(*) from status_history").await,
        600
    );
    let again = maintain(pool, &keep).await.unwrap();
    assert_eq!(again.deleted, 0);
}
