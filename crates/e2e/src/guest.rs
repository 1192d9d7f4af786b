//! A look behind machines: the files of a guest, without SSH.

use std::path::PathBuf;

use crate::Lazuli;

impl Lazuli {
    /// The text of a file on a machine, by the path that its root has on this
    /// host; empty if there is none.
    ///
    /// # Panics
    /// When no guest runs for the machine.
    #[must_use]
    #[track_caller]
    pub fn file(&self, machine: &str, path: &str) -> String {
        let init = self.init(machine).expect("a guest that runs");
        let root = PathBuf::from(format!("/proc/{init}/root"));
        std::fs::read_to_string(root.join(path.trim_start_matches('/'))).unwrap_or_default()
    }

    /// What the hooks of a unit of the charm `recorder` wrote.
    ///
    /// # Panics
    /// When no guest runs for the machine.
    #[must_use]
    #[track_caller]
    pub fn recorded(&self, machine: &str, unit: &str) -> Vec<String> {
        let path = format!("/var/log/hooks/{}", unit.replace('/', "-"));
        self.file(machine, &path)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The first process of a machine's guest, as this host knows it.
    fn init(&self, machine: &str) -> Option<u32> {
        let vm = self.vm(machine)?;
        let guest = vm["guest"].as_str()?;
        let root = self.data().join("azure/fabric/guests").join(guest);
        let root = root.to_str()?;
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .find(|pid: &u32| {
                let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let words: Vec<_> = command.split(|byte| *byte == 0).collect();
                words.starts_with(&[b"guest-init", b"run", root.as_bytes()])
            })
    }
}
