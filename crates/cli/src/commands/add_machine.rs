//! `add-machine`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use lazuli_api::{AddMachines, EntityKind, ManualHost};
use lazuli_model::placement::SshTarget;

use crate::ask;
use crate::error::{Error, Result};
use crate::session::Session;

/// Add machines, or one that exists
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where: zone=1, or ssh:[USER@]HOST[:PORT] for a machine that exists
    place: Option<String>,
    /// Number of machines to add
    #[arg(short = 'n', value_name = "N", default_value_t = 1)]
    count: u32,
    /// Constraints of the machines
    #[arg(long, value_name = "CONSTRAINTS")]
    constraints: Vec<String>,
    /// The base of the machines, such as ubuntu@24.04
    #[arg(long)]
    base: Option<String>,
    /// Take the host key that a machine shows without asking
    #[arg(long)]
    no_prompt: bool,
    /// The host key of a machine that exists, in OpenSSH's one-line form
    #[arg(long, value_name = "KEY")]
    host_key: Vec<String>,
    #[arg(long, hide = true)]
    disks: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if self.disks.is_some() {
            return Err(Error::user(
                "--disks cannot be used: this version of lazuli adds no disks",
            ));
        }
        let place = self.place.as_deref();
        let manual = match place.and_then(|place| place.strip_prefix("ssh:")) {
            Some(target) => Some(self.manual(session, target)?),
            None => None,
        };
        let request = AddMachines {
            count: self.count,
            constraints: match self.constraints.is_empty() {
                true => None,
                false => Some(self.constraints.join(" ")),
            },
            base: self.base.clone(),
            placement: match manual.is_some() {
                true => None,
                false => self.place.clone(),
            },
            manual,
        };
        let changed = session.at_model()?.client.add_machines(&request).await?;
        for name in changed.added(EntityKind::Machine) {
            session.say(format!("created machine {name}"));
        }
        changed
            .notices
            .iter()
            .for_each(|notice| session.say(notice));
        Ok(())
    }

    /// A host with keys that a person has confirmed.
    fn manual(&self, session: &Session, text: &str) -> Result<ManualHost> {
        let (target, port) = target(text)?;
        let host_keys = match self.host_key.is_empty() {
            false => self.host_key.clone(),
            true => {
                let keys = scan(&target.host, port)?;
                let prints = fingerprints(&keys)?;
                session.say(format!(
                    "{} shows this host key:\n{}",
                    target.host,
                    prints.trim_end()
                ));
                match (self.no_prompt, session.may_ask()) {
                    (true, _) => {}
                    (false, true) => ask::yes("Is this the right one")?,
                    (false, false) => {
                        return Err(Error::with_hint(
                            "nobody is there to confirm the host key",
                            "Give it with --host-key, or take what is shown with --no-prompt.",
                        ));
                    }
                }
                keys
            }
        };
        Ok(ManualHost {
            user: target.user.unwrap_or_else(|| "ubuntu".to_owned()),
            host: target.host,
            port,
            host_keys,
        })
    }
}

/// Reads `[user@]host[:port]`; an IPv6 address with a port has brackets.
fn target(text: &str) -> Result<(SshTarget, u16)> {
    let wrong = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port
                .parse()
                .map_err(|_| Error::Usage(format!("{port:?} is no port")))?;
            (host, port)
        }
        _ => (text, 22),
    };
    let target = host.parse::<SshTarget>().map_err(|error| wrong(&error))?;
    Ok((target, port))
}

/// The host keys that a host shows.
fn scan(host: &str, port: u16) -> Result<Vec<String>> {
    let output = Command::new("ssh-keyscan")
        .args([
            "-T",
            "10",
            "-t",
            "ed25519",
            "-p",
            &port.to_string(),
            "--",
            host,
        ])
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io(
            "run ssh-keyscan, which is part of OpenSSH's client",
        ))?;
    let keys = scanned(&String::from_utf8_lossy(&output.stdout));
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Error::with_hint(
            format!("{host} port {port} shows no ed25519 host key"),
            "Check the address, and that an SSH server runs there.",
        )),
    }
}

/// The keys of what ssh-keyscan prints: lines of a host and a key.
fn scanned(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(_, key)| key.trim().to_owned())
        .filter(|key| key.starts_with("ssh-"))
        .collect()
}

fn fingerprints(keys: &[String]) -> Result<String> {
    let failed = || Error::io("run ssh-keygen, which is part of OpenSSH's client");
    let mut child = Command::new("ssh-keygen")
        .args(["-l", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all((keys.join("\n") + "\n").as_bytes())
            .map_err(failed())?;
    }
    let output = child.wait_with_output().map_err(failed())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Error::user("the host shows a key that is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_may_name_a_user_and_a_port() {
        let parts = |text| {
            let (target, port) = target(text).unwrap();
            (target.user, target.host, port)
        };
        let me = Some("me".to_owned());
        assert_eq!(
            parts("me@h.example"),
            (me.clone(), "h.example".to_owned(), 22)
        );
        assert_eq!(parts("h:2222"), (None, "h".to_owned(), 2222));
        assert_eq!(parts("me@[fd00::1]:23"), (me, "fd00::1".to_owned(), 23));
        assert_eq!(parts("fd00::1"), (None, "fd00::1".to_owned(), 22));
        assert!(target("h:x").is_err());
        assert!(target("-oProxyCommand=x").is_err());
    }

    #[test]
    fn scans_are_read() {
        let text = "# h:22 SSH-2.0-OpenSSH_9.6\nh ssh-ed25519 AAAA\n[h]:23 ssh-ed25519 BBBB\n";
        assert_eq!(scanned(text), ["ssh-ed25519 AAAA", "ssh-ed25519 BBBB"]);
    }
}
