//! Connections and the schema.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use crate::StoreError;
use crate::error::doing;
use crate::limit::{Doing, STATEMENT, in_time};

/// An answer to nothing at all comes within this time, or never.
const PING: Duration = Duration::from_secs(3);

/// A connection that answered so lately is taken to be alive.
const FRESH: Duration = Duration::from_secs(1);

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// Such as `postgres://lazuli@db.example.com/lazuli`.
    pub url: String,
    /// Connections at most; the feed has up to three of its own beside them.
    pub max_connections: u32,
    /// Postgres ends a statement after this time.
    pub statement_timeout: Duration,
    /// A statement waits this long for a lock.
    pub lock_timeout: Duration,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
}

impl Options {
    /// The defaults for a database.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            max_connections: 16,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(10),
        }
    }
}

/// Connects.
///
/// # Errors
///
/// Fails when the url is wrong or Postgres does not answer.
pub async fn connect(options: &Options) -> Result<PgPool, StoreError> {
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(doing("read the database's url"))?
        .application_name("lazulid")
        .statement_cache_capacity(256)
        .options([
            (
                "statement_timeout",
                options.statement_timeout.as_millis().to_string(),
            ),
            ("lock_timeout", options.lock_timeout.as_millis().to_string()),
            // A transaction has no I/O but its own, so an idle one is stuck.
            ("idle_in_transaction_session_timeout", "60000".to_owned()),
            // A replica that is cut off must not keep its locks for hours.
            ("tcp_user_timeout", "15000".to_owned()),
            ("tcp_keepalives_idle", "10".to_owned()),
            ("tcp_keepalives_interval", "5".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
        ]);
    pool_options(options.max_connections, options.acquire_timeout)
        .connect_with(connect)
        .doing("connect to the database")
        .await
}

/// How connections are kept: none stays that does not answer. Without a
/// bound, one whose statement was given up would be waited for as long as
/// the network swallows packets, and keep its place for as long.
pub(crate) fn pool_options(most: u32, acquire: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(acquire)
        // In place of sqlx's own test, which has no bound. One that was given
        // back a moment ago answered then.
        .test_before_acquire(false)
        .before_acquire(|connection, seen| {
            Box::pin(async move {
                Ok(seen.idle_for < FRESH || in_time(PING, connection.ping()).await.is_ok())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move { in_time(PING, connection.ping()).await.map(|()| true) })
        })
}

/// Brings the schema up to date; nothing to do when it is.
///
/// # Errors
///
/// Fails when a migration does, or when the schema is of a newer release.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            doing("migrate the database")(source)
        }
        other => StoreError::Schema(format!("failed to migrate the database: {other}")),
    })?;
    crate::retention::prepare(pool).await
}

/// Checks that the schema has all of this release's migrations.
///
/// # Errors
///
/// Fails when it has not: `lazulid migrate` helps.
pub async fn check_schema(pool: &PgPool) -> Result<(), StoreError> {
    let behind = || {
        StoreError::Schema(
            "the database's schema is older than this program: run `lazulid migrate`".to_owned(),
        )
    };
    // The migrator's own table, so no checked query: migrations do not make it.
    let versions: Result<Vec<i64>, _> = in_time(
        STATEMENT,
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool),
    )
    .await;
    let versions = match versions {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            return Err(behind());
        }
        other => other.map_err(doing("read the schema's version"))?,
    };
    if MIGRATIONS
        .iter()
        .all(|migration| versions.contains(&migration.version))
    {
        Ok(())
    } else {
        Err(behind())
    }
}

/// Names the schema: the same migrations, the same name.
pub(crate) fn schema_name() -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(&migration.checksum);
    }
    hex::encode(&hash.finalize()[..8])
}
