//! OpenSSH as a child: how it reaches machines and knows them.
//!
//! Each machine is a host of its own name, `lazuli-MODEL-UUID-machine-N`, by
//! which its keys are known; OpenSSH reaches it through this program, which
//! speaks to the server.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::Command;

use lazuli_api::HostKeys;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::session::{AtModel, Session};
use crate::ssh_keys;

/// Flags that `ssh` and `scp` share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OpenSshArgs {
    /// Skip host key checking (INSECURE)
    #[arg(long)]
    no_host_key_checks: bool,
    #[arg(long, hide = true)]
    proxy: bool,
    #[arg(long, hide = true)]
    remote: bool,
    #[arg(long, hide = true, value_name = "NAME")]
    container: Option<String>,
}

/// A machine as `[user@]target` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The login, if named.
    pub(crate) user: Option<String>,
    /// A machine, a unit or `app/leader`.
    pub(crate) name: String,
}

/// Options that make OpenSSH reach machines of a model. They hold while this
/// lives.
#[derive(Debug)]
pub(crate) struct Way {
    hosts: BTreeMap<String, HostKeys>,
    checks: bool,
    known: NamedTempFile,
    options: Vec<OsString>,
}

impl Target {
    /// Reads `[user@]target`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.rsplit_once('@') {
            Some((user, name)) => Self {
                user: Some(user.to_owned()),
                name: name.to_owned(),
            },
            None => Self {
                user: None,
                name: text.to_owned(),
            },
        }
    }

    /// Whether it can be a machine or a unit of a model.
    pub(crate) fn is_of_model(&self) -> bool {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
        match self.name.split_once('/') {
            Some((_, "leader")) => true,
            Some((application, unit)) => !application.is_empty() && number(unit),
            None => number(&self.name),
        }
    }
}

impl Way {
    /// A way to machines of this model.
    pub(crate) fn new(session: &Session, model: &AtModel, args: &OpenSshArgs) -> Result<Self> {
        let program = std::env::current_exe().map_err(Error::io("find this program"))?;
        let program = program
            .to_str()
            .ok_or_else(|| Error::user(format!("{} is not a path in UTF-8", program.display())))?;
        let model = format!("{}:{}", model.controller.name, model.name);
        let proxy = [program, "tunnel", "--model", &model, "--"]
            .map(quoted)
            .join(" ");
        let known = NamedTempFile::with_prefix("lazuli-known-hosts-")
            .map_err(Error::io("make a file for host keys"))?;
        let checks = !args.no_host_key_checks;
        let known_path = match checks {
            true => known.path().display().to_string(),
            false => "/dev/null".to_owned(),
        };
        let mut options: Vec<OsString> = Vec::new();
        for option in [
            format!("ProxyCommand={proxy} %h"),
            format!("UserKnownHostsFile={known_path}"),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            format!(
                "StrictHostKeyChecking={}",
                if checks { "yes" } else { "no" }
            ),
            "UpdateHostKeys=no".to_owned(),
            "CanonicalizeHostname=no".to_owned(),
            "ServerAliveInterval=30".to_owned(),
        ] {
            options.push("-o".into());
            options.push(option.into());
        }
        let key = ssh_keys::own_path(&session.files);
        if key.exists() {
            options.push("-i".into());
            options.push(key.into());
        }
        if !checks {
            options.extend(["-o".into(), "LogLevel=ERROR".into()]);
        }
        Ok(Self {
            hosts: BTreeMap::new(),
            checks,
            known,
            options,
        })
    }

    /// Adds a target; answers `user@host` for OpenSSH.
    pub(crate) async fn add(&mut self, model: &AtModel, target: &Target) -> Result<String> {
        let machine = machine_of(model, &target.name).await?;
        let keys = match self.hosts.get(&machine) {
            Some(keys) => keys.clone(),
            None => {
                let keys = model.client.host_keys(&machine).await?;
                if self.checks && keys.known_hosts.is_empty() {
                    return Err(Error::with_hint(
                        format!("the host key of machine {machine} is not known yet"),
                        "Wait until the machine has started.",
                    ));
                }
                for line in &keys.known_hosts {
                    writeln!(self.known, "{line}").map_err(Error::io("write host keys"))?;
                }
                self.known.flush().map_err(Error::io("write host keys"))?;
                self.hosts.insert(machine, keys.clone());
                keys
            }
        };
        let user = match (&target.user, keys.user.as_str()) {
            (Some(user), _) => user,
            (None, "") => "ubuntu",
            (None, user) => user,
        };
        Ok(format!("{user}@{}", keys.alias))
    }

    /// Runs a program of OpenSSH; its exit code becomes ours.
    pub(crate) fn run(&self, program: &str, words: &[OsString]) -> Result<()> {
        let ended = Command::new(program)
            .args(&self.options)
            .args(words)
            .status()
            .map_err(Error::io(format!(
                "run {program}, which is part of OpenSSH's client"
            )))?;
        match ended.code() {
            Some(0) => Ok(()),
            Some(code) => Err(Error::Passed(u8::try_from(code).unwrap_or(255))),
            None => Err(Error::Passed(255)),
        }
    }
}

/// The machine of a target: itself, the unit's, or the leader's.
pub(crate) async fn machine_of(model: &AtModel, target: &str) -> Result<String> {
    if let Some((_, machine)) = target.rsplit_once("-machine-")
        && !target.contains('/')
    {
        return Ok(machine.to_owned());
    }
    if !target.contains('/') {
        return Ok(target.to_owned());
    }
    unit_of(model, target).await.map(|(_, machine)| machine)
}

/// The name and the machine of a unit, which may be named as `app/leader`.
pub(crate) async fn unit_of(model: &AtModel, target: &str) -> Result<(String, String)> {
    let (unit, machine) = match target.split_once('/') {
        Some((application, "leader")) => {
            let status = model.client.status().await?;
            let units = status.applications.get(application);
            let mut units = units.into_iter().flat_map(|one| &one.units);
            let leader = units.find(|(_, unit)| unit.leader);
            let leader = leader.map(|(name, unit)| (name.clone(), unit.machine.clone()));
            leader.ok_or_else(|| {
                Error::user(format!("application {application:?} has no leader (yet)"))
            })?
        }
        _ => (target.to_owned(), model.client.unit(target).await?.machine),
    };
    match machine.as_str() {
        "" => Err(Error::with_hint(
            format!("unit {unit} has no machine yet"),
            "Wait until it is assigned to one: lazuli status",
        )),
        _ => Ok((unit, machine)),
    }
}

/// A word for a shell, inside of a value in which `%` means something.
fn quoted(word: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "/._-:@".contains(one);
    match word.chars().all(plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''").replace('%', "%%")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_machines_and_units() {
        let parsed = Target::parse("me@app/0");
        assert_eq!(parsed.user.as_deref(), Some("me"));
        assert_eq!(parsed.name, "app/0");
        for good in ["0", "17", "app/0", "a-b/12", "app/leader"] {
            assert!(Target::parse(good).is_of_model(), "{good}");
        }
        for bad in ["", "host", "/0", "app/", "app/x"] {
            assert!(!Target::parse(bad).is_of_model(), "{bad}");
        }
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("/usr/bin/lazuli"), "/usr/bin/lazuli");
        assert_eq!(quoted("a b%'c"), "'a b%%'\\''c'");
    }
}
