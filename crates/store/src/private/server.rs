//! Starting, adopting and stopping the server.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::account::{Account, programs};
use super::database;
use super::process::{become_user, prepare, run, url};
use crate::StoreError;

/// A server that does not answer within this time is given up, while it
/// still recovers from a crash.
const RECOVERY: Duration = Duration::from_secs(120);

/// A server that ends at once is started again for this long: what a killed
/// one left behind may need a moment.
const RETRY: Duration = Duration::from_secs(5);

/// How often it is tried.
const POLL: Duration = Duration::from_millis(20);

/// How the server is to run; heeded when it is started, not when adopted.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether what is committed survives a crash of the machine.
    pub fsync: bool,
    /// Connections at most.
    pub max_connections: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fsync: true,
            max_connections: 100,
        }
    }
}

/// A running server. Dropping this leaves it running.
#[derive(Clone, Debug)]
pub struct Postgres {
    directory: PathBuf,
}

/// Why a private Postgres does not run.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Its programs or its user are missing.
    #[error(
        "Postgres is not installed: install the package `postgresql` (15 or later), \
         which brings its programs and the user postgres"
    )]
    Missing,
    /// Its user cannot reach the directory.
    #[error(
        "the user {user} cannot pass {directory}: choose a data directory that is not below a \
         private one, such as /var/lib/lazuli/dev"
    )]
    Impassable {
        /// The user.
        user: String,
        /// The first directory in the way.
        directory: String,
    },
    /// The path of its socket would be too long for the system.
    #[error("{directory} is too long a path for a socket: choose a shorter data directory")]
    TooLong {
        /// The directory.
        directory: String,
    },
    /// Files or programs failed.
    #[error("failed to {doing}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// What it printed.
        output: String,
    },
    /// The server ends, or never answers.
    #[error("Postgres does not start in {directory}; the end of its log:\n{log}")]
    NotStarted {
        /// The directory.
        directory: String,
        /// The last lines of its log.
        log: String,
    },
    /// It runs, and a database cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A server that is being started, ended when nobody waits for it any more.
struct Beginning(Option<Child>);

impl Drop for Beginning {
    fn drop(&mut self) {
        let pid = self.0.as_ref().and_then(Child::id);
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
            // Postgres' own "fast" way. If it is gone already, all the better.
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        }
    }
}

pub(super) fn doing(doing: &'static str) -> impl Fn(io::Error) -> PrivateError {
    move |source| PrivateError::Io { doing, source }
}

impl Postgres {
    /// Starts the server of a directory, or adopts it when it runs. The
    /// directory is made when it is missing; what was in it is kept. A start
    /// that is given up, by dropping it, ends what it began.
    ///
    /// # Errors
    ///
    /// See [`PrivateError`]; each says what to do.
    pub async fn start(directory: &Path, options: Options) -> Result<Self, PrivateError> {
        let account = Account::find()?;
        let bin = programs()?;
        let server = Self {
            directory: prepare(directory, &account)?,
        };
        let begun = Instant::now();
        loop {
            let mut begun_here = Beginning(None);
            if let Some(lock) = server.lock()? {
                if !server.data().join("PG_VERSION").exists() {
                    server.initialise(&bin, &account, options).await?;
                }
                server.configure(&account)?;
                begun_here.0 = Some(server.spawn(&bin, &account, options, lock)?);
            }
            let answers = server.answers(begun_here.0.as_mut()).await;
            begun_here.0 = None;
            if answers? {
                return Ok(server);
            }
            if begun.elapsed() > RETRY {
                return Err(server.not_started());
            }
            sleep(POLL * 5).await;
        }
    }

    /// The url of one of its databases, for whoever runs as the user that
    /// started it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(&self.directory, database)
    }

    /// Makes a database, unless it is there.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does.
    pub async fn create_database(&self, name: &str) -> Result<(), PrivateError> {
        Ok(database::create(&self.url("postgres"), name).await?)
    }

    /// Whether it runs, or its last processes do.
    ///
    /// # Errors
    ///
    /// Fails when its lock cannot be looked at.
    pub fn is_running(&self) -> Result<bool, PrivateError> {
        Ok(self.lock()?.is_none())
    }

    /// Stops it and waits for its end. A second call does nothing.
    ///
    /// # Errors
    ///
    /// Fails when it does not end within a minute.
    pub async fn stop(&self) -> Result<(), PrivateError> {
        if self.lock()?.is_some() {
            return Ok(());
        }
        let account = Account::find()?;
        let bin = programs()?;
        let data = self.data();
        let data = data.to_string_lossy();
        run(
            &bin,
            "pg_ctl",
            &["stop", "-w", "-t", "60", "-m", "fast", "-D", &data],
            &account,
        )
        .await?;
        // Its last processes hold the lock a moment longer.
        let begun = Instant::now();
        while self.lock()?.is_none() {
            if begun.elapsed() > RETRY {
                return Err(PrivateError::Failed {
                    program: "pg_ctl",
                    output: "the server's processes did not end".to_owned(),
                });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The lock that the server holds while it runs; none when it does.
    fn lock(&self) -> Result<Option<File>, PrivateError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.join("lock"))
            .map_err(doing("open the lock of Postgres"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(doing("lock the directory of Postgres")(source))
            }
        }
    }

    async fn initialise(
        &self,
        bin: &Path,
        account: &Account,
        options: Options,
    ) -> Result<(), PrivateError> {
        // One that was interrupted is begun anew: it holds nothing yet.
        let data = self.data();
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(doing("remove half a database"))?;
        }
        let fresh = self.directory.join("data.new");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh).map_err(doing("remove half a database"))?;
        }
        let path = fresh.to_string_lossy();
        let mut arguments = vec!["-D", &*path, "-U", "postgres", "-A", "peer", "-E", "UTF8"];
        arguments.push("--locale=C");
        if !options.fsync {
            arguments.push("--no-sync");
        }
        run(bin, "initdb", &arguments, account).await?;
        std::fs::rename(&fresh, &data).map_err(doing("name the new database"))
    }

    /// Who may connect: the system's users that run Lazuli, and no others.
    fn configure(&self, account: &Account) -> Result<(), PrivateError> {
        let mut map = format!("lazuli {} postgres\n", account.name);
        if account.name == "postgres" {
            map.push_str("lazuli root postgres\n");
        }
        let data = self.data();
        for (file, text) in [
            ("pg_hba.conf", "local all all peer map=lazuli\n"),
            ("pg_ident.conf", map.as_str()),
        ] {
            std::fs::write(data.join(file), text).map_err(doing("configure Postgres"))?;
        }
        Ok(())
    }

    fn spawn(
        &self,
        bin: &Path,
        account: &Account,
        options: Options,
        lock: File,
    ) -> Result<Child, PrivateError> {
        let log = || {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.directory.join("log"))
                .map_err(doing("open the log of Postgres"))
        };
        let mut command = Command::new("setsid");
        command.arg(bin.join("postgres")).arg("-D").arg(self.data());
        let sockets = format!("unix_socket_directories={}", self.directory.display());
        let connections = format!("max_connections={}", options.max_connections);
        let mut settings = vec![sockets.as_str(), "listen_addresses=", &connections];
        if !options.fsync {
            settings.extend([
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "wal_level=minimal",
                "max_wal_senders=0",
            ]);
        }
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        command
            // The lock goes with the server: all its processes inherit it.
            .stdin(Stdio::from(lock))
            .stdout(Stdio::from(log()?))
            .stderr(Stdio::from(log()?))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/");
        become_user(&mut command, account);
        command.spawn().map_err(doing("start Postgres"))
    }

    /// Waits until the server answers; false when it ended instead.
    async fn answers(&self, mut child: Option<&mut Child>) -> Result<bool, PrivateError> {
        let begun = Instant::now();
        loop {
            let options: PgConnectOptions = self
                .url("postgres")
                .parse()
                .map_err(crate::error::doing("read the database's url"))?;
            let connected = timeout(RETRY, PgConnection::connect_with(&options)).await;
            if let Ok(Ok(connection)) = connected {
                // That it answered is all that was asked.
                drop(connection.close().await);
                return Ok(true);
            }
            let ended = match child.as_mut() {
                Some(child) => child
                    .try_wait()
                    .map_err(doing("look after Postgres"))?
                    .is_some(),
                // Whoever started it may have failed.
                None => self.lock()?.is_some(),
            };
            if ended {
                return Ok(false);
            }
            if begun.elapsed() > RECOVERY {
                return Err(self.not_started());
            }
            sleep(POLL).await;
        }
    }

    fn not_started(&self) -> PrivateError {
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        PrivateError::NotStarted {
            directory: self.directory.display().to_string(),
            log: lines[lines.len().saturating_sub(15)..].join("\n"),
        }
    }
}
