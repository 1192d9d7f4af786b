//! What is executed for a hook.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lazuli_runner::frames::{Hook, HookKind};

/// What is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    /// This file. Links are not resolved: a hook may look at `$0`.
    File(PathBuf),
    /// The charm has nothing for it.
    Missing,
    /// There is something, which cannot be executed, and why.
    Broken(String),
}

/// `hooks/NAME` or `actions/NAME`; none for what the charm has no part in.
pub(crate) fn dispatch_path(hook: &Hook) -> Option<String> {
    let dir = match hook.kind {
        HookKind::Hook => "hooks",
        HookKind::Action => "actions",
        HookKind::Command => return None,
    };
    Some(format!("{dir}/{}", hook.name))
}

/// Chooses: an executable `dispatch` takes everything; otherwise it is the
/// hook's or the action's own file, which must be executable if it is there.
pub(crate) fn choose(charm: &Path, hook: &Hook) -> Handler {
    if !charm.join("metadata.yaml").is_file() {
        return Handler::Broken("charm missing from disk".to_owned());
    }
    let dispatch = charm.join("dispatch");
    if is_executable(&dispatch) {
        return check(dispatch);
    }
    let Some(path) = dispatch_path(hook) else {
        return Handler::Missing;
    };
    let own = charm.join(path);
    match fs::metadata(&own) {
        Err(error) if error.kind() == ErrorKind::NotFound => Handler::Missing,
        Err(error) => Handler::Broken(format!("failed to look at {}: {error}", own.display())),
        Ok(_) if !is_executable(&own) => {
            Handler::Broken(format!("fork/exec {}: permission denied", own.display()))
        }
        Ok(_) => check(own),
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The kernel executes programs and scripts with a `#!`. Looked at here,
/// because the C library would hand anything else to a shell.
fn check(path: PathBuf) -> Handler {
    let mut start = [0; 4];
    let read = File::open(&path).and_then(|file| {
        let mut taken = file.take(4);
        let mut length = 0;
        while length < start.len() {
            match taken.read(&mut start[length..])? {
                0 => break,
                count => length += count,
            }
        }
        Ok(length)
    });
    match read {
        Err(error) => Handler::Broken(format!("failed to read {}: {error}", path.display())),
        Ok(_) if start.starts_with(b"#!") || start == *b"\x7fELF" => Handler::File(path),
        Ok(_) => Handler::Broken(format!("fork/exec {}: exec format error", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files;

    struct Charm(PathBuf);

    impl Charm {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!(
                "lazuli-runner-handler-{name}-{}",
                std::process::id()
            ));
            files::remove_tree(&dir).unwrap();
            fs::create_dir_all(dir.join("hooks")).unwrap();
            fs::create_dir_all(dir.join("actions")).unwrap();
            fs::write(dir.join("metadata.yaml"), "name: a\n").unwrap();
            Self(dir)
        }

        fn file(&self, name: &str, text: &str, mode: u32) {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn choose(&self, kind: HookKind, name: &str) -> Handler {
            choose(
                &self.0,
                &Hook {
                    kind,
                    name: name.to_owned(),
                },
            )
        }
    }

    impl Drop for Charm {
        fn drop(&mut self) {
            files::remove_tree(&self.0).unwrap();
        }
    }

    #[test]
    fn dispatch_takes_everything() {
        let charm = Charm::new("dispatch");
        charm.file("dispatch", "#!/bin/sh\n", 0o755);
        charm.file("hooks/install", "#!/bin/sh\n", 0o755);
        let dispatch = Handler::File(charm.0.join("dispatch"));
        assert_eq!(charm.choose(HookKind::Hook, "install"), dispatch);
        assert_eq!(charm.choose(HookKind::Hook, "none"), dispatch);
        assert_eq!(charm.choose(HookKind::Action, "none"), dispatch);
    }

    #[test]
    fn a_dispatch_that_is_not_executable_takes_nothing() {
        let charm = Charm::new("plain");
        charm.file("dispatch", "#!/bin/sh\n", 0o644);
        assert_eq!(charm.choose(HookKind::Hook, "install"), Handler::Missing);
    }

    #[test]
    fn hooks_are_links_files_or_missing() {
        let charm = Charm::new("hooks");
        charm.file("hooks/all", "#!/bin/sh\n", 0o755);
        symlink("all", charm.0.join("hooks/start")).unwrap();
        symlink("nowhere", charm.0.join("hooks/stop")).unwrap();
        charm.file("hooks/plain", "#!/bin/sh\n", 0o644);
        charm.file("hooks/text", "echo\n", 0o755);
        charm.file("hooks/empty", "", 0o755);
        charm.file("actions/go", "\x7fELF...", 0o755);
        let at = |name: &str| charm.0.join(name);
        let broken = |name: &str, why: &str| {
            Handler::Broken(format!("fork/exec {}: {why}", at(name).display()))
        };
        for (kind, name, expected) in [
            (HookKind::Hook, "start", Handler::File(at("hooks/start"))),
            (HookKind::Hook, "stop", Handler::Missing),
            (HookKind::Hook, "none", Handler::Missing),
            (
                HookKind::Hook,
                "plain",
                broken("hooks/plain", "permission denied"),
            ),
            (
                HookKind::Hook,
                "text",
                broken("hooks/text", "exec format error"),
            ),
            (
                HookKind::Hook,
                "empty",
                broken("hooks/empty", "exec format error"),
            ),
            (HookKind::Action, "go", Handler::File(at("actions/go"))),
            (HookKind::Action, "start", Handler::Missing),
        ] {
            assert_eq!(charm.choose(kind, name), expected, "{name}");
        }
        fs::remove_file(charm.0.join("metadata.yaml")).unwrap();
        assert_eq!(
            charm.choose(HookKind::Hook, "start"),
            Handler::Broken("charm missing from disk".to_owned())
        );
    }
}
