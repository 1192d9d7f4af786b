//! The private Postgres itself.

use std::path::Path;

use lazuli_store::private::{Options, Postgres};
use sqlx::{Connection, PgConnection};

const OPTIONS: Options = Options {
    fsync: false,
    max_connections: 20,
};

async fn answer<T>(postgres: &Postgres, database: &str, question: &'static str) -> T
where
    T: Send + Unpin + for<'a> sqlx::Decode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let mut connection = PgConnection::connect(&postgres.url(database))
        .await
        .unwrap();
    let (answer,): (T,) = sqlx::query_as(question)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    answer
}

async fn started(postgres: &Postgres) -> String {
    answer(
        postgres,
        "postgres",
        "select pg_postmaster_start_time()::text",
    )
    .await
}

fn pid(directory: &Path) -> i32 {
    let file = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn it_is_started_adopted_stopped_and_continued() {
    let parent = directory(0o755);
    let directory = parent.path().join("pg");
    let first = Postgres::start(&directory, OPTIONS).await.unwrap();
    first.create_database("lazuli").await.unwrap();
    first.create_database("lazuli").await.unwrap();
    let at: i32 = answer(
        &first,
        "lazuli",
        "with made as (select 1) select 41 + count(*)::integer from made",
    )
    .await;
    assert_eq!(at, 42);
    let mut connection = PgConnection::connect(&first.url("lazuli")).await.unwrap();
    sqlx::query("create table kept (n integer)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();

    let second = Postgres::start(&directory, OPTIONS).await.unwrap();
    assert_eq!(started(&first).await, started(&second).await, "adopted");
    // Nobody but the user that started it may connect, over the socket alone.
    let listens: String = answer(&second, "postgres", "show listen_addresses").await;
    assert_eq!(listens, "");

    second.stop().await.unwrap();
    first.stop().await.unwrap();
    let third = Postgres::start(&directory, OPTIONS).await.unwrap();
    let kept: Option<String> = answer(&third, "lazuli", "select to_regclass('kept')::text").await;
    assert_eq!(kept.as_deref(), Some("kept"));

    // One that was killed, together with all it had started.
    let before = started(&third).await;
    let pid = nix::unistd::Pid::from_raw(pid(&directory.canonicalize().unwrap()));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let fourth = Postgres::start(&directory, OPTIONS).await.unwrap();
    assert_ne!(started(&fourth).await, before);
    fourth.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_it_cannot_reach_is_named() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: only root runs Postgres as another user");
        return;
    }
    let parent = directory(0o700);
    let error = Postgres::start(&parent.path().join("pg"), OPTIONS)
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("cannot pass"), "{error}");
    assert!(error.contains(&*parent.path().to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_running() {
    let parent = directory(0o755);
    let directory = parent.path().join("pg");
    let begun = std::time::Instant::now();
    let waited = async |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(begun.elapsed().as_secs() < 60, "it takes too long");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let pid = directory.join("data/postmaster.pid");
    let spawned = || pid.exists();
    tokio::select! {
        biased;
        () = waited(&spawned) => {}
        started = Postgres::start(&directory, OPTIONS) => {
            // It was quicker than we looked: nothing was given up.
            started.unwrap().stop().await.unwrap();
        }
    }
    let lock = directory.join("lock");
    let ended = || std::fs::File::open(&lock).unwrap().try_lock().is_ok();
    waited(&ended).await;
    let again = Postgres::start(&directory, OPTIONS).await.unwrap();
    again.stop().await.unwrap();
}

fn directory(mode: u32) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    directory
}
