//! Processes that run beside the daemon and outlive it.
//!
//! Whether one runs is told by the lock it holds on a file, never by a pid:
//! a pid may be somebody else's by now, and a zombie keeps its own.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How often a file is looked at while a process starts or ends.
const LOOK: Duration = Duration::from_millis(20);

/// Where the simulator answers, as it says in its `endpoint.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoint {
    /// The https URL of ARM, the authority and the prices.
    pub(crate) https: String,
    /// Its process.
    pub(crate) pid: i32,
    /// The CA to trust.
    pub(crate) ca: PathBuf,
    /// The tenant.
    pub(crate) tenant: String,
    /// The subscription.
    pub(crate) subscription: String,
    /// The client that may log in.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: String,
    /// The namespace from which guests' private addresses are reached.
    pub(crate) fabric_netns: Option<PathBuf>,
    /// The namespace that plays the internet.
    pub(crate) internet_netns: Option<PathBuf>,
}

/// The simulator beside us.
#[derive(Debug)]
pub(crate) struct Simulator {
    data: PathBuf,
    /// Where it answers.
    pub(crate) endpoint: Endpoint,
    /// Whether it ran already.
    pub(crate) adopted: bool,
}

/// A simulator that is being started, ended when nobody waits for it any more.
struct Beginning(Option<Child>);

impl Drop for Beginning {
    fn drop(&mut self) {
        let pid = self.0.as_ref().and_then(Child::id);
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
            // If it is gone already, all the better.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

impl Simulator {
    /// Starts `azure-sim serve` in a session of its own, or adopts the one
    /// that runs on `data`. A start that is given up, by dropping it, ends
    /// what it began.
    ///
    /// # Errors
    /// When it does not come up in time; the text names its log.
    pub(crate) async fn start(data: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        private_dir(data)?;
        let adopted = is_locked(&data.join("lock"))?;
        let log = data.with_extension("log");
        let mut begun_here = Beginning(None);
        if !adopted {
            let program = beside("azure-sim")?;
            let output = File::options()
                .create(true)
                .append(true)
                .open(&log)
                .with_context(|| format!("failed to open {}", log.display()))?;
            begun_here.0 = Some(
                Command::new("setsid")
                    .arg(&program)
                    .args(["serve", "--data"])
                    .arg(data)
                    .args(arguments)
                    .stdin(Stdio::null())
                    .stdout(output.try_clone()?)
                    .stderr(output)
                    .spawn()
                    .with_context(|| format!("failed to start {}", program.display()))?,
            );
        }
        // The first start may have to build the guests' root file system.
        let deadline = Instant::now() + Duration::from_secs(300);
        loop {
            if is_locked(&data.join("lock"))?
                && let Some(endpoint) = read_endpoint(data)?
            {
                begun_here.0 = None;
                return Ok(Self {
                    data: data.to_owned(),
                    endpoint,
                    adopted,
                });
            }
            if let Some(child) = &mut begun_here.0
                && let Some(status) = child.try_wait()?
            {
                bail!(
                    "azure-sim ended at once ({status}): {}",
                    last_lines(&log).await
                );
            }
            if Instant::now() > deadline {
                bail!("azure-sim does not come up; see {}", log.display());
            }
            sleep(LOOK).await;
        }
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When its lock cannot be looked at.
    pub(crate) fn is_running(&self) -> anyhow::Result<bool> {
        is_locked(&self.data.join("lock"))
    }

    /// Ends it: its guests are powered off and come back at the next start.
    ///
    /// # Errors
    /// When it does not end in time.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        let lock = self.data.join("lock");
        if !is_locked(&lock)? {
            return Ok(());
        }
        let Some(endpoint) = read_endpoint(&self.data)? else {
            bail!("azure-sim is starting or ending; try again");
        };
        kill(Pid::from_raw(endpoint.pid), Signal::SIGTERM).context("failed to end azure-sim")?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while is_locked(&lock)? {
            if Instant::now() > deadline {
                bail!("azure-sim does not end");
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// A program that was built with this one.
///
/// # Errors
/// When it is not there.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()
        .context("failed to find this program")?
        .with_file_name(name);
    if !path.exists() {
        bail!("{} is missing; build it with scripts/build", path.display());
    }
    Ok(path)
}

/// Makes a directory that only its owner enters: guests' files are in it, with
/// whatever modes a guest's root gave them.
fn private_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path)
        .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o700)))
        .with_context(|| format!("failed to make {} private", path.display()))
}

/// Takes the exclusive lock of a file, which is made when it is missing.
///
/// # Errors
/// When another process holds it (`what` names it), or the file cannot be
/// opened.
pub(crate) fn lock(path: &Path, what: &str) -> anyhow::Result<Flock<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("failed to open {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| anyhow::anyhow!("{what} runs already ({} is locked)", path.display()))
}

/// Whether another process holds the lock of a file.
fn is_locked(path: &Path) -> anyhow::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to open {}", path.display()));
        }
    };
    // Shared, so that two who look do not see each other.
    Ok(Flock::lock(file, FlockArg::LockSharedNonblock).is_err())
}

fn read_endpoint(data: &Path) -> anyhow::Result<Option<Endpoint>> {
    let path = data.join("endpoint.json");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to read {}", path.display()));
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .with_context(|| format!("failed to understand {}", path.display()))
}

async fn last_lines(log: &Path) -> String {
    let text = tokio::fs::read_to_string(log).await.unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
