//! What a machine says of itself, and whether its first boot is finished: one
//! command, whatever the login shell prints before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::error::HostError;

/// How long one command waits for the end of the first boot's set-up, at most.
pub(crate) const BOOT_WAIT: Duration = Duration::from_secs(30);

/// What a machine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The host's name.
    pub hostname: String,
    /// Juju's word for the processor: amd64, arm64.
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
    /// The processor as in `uname -m`, by which the runner is chosen.
    pub uname: String,
    /// Size of the root file system, MiB.
    pub root_disk: u64,
    /// What went wrong in the first boot's set-up, in cloud-init's words.
    pub boot_errors: Vec<String>,
}

/// An answer to the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    /// The first boot's set-up is not finished yet.
    Booting,
    /// It is, or is not waited for.
    Ready {
        facts: Facts,
        /// Hashes of the runners that are there.
        runners: Vec<String>,
    },
}

/// The script, to be read by `sh -s`. It prints `MARK`, then lines
/// `name=value`, then `MARK` again. It waits so long for the end of the first
/// boot's set-up, and not at all for zero.
pub(crate) fn script(mark: &str, runners: &str, wait: Duration) -> String {
    let tries = wait.as_millis() / 200;
    let boot = if tries > 0 {
        format!(
            "n=0\nwhile [ ! -e /var/lib/cloud/instance/boot-finished ]; do\n\
             if [ $n -ge {tries} ]; then echo booting=1; break; fi\n\
             n=$((n+1)); sleep 0.2\ndone\n\
             if [ -r /var/lib/cloud/data/result.json ]; then\n\
             echo \"result=$(tr -d '\\n' </var/lib/cloud/data/result.json | head -c 16384)\"; fi\n"
        )
    } else {
        String::new()
    };
    // Within braces it is read to its end before it begins, so that no
    // command in it can eat the rest.
    format!(
        "{{\necho {mark}\n{boot}\
         echo \"arch=$(uname -m)\"\n\
         echo \"hostname=$(uname -n)\"\n\
         echo \"boot_id=$(cat /proc/sys/kernel/random/boot_id)\"\n\
         echo \"machine_id=$(cat /etc/machine-id)\"\n\
         echo \"cores=$(getconf _NPROCESSORS_ONLN)\"\n\
         echo \"mem_kb=$(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo)\"\n\
         echo \"disk_kb=$(df -P -k / | sed -n '2s/^[^ ]* *\\([0-9]*\\).*/\\1/p')\"\n\
         ( . /etc/os-release; echo \"os=$ID\"; echo \"os_version=$VERSION_ID\" )\n\
         for f in {runners}/*/lazuli-runner; do if [ -x \"$f\" ]; then echo \"runner=$f\"; fi; done\n\
         echo {mark}\nexit 0\n}}\n"
    )
}

/// Reads what the script printed.
///
/// # Errors
/// [`HostError::Garbled`] when what is needed is missing.
pub(crate) fn parse(address: SocketAddr, mark: &str, stdout: &[u8]) -> Result<Probed, HostError> {
    let garbled = |detail: &str| HostError::Garbled {
        address,
        step: "looking at the machine",
        detail: detail.to_owned(),
    };
    let text = String::from_utf8_lossy(stdout);
    let mut parts = text.split(mark);
    let (Some(_), Some(body), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(garbled("the answer is incomplete"));
    };
    let mut runners = Vec::new();
    let mut values = BTreeMap::new();
    for (name, value) in body.lines().filter_map(|line| line.split_once('=')) {
        if name == "runner" {
            runners.extend(value.rsplit('/').nth(1).map(str::to_owned));
        } else {
            values.insert(name, value.trim());
        }
    }
    if values.contains_key("booting") {
        return Ok(Probed::Booting);
    }
    let get = |name: &str| values.get(name).copied().unwrap_or_default();
    let number = |name: &str| get(name).parse::<u64>().unwrap_or_default();
    let uname = get("arch");
    if uname.is_empty() || get("boot_id").is_empty() {
        return Err(garbled("it names no processor or no boot"));
    }
    let facts = Facts {
        hostname: get("hostname").to_owned(),
        arch: juju_arch(uname).to_owned(),
        cores: u32::try_from(number("cores")).unwrap_or(u32::MAX),
        mem: number("mem_kb") / 1024,
        os: get("os").to_owned(),
        os_version: get("os_version").to_owned(),
        boot_id: get("boot_id").to_owned(),
        machine_id: get("machine_id").to_owned(),
        uname: uname.to_owned(),
        root_disk: number("disk_kb") / 1024,
        boot_errors: boot_errors(get("result")),
    };
    Ok(Probed::Ready { facts, runners })
}

/// Juju's word for a processor.
fn juju_arch(uname: &str) -> &str {
    match uname {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "ppc64le" => "ppc64el",
        other => other,
    }
}

/// The errors in cloud-init's `result.json`.
fn boot_errors(result: &str) -> Vec<String> {
    let Ok(result) = serde_json::from_str::<serde_json::Value>(result) else {
        return Vec::new();
    };
    let errors = result
        .pointer("/v1/errors")
        .and_then(|errors| errors.as_array());
    errors
        .into_iter()
        .flatten()
        .filter_map(|error| error.as_str())
        .take(20)
        .map(|error| error.chars().take(500).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 22))
    }

    #[test]
    fn noise_before_and_after_is_passed_over() {
        let text = b"welcome! arch=sparc\nMARK\nresult={\"v1\":{\"errors\":[\"bad key\"]}}\narch=x86_64\n\
            hostname=m-0\nboot_id=b1\nmachine_id=m1\ncores=2\nmem_kb=4046848\ndisk_kb=30298176\nos=ubuntu\n\
            os_version=24.04\nrunner=/var/lib/lazuli/runner/abc/lazuli-runner\nMARK\nbye\n";
        let Probed::Ready { facts, runners } = parse(here(), "MARK", text).unwrap() else {
            panic!("booting");
        };
        assert_eq!(facts.arch, "amd64");
        assert_eq!((facts.cores, facts.mem), (2, 3952));
        assert_eq!(facts.os_version, "24.04");
        assert_eq!(facts.root_disk, 29588);
        assert_eq!(facts.boot_errors, ["bad key"]);
        assert_eq!(runners, ["abc"]);
    }

    #[test]
    fn half_an_answer_is_none() {
        let error = parse(here(), "MARK", b"MARK\narch=x86_64\n").unwrap_err();
        assert!(matches!(error, HostError::Garbled { .. }), "{error}");
        let booting = parse(here(), "MARK", b"MARK\nbooting=1\narch=x86_64\nMARK\n").unwrap();
        assert_eq!(booting, Probed::Booting);
    }

    #[test]
    fn the_script_runs_here() {
        let mut child = std::process::Command::new("sh")
            .arg("-s")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let text = script("MARK", "/nonexistent", Duration::ZERO);
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let probed = parse(here(), "MARK", &output.stdout).unwrap();
        let Probed::Ready { facts, runners } = probed else {
            panic!("booting");
        };
        assert_eq!(facts.uname, std::env::consts::ARCH);
        assert!(facts.cores > 0 && facts.mem > 0 && facts.root_disk > 0);
        assert!(!facts.os.is_empty());
        assert_eq!(runners, [""; 0]);
    }
}
