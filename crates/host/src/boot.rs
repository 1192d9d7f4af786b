//! A machine's first boot: no hook runs before its set-up is finished.

use std::time::Duration;

use crate::client::Connection;
use crate::dial::Dialer;
use crate::error::HostError;
use crate::hosts::Target;
use crate::keys::Identity;

/// One look waits this long on the machine for the end of the set-up; then
/// comes another.
const LOOK: Duration = Duration::from_secs(60);

/// What a machine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The host's name.
    pub hostname: String,
    /// Juju's word: amd64, arm64.
    pub arch: String,
    /// Processors.
    pub cores: u32,
    /// Memory in MiB.
    pub mem: u64,
    /// `ID` of os-release.
    pub os: String,
    /// `VERSION_ID` of os-release.
    pub os_version: String,
    /// Changes with each boot.
    pub boot_id: String,
    /// `/etc/machine-id`.
    pub machine_id: String,
}

/// Waits for the set-up in one command rather than by asking again and again,
/// and reads everything there is to know.
fn script(wait: bool) -> String {
    let wait = if wait {
        let tries = LOOK.as_millis() / 200;
        format!(
            "n=0; while [ ! -e /var/lib/cloud/instance/boot-finished ]; do \
             n=$((n+1)); [ $n -gt {tries} ] && exit 75; sleep 0.2; done; "
        )
    } else {
        String::new()
    };
    format!(
        "sh -c '{wait}. /etc/os-release; \
         echo \"lazuli-facts\"; hostname; uname -m; nproc; \
         awk \"/^MemTotal/ {{print int(\\$2/1024)}}\" /proc/meminfo; \
         echo \"$ID\"; echo \"$VERSION_ID\"; \
         cat /proc/sys/kernel/random/boot_id /etc/machine-id; sudo -n true'"
    )
}

/// Connects, waits for the end of the first boot, reads the facts.
pub(crate) async fn look(
    dialer: &Dialer,
    target: &Target,
    identity: &Identity,
) -> Result<Facts, HostError> {
    let connection = Connection::open(dialer, target, identity).await?;
    let command = script(target.waits_for_cloud_init);
    let done = connection
        .run(&command, Vec::new(), LOOK + Duration::from_secs(30))
        .await;
    connection.close().await;
    let done = done?;
    match done.status {
        Some(0) => parse(&done.stdout)
            .ok_or_else(|| HostError::machine("the machine's facts are not understood")),
        Some(75) => Err(HostError::transient("its first boot is not finished yet")),
        Some(_) if done.stderr.contains("sudo") => Err(HostError::machine(format!(
            "user {} cannot run sudo without a password: {}",
            target.user,
            done.stderr.trim()
        ))),
        Some(code) => Err(HostError::machine(format!(
            "reading its facts failed with {code}: {}",
            done.stderr.trim()
        ))),
        None => Err(HostError::transient("the connection was cut")),
    }
}

/// Whatever a `.bashrc` printed comes before the marker.
fn parse(text: &str) -> Option<Facts> {
    let (_, text) = text.split_once("lazuli-facts\n")?;
    let mut lines = text.lines().map(str::trim);
    let hostname = lines.next()?.to_owned();
    let arch = match lines.next()? {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
    .to_owned();
    Some(Facts {
        hostname,
        arch,
        cores: lines.next()?.parse().ok()?,
        mem: lines.next()?.parse().ok()?,
        os: lines.next()?.to_owned(),
        os_version: lines.next()?.to_owned(),
        boot_id: lines.next()?.to_owned(),
        machine_id: lines.next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_after_whatever_the_login_shell_prints() {
        let text = "Welcome!\nlazuli-facts\nm-0\nx86_64\n2\n3920\nubuntu\n24.04\nb-1\nid-1\n";
        let facts = parse(text).expect("facts");
        assert_eq!(
            (facts.arch.as_str(), facts.cores, facts.mem),
            ("amd64", 2, 3920)
        );
        assert_eq!(
            (facts.os.as_str(), facts.os_version.as_str()),
            ("ubuntu", "24.04")
        );
        assert_eq!(
            (facts.boot_id.as_str(), facts.machine_id.as_str()),
            ("b-1", "id-1")
        );
        assert_eq!(parse("lazuli-facts\nm-0\n"), None);
    }
}
