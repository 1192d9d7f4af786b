//! Commands of users: scripts for bash, in a unit's context, or on the
//! machine itself as the user who logs in there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::journal::Intent;

use super::environment::PATH;

/// Who runs commands on a machine that has such a user (Juju's choice).
const USER: &str = "ubuntu";

const SHELL: &str = "/bin/bash";

/// The shell, which reads what to do from its standard input.
pub(super) fn shell() -> Command {
    let mut command = Command::new(SHELL);
    command.arg("-s");
    command
}

/// The same, for a machine: as [`USER`] if there is one.
pub(super) fn shell_on_machine(intent: &Intent) -> Command {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let home = home_of(&passwd, USER).filter(|_| nix::unistd::geteuid().is_root());
    let mut command = match &home {
        Some(_) => {
            let mut command = Command::new("/usr/bin/setpriv");
            command
                .args(["--reuid", USER, "--regid", USER, "--init-groups"])
                .args([SHELL, "-s"]);
            command
        }
        None => shell(),
    };
    let (user, home) = match &home {
        Some(home) => (USER, home.as_str()),
        None => ("root", "/root"),
    };
    command.env_clear().envs(environment(intent, user, home));
    command.current_dir(if Path::new(home).is_dir() { home } else { "/" });
    command
}

fn environment(intent: &Intent, user: &str, home: &str) -> BTreeMap<&'static str, String> {
    let context = &intent.request.context;
    [
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("HOME", home),
        ("JUJU_MACHINE_ID", &context.machine),
        ("JUJU_MODEL_NAME", &context.model_name),
        ("JUJU_MODEL_UUID", &context.model_uuid),
        ("LANG", "C.UTF-8"),
        ("LOGNAME", user),
        ("PATH", PATH),
        ("SHELL", SHELL),
        ("TERM", "tmux-256color"),
        ("USER", user),
        // By this, what it leaves behind is found.
        ("JUJU_CONTEXT_ID", &intent.context_id),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect()
}

/// The home of a user in the text of `/etc/passwd`.
fn home_of(passwd: &str, user: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.first() == Some(&user)).then(|| fields.get(5).map(|home| (*home).to_owned()))?
    })
}

/// A file with the script, at its beginning, that has no name any more. A
/// file rather than a pipe: nobody has to feed it, and the shell reads no
/// further than it has to, so that a command may read the rest.
pub(super) fn script(dir: &Path, text: &str) -> Result<File, Error> {
    let path = dir.join(format!("{}.script", files::random_hex(8)?));
    let made = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        let open = File::open(&path);
        fs::remove_file(&path)?;
        open
    })();
    made.map_err(Error::file("write", &path))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn homes_are_found() {
        let passwd = "root:x:0:0::/root:/bin/sh\nubuntu:x:1000:1000:U,,:/home/u:/bin/bash\n";
        assert_eq!(home_of(passwd, "ubuntu").as_deref(), Some("/home/u"));
        assert_eq!(home_of(passwd, "nobody"), None);
    }

    #[test]
    fn a_script_has_no_name() {
        let dir = std::env::temp_dir().join(format!("lazuli-runner-script-{}", std::process::id()));
        files::make_dir(&dir, 0o700).unwrap();
        let mut text = String::new();
        let mut file = script(&dir, "echo hello").unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "echo hello");
        assert!(files::names(&dir).unwrap().is_empty());
        files::remove_tree(&dir).unwrap();
    }
}
