//! Who the machine is.

use std::fs;

use nix::sys::utsname::uname;
use nix::unistd::gethostname;

use crate::clock;

/// What an attaching host is told about the machine.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Changes with each boot.
    pub(crate) boot_id: String,
    /// `/etc/machine-id`.
    pub(crate) machine_id: String,
    /// The host's name.
    pub(crate) hostname: String,
    /// `uname -m`.
    pub(crate) arch: String,
    /// `ID` and `VERSION_ID` of os-release.
    pub(crate) os: (String, String),
}

impl Identity {
    /// Reads it; what is not known is empty.
    pub(crate) fn read() -> Self {
        let release = fs::read_to_string("/etc/os-release")
            .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
            .unwrap_or_default();
        Self {
            boot_id: clock::boot_id(),
            machine_id: fs::read_to_string("/etc/machine-id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
            hostname: gethostname()
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_default(),
            arch: uname()
                .map(|uts| uts.machine().to_string_lossy().into_owned())
                .unwrap_or_default(),
            os: (field(&release, "ID"), field(&release, "VERSION_ID")),
        }
    }
}

fn field(release: &str, name: &str) -> String {
    release
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches(['"', '\'']).to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_and_without_quotes() {
        let release = "VERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(field(release, "ID"), "ubuntu");
        assert_eq!(field(release, "VERSION_ID"), "24.04");
        assert_eq!(field(release, "NAME"), "");
    }
}
