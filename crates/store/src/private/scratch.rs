//! Databases for tests: each its own, migrated, and gone afterwards.
//!
//! All tests of a machine's user share one server without fsync. It is the
//! one in the directory that `LAZULI_TEST_POSTGRES` names; where that is not
//! set, one is started on demand below the temporary directory and ends with
//! the last process that uses it. Schemas are migrated once into a template
//! that tests copy.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use lazuli_model::id::{ControllerId, GenericUuid};
use sqlx::{PgPool, query};
use uuid::Uuid;

use super::server::{Options, Postgres, PrivateError};
use super::{account, database};
use crate::connect::{self, connect, schema_name};
use crate::seal::Sealer;
use crate::{Store, StoreError, controller};

/// A database of one test's own. Dropped with it.
#[derive(Debug)]
pub struct Scratch {
    server: Postgres,
    name: String,
    /// Keeps the server alive.
    _user: Option<File>,
}

/// The key of scratch controllers.
const KEY: [u8; 32] = *b"a key for tests, and tests alone";

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// Makes a database with the current schema.
    ///
    /// # Errors
    ///
    /// Fails, and says so clearly, when there is no Postgres.
    pub async fn new() -> Result<Self, PrivateError> {
        let (server, user) = server().await?;
        let template = template(&server).await?;
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{n}", std::process::id());
        let admin = server.url("postgres");
        // Process ids come round again.
        database::drop(&admin, &name).await?;
        database::copy(&admin, &template, &name).await?;
        Ok(Self {
            server,
            name,
            _user: user,
        })
    }

    /// Makes a database without any schema.
    ///
    /// # Errors
    ///
    /// Fails, and says so clearly, when there is no Postgres.
    pub async fn empty() -> Result<Self, PrivateError> {
        let (server, user) = server().await?;
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{n}", std::process::id());
        database::drop(&server.url("postgres"), &name).await?;
        server.create_database(&name).await?;
        Ok(Self {
            server,
            name,
            _user: user,
        })
    }

    /// The database's url.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Connections to it.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does not answer.
    pub async fn pool(&self) -> Result<PgPool, StoreError> {
        let mut options = connect::Options::new(&self.url());
        options.max_connections = 8;
        connect(&options).await
    }

    /// A store over it, set up with an id and a key that are always the same.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does not answer.
    pub async fn store(&self) -> Result<Store, StoreError> {
        let pool = self.pool().await?;
        let sealer = Sealer::new(&KEY)?;
        let id = ControllerId::from_untyped_uuid(Uuid::from_u128(1));
        controller::init(&pool, id, &sealer).await?;
        Store::open(pool, sealer).await
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let admin = self.server.url("postgres");
        let name = self.name.clone();
        // A runtime of its own: the test's may be gone already. When this
        // fails, the database goes with the server.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(database::drop(&admin, &name)).ok()
        });
        drop(dropping.join());
    }
}

/// The server, and what keeps it alive when it is shared on demand.
async fn server() -> Result<(Postgres, Option<File>), PrivateError> {
    let options = Options {
        fsync: false,
        max_connections: 400,
    };
    if let Some(directory) = std::env::var_os("LAZULI_TEST_POSTGRES") {
        let server = Postgres::start(Path::new(&directory), options).await?;
        return Ok((server, None));
    }
    let directory = shared_directory();
    let io = |doing| move |source| PrivateError::Io { doing, source };
    loop {
        std::fs::create_dir_all(&directory).map_err(io("make a directory for tests"))?;
        let users = directory.join("users");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&users)
            .map_err(io("open the list of users"))?;
        // Waits while the keeper clears away; what it cleared is made anew.
        let file = tokio::task::spawn_blocking(move || file.lock_shared().map(|()| file))
            .await
            .map_err(|error| io("wait for the directory for tests")(error.into()))?
            .map_err(io("lock the directory for tests"))?;
        if !same(&file, &users) {
            continue;
        }
        let server = Postgres::start(&directory.join("pg"), options).await?;
        keep(&directory)?;
        return Ok((server, Some(file)));
    }
}

fn shared_directory() -> PathBuf {
    let uid = nix::unistd::Uid::effective();
    std::env::temp_dir().join(format!("lazuli-postgres-{uid}"))
}

/// Whether a path still leads to an open file.
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => open.dev() == there.dev() && open.ino() == there.ino(),
        _ => false,
    }
}

/// Starts the keeper, unless there is one: a process that waits until nobody
/// uses the server, stops it and clears its directory away. It outlives the
/// tests, which cannot tell who of them is the last.
fn keep(directory: &Path) -> Result<(), PrivateError> {
    let script = r#"
        exec 8>>"$1/keeper" 9>>"$1/users"
        flock -n 8 || exit 0
        flock -x 9
        "$2/pg_ctl" stop -w -m immediate -D "$1/pg/data"
        mv "$1" "$1.$$" && rm -rf "$1.$$"
    "#;
    let script = script.replace(
        "\"$2/pg_ctl\"",
        if nix::unistd::Uid::effective().is_root() {
            "runuser -u postgres -- \"$2/pg_ctl\""
        } else {
            "\"$2/pg_ctl\""
        },
    );
    Command::new("setsid")
        .args(["sh", "-c", &script, "keeper"])
        .arg(directory)
        .arg(account::programs()?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(|source| PrivateError::Io {
            doing: "start the keeper of the tests' Postgres",
            source,
        })?;
    Ok(())
}

/// The template with the current schema, migrated by whoever comes first.
async fn template(server: &Postgres) -> Result<String, PrivateError> {
    let name = format!("template_{}", schema_name());
    let admin = server.url("postgres");
    let mut connection = database::connect(&admin).await?;
    query!("select pg_advisory_lock(hashtext('lazuli template'))")
        .execute(&mut connection)
        .await
        .map_err(crate::error::doing("lock the template"))?;
    if !database::exists(&mut connection, &name).await? {
        // Under its final name only when it is complete.
        let draft = format!("{name}_draft");
        database::drop(&admin, &draft).await?;
        server.create_database(&draft).await?;
        let pool = connect(&connect::Options::new(&server.url(&draft))).await?;
        connect::migrate(&pool).await?;
        pool.close().await;
        database::rename(&admin, &draft, &name).await?;
    }
    // Closing gives the lock back.
    database::close(connection).await?;
    Ok(name)
}
