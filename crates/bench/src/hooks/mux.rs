//! The other side: `true` over OpenSSH's ControlMasters.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// How long a connection may take to be made.
const CONNECTS_WITHIN: Duration = Duration::from_secs(30);
/// Between looks whether it is.
const LOOK: Duration = Duration::from_millis(20);
/// Where the bench's charm counts its runs.
const COUNTER: &str = "/var/lib/lazuli-bench-runs";

/// A machine to reach.
pub(super) struct Guest {
    address: String,
}

/// What was done in a time.
pub(super) struct Starts {
    /// Starts that ended well.
    pub(super) number: usize,
    /// From the first start to the last end.
    pub(super) took: Duration,
}

/// A machine with its master.
#[derive(Clone)]
struct Line {
    address: String,
    socket: PathBuf,
}

/// One master per machine. Dropped, it ends them.
pub(super) struct Mux {
    lines: Vec<Line>,
    masters: Vec<Child>,
    _directory: TempDir,
}

impl Guest {
    /// A machine at an address.
    pub(super) fn new(address: String) -> Self {
        Self { address }
    }
}

impl Mux {
    /// Connects to all, in the network namespace.
    pub(super) async fn open(
        guests: &[Guest],
        netns: &Path,
        identity: &Path,
    ) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("lazuli-bench-")?;
        let mut mux = Self {
            lines: Vec::new(),
            masters: Vec::new(),
            _directory: directory,
        };
        for (number, guest) in guests.iter().enumerate() {
            let line = Line {
                address: guest.address.clone(),
                socket: mux._directory.path().join(number.to_string()),
            };
            let master = Command::new("nsenter")
                .arg(format!("--net={}", netns.display()))
                .args(["ssh", "-F", "none", "-M", "-N"])
                .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
                .args(["-o", "StrictHostKeyChecking=no"])
                .args(["-o", "UserKnownHostsFile=/dev/null"])
                .arg("-i")
                .arg(identity)
                .arg("-S")
                .arg(&line.socket)
                .arg(format!("ubuntu@{}", line.address))
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .context("failed to run ssh")?;
            mux.masters.push(master);
            mux.lines.push(line);
        }
        for line in &mux.lines {
            line.connected().await?;
        }
        Ok(mux)
    }

    /// How many machines it reaches.
    pub(super) fn guests(&self) -> usize {
        self.lines.len()
    }

    /// Starts `true` until the time is over, with so many clients at once,
    /// each of which has machines of its own and takes them in turn.
    pub(super) async fn start_for(
        &self,
        limit: Duration,
        concurrency: usize,
    ) -> anyhow::Result<Starts> {
        let begun = Instant::now();
        let mut clients = JoinSet::new();
        for first in 0..concurrency {
            let own = self.lines.iter().skip(first).step_by(concurrency);
            let own: Vec<_> = own.cloned().collect();
            clients.spawn(async move {
                let mut number = 0;
                for line in own.iter().cycle() {
                    if begun.elapsed() >= limit {
                        break;
                    }
                    line.start().await?;
                    number += 1;
                }
                anyhow::Ok(number)
            });
        }
        let mut number = 0;
        while let Some(client) = clients.join_next().await {
            number += client??;
        }
        Ok(Starts {
            number,
            took: begun.elapsed(),
        })
    }

    /// How often each machine has run the hook, as it counted itself.
    pub(super) async fn counts(&self) -> anyhow::Result<Vec<u64>> {
        let mut counts = Vec::new();
        for line in &self.lines {
            let output = line.client().args(["wc", "-c", COUNTER]).output().await?;
            let text = String::from_utf8_lossy(&output.stdout);
            let count = text.split_whitespace().next().map(str::parse);
            match count {
                Some(Ok(count)) => counts.push(count),
                _ => bail!(
                    "{} does not say how often it ran the hook: {}",
                    line.address,
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
            }
        }
        Ok(counts)
    }

    /// Ends the masters.
    pub(super) async fn close(mut self) {
        for master in &mut self.masters {
            // One that ended by itself is as good.
            drop(master.kill().await);
        }
    }
}

impl Line {
    fn client(&self) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-F", "none", "-S"])
            .arg(&self.socket)
            .arg(format!("ubuntu@{}", self.address))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn start(&self) -> anyhow::Result<()> {
        let status = self
            .client()
            .arg("true")
            .stdout(Stdio::null())
            .status()
            .await
            .context("failed to run ssh")?;
        ensure!(status.success(), "`true` at {}: {status}", self.address);
        Ok(())
    }

    /// Waits until the master has its socket, which it makes when it is
    /// logged in.
    async fn connected(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.socket.exists() {
            ensure!(
                begun.elapsed() < CONNECTS_WITHIN,
                "OpenSSH has no connection to {} after {} s",
                self.address,
                CONNECTS_WITHIN.as_secs()
            );
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}
