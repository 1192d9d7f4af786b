//! Another release, as far as anybody can tell: programs of other content.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::daemon::Lazuli;

impl Lazuli {
    /// Puts another release in the place of the one that runs, as a package
    /// manager does, and starts it; the old one gets no time to end.
    ///
    /// # Panics
    /// When a file cannot be written, or the new one does not come up.
    pub fn upgrade(&mut self) {
        let release = self.dir.path().join("release");
        fs::create_dir_all(&release).expect("a directory");
        let runner = format!("lazuli-runner-{}", std::env::consts::ARCH);
        for program in ["lazuli", "lazulid", "azure-sim", "guest-init", &runner] {
            let (old, new) = (self.bin.join(program), release.join(program));
            if old != new && fs::hard_link(&old, &new).is_err() {
                fs::copy(&old, &new).expect("a copy");
            }
        }
        let runner = release.join(runner);
        let staged = runner.with_extension("new");
        fs::copy(&runner, &staged).expect("a copy");
        // What comes after an ELF file's sections is not read.
        let mut file = fs::File::options()
            .append(true)
            .open(&staged)
            .expect("the copy");
        file.write_all(b"\n").expect("another content");
        drop(file);
        self.kill();
        fs::rename(&staged, &runner).expect("in place");
        self.bin = release;
        self.resume();
    }

    /// The content, as hex SHA-256, of the runner that a machine's supervisor
    /// runs: it lives in a directory of that name.
    #[must_use]
    pub fn supervisor(&self, machine: &str) -> Option<String> {
        let list = "for exe in /proc/[0-9]*/exe; do readlink $exe; done";
        let said = self.run(&["ssh", machine, "sudo", "sh", "-c", &format!("'{list}'")]);
        let paths = said
            .out
            .lines()
            .map(|line| line.trim_end_matches(" (deleted)"));
        let found = paths
            .filter(|path| path.ends_with("/lazuli-runner"))
            .filter_map(|path| Path::new(path).parent()?.file_name()?.to_str());
        let mut found: Vec<_> = found.map(str::to_owned).collect();
        found.sort();
        found.dedup();
        (found.len() == 1).then(|| found.remove(0))
    }
}
