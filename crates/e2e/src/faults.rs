//! Ending what runs beside `lazulid`, as the kernel does when memory is short.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Lazuli;

impl Lazuli {
    /// Kills Postgres.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill_postgres(&self) {
        let path = self.data().join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(path).expect("Postgres runs");
        let pid = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        end(pid.expect("a pid"));
    }

    /// Kills the simulator; its guests go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill_simulator(&self) {
        let path = self.data().join("azure/endpoint.json");
        let text = std::fs::read(path).expect("the simulator runs");
        let endpoint: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let pid = endpoint["pid"].as_i64().and_then(|pid| pid.try_into().ok());
        end(pid.expect("a pid"));
    }

    /// Waits until all that was killed answers again.
    ///
    /// # Panics
    /// When it does not.
    pub fn recovered(&self) {
        self.eventually("the API answers", || {
            self.run(&["models"]).code == 0 && self.try_control("GET", "inventory", None).is_some()
        });
    }
}

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a signal");
}
