//! Where everything is on the machine, and which names may become paths.

use std::path::{Path, PathBuf};

use lazuli_runner::frames::RunId;
use sha2::{Digest as _, Sha256};

/// The variable that moves all directories below another root, for tests.
pub(crate) const ROOT_VARIABLE: &str = "LAZULI_RUNNER_ROOT";

/// The directories of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    root: PathBuf,
}

impl Paths {
    /// The directories below the root that the environment names, or `/`.
    pub(crate) fn from_environment() -> Self {
        let root = std::env::var_os(ROOT_VARIABLE)
            .filter(|root| !root.is_empty())
            .map_or_else(|| PathBuf::from("/"), PathBuf::from);
        Self::below(root)
    }

    /// The directories below a root.
    pub(crate) fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether this is the machine's own root rather than a test's.
    pub(crate) fn is_system(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The program that reboots the machine, and its arguments. Below another
    /// root it is that root's own: a test never reboots what it runs on.
    pub(crate) fn reboot_command(&self) -> (PathBuf, [&'static str; 2]) {
        let program = if self.is_system() {
            PathBuf::from("shutdown")
        } else {
            self.root.join("usr/sbin/shutdown")
        };
        (program, ["-r", "now"])
    }

    /// What must survive a reboot.
    pub(crate) fn lib(&self) -> PathBuf {
        self.root.join("var/lib/lazuli")
    }

    /// What need not.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run/lazuli")
    }

    /// The socket at which `serve` finds the supervisor.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("supervisor.sock")
    }

    /// The file whose lock makes a supervisor the only one.
    pub(crate) fn supervisor_lock(&self) -> PathBuf {
        self.run().join("supervisor.lock")
    }

    /// Where the sockets of hook tools are.
    pub(crate) fn tool_sockets(&self) -> PathBuf {
        self.run().join("tools")
    }

    /// What belongs to the debug session of a unit: short, since it holds
    /// sockets, whose paths have at most 107 bytes.
    pub(crate) fn debug(&self, unit: &str) -> PathBuf {
        let hash = hex::encode(Sha256::digest(unit.as_bytes()));
        self.run().join("debug").join(&hash[..16])
    }

    /// What the supervisor has to say to people.
    pub(crate) fn log(&self) -> PathBuf {
        self.lib().join("supervisor.log")
    }

    /// There when the machine needs routes by source address.
    pub(crate) fn routes(&self) -> PathBuf {
        self.lib().join("routes")
    }

    /// The lock that admits one hook at a time.
    pub(crate) fn machine_lock(&self) -> PathBuf {
        self.lib().join("machine-lock")
    }

    /// The records of runs.
    pub(crate) fn journal(&self) -> PathBuf {
        self.lib().join("journal")
    }

    /// One run's record. The id must be valid.
    pub(crate) fn record(&self, run: &RunId) -> PathBuf {
        self.journal().join(&run.unit).join(run.seq.to_string())
    }

    /// The highest attachments seen.
    pub(crate) fn fences(&self) -> PathBuf {
        self.lib().join("fences")
    }

    /// Charm archives by hash.
    pub(crate) fn charms(&self) -> PathBuf {
        self.lib().join("charms")
    }

    /// One charm archive. The hash must be valid.
    pub(crate) fn charm(&self, sha256: &str) -> PathBuf {
        self.charms().join(format!("{sha256}.zip"))
    }

    /// Resources that the host brought, by hash, until a unit has them.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.lib().join("incoming")
    }

    /// Content of storage that is kept on the machine.
    pub(crate) fn storage(&self) -> PathBuf {
        self.lib().join("storage")
    }

    /// What is known of all units.
    pub(crate) fn units(&self) -> PathBuf {
        self.lib().join("units")
    }

    /// What is known of one unit (by tag).
    pub(crate) fn unit_state(&self, tag: &str) -> PathBuf {
        self.units().join(format!("{tag}.json"))
    }

    /// A unit's directory, as Juju has it.
    pub(crate) fn agent(&self, tag: &str) -> PathBuf {
        self.root.join("var/lib/juju/agents").join(tag)
    }

    /// A unit's charm directory, as Juju has it.
    pub(crate) fn charm_dir(&self, tag: &str) -> PathBuf {
        self.agent(tag).join("charm")
    }

    /// Where programs look for `juju-exec`.
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("usr/bin")
    }

    /// A unit's hook tools, as Juju has them.
    pub(crate) fn tools(&self, tag: &str) -> PathBuf {
        self.root.join("var/lib/juju/tools").join(tag)
    }
}

/// `unit-mysql-0` for `mysql/0`; none when the name is not a unit's.
pub(crate) fn unit_tag(unit: &str) -> Option<String> {
    let (application, number) = unit.split_once('/')?;
    (is_application(application) && is_number(number))
        .then(|| format!("unit-{application}-{number}"))
}

/// Whether it is a unit's name, such as `mysql/0`.
pub(crate) fn is_unit(name: &str) -> bool {
    unit_tag(name).is_some()
}

/// Whether it is an application's name: lower case, digits, and dashes
/// between parts that have a letter.
pub(crate) fn is_application(name: &str) -> bool {
    name.len() <= 200
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| {
            part.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                && part.bytes().any(|b| b.is_ascii_lowercase())
        })
}

fn is_number(text: &str) -> bool {
    text == "0"
        || (!text.starts_with('0')
            && (1..=9).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a run id may become a path.
pub(crate) fn is_run(run: &RunId) -> bool {
    (1..=64).contains(&run.unit.len())
        && run
            .unit
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether it is the name of a hook or an action, so that it may become a
/// path below `hooks`.
pub(crate) fn is_hook(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Whether it is a hex sha-256 in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether it may name a controller or a model in a file's name.
pub(crate) fn is_uuid_like(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_units_have_tags() {
        assert_eq!(unit_tag("mysql/0").as_deref(), Some("unit-mysql-0"));
        assert_eq!(unit_tag("a-b2/17").as_deref(), Some("unit-a-b2-17"));
        for bad in [
            "mysql", "mysql/", "/0", "mysql/00", "mysql/-1", "my/sql/0", "../0", "a-1/0", "A/0",
            "a/0/", "a--b/0",
        ] {
            assert_eq!(unit_tag(bad), None, "{bad}");
        }
    }

    #[test]
    fn hooks_stay_in_their_directory() {
        assert!(is_hook("db-relation-changed"));
        assert!(is_hook("install"));
        for bad in ["", "..", ".hidden", "a/b", "-x", "a\0b", "a b"] {
            assert!(!is_hook(bad), "{bad:?}");
        }
    }
}
