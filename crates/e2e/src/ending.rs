//! The end of a test's Lazuli, and what must not be left of it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Lazuli;
use crate::daemon::{last_lines, said};

/// How long `lazulid` may take to end.
const END: Duration = Duration::from_secs(60);

impl Drop for Lazuli {
    fn drop(&mut self) {
        let left = self.end();
        if std::thread::panicking() {
            eprintln!("the log of lazulid ends:\n{}", last_lines(&self.log()));
            for thing in left {
                eprintln!("left over: {thing}");
            }
            return;
        }
        assert!(left.is_empty(), "left over: {left:#?}");
    }
}

impl Lazuli {
    /// Ends all of it. Answers what is left nevertheless, and what the daemon
    /// should not have had to say.
    fn end(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        // One that was killed is started again: it knows how to end Postgres
        // and the simulator.
        if self.daemon.is_none() {
            self.launch();
        }
        if let Some(mut daemon) = self.daemon.take() {
            let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap_or_default());
            kill(pid, Signal::SIGTERM).ok();
            let deadline = Instant::now() + END;
            while daemon.try_wait().is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > deadline {
                    left.push("lazulid, which does not end on SIGTERM".to_owned());
                    daemon.kill().ok();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let data = self.data();
        let mut destroy = Command::new(self.bin.join("azure-sim"));
        destroy
            .args(["destroy", "--data"])
            .arg(data.join("azure"))
            .env("RUST_LOG", "error");
        let destroyed = said(&mut destroy);
        if destroyed.code != 0 {
            // What a guest still uses must not be removed under it.
            self.dir.disable_cleanup(true);
            left.push(format!("guests: {}", destroyed.err));
        }
        left.extend(processes(&data));
        left.extend(mounts(&data));
        let log = self.log();
        let faults = log
            .lines()
            .filter(|line| line.contains("panicked") || line.contains("this is a bug"));
        left.extend(faults.map(str::to_owned));
        left
    }
}

/// Processes that were started on a path.
fn processes(data: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines
        .filter(|line| {
            line.split([' ', '='])
                .any(|word| Path::new(word).starts_with(data))
        })
        .map(|line| format!("process {}", line.trim()))
        .collect()
}

/// Mounts below a path.
fn mounts(data: &Path) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let below = mounts.lines().filter(|line| {
        line.split(' ')
            .any(|word| Path::new(word).starts_with(data))
    });
    below.map(|line| format!("mount {line}")).collect()
}
