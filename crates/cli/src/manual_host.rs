//! Machines that exist: where they are, by which keys they are known, and how
//! the model is let in. All of it with the user's own OpenSSH, which knows the
//! user's keys, agent, settings and hosts.

use std::io::Write as _;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lazuli_model::placement::SshTarget;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Whom to log in as unless a user is named.
const USER: &str = "ubuntu";
/// The one kind of host key that the controller speaks with.
const ED25519: &str = "ssh-ed25519 ";
/// The name under which OpenSSH looks the pinned keys up.
const ALIAS: &str = "lazuli-manual-host";
/// OpenSSH's last words about a host with other keys.
const STRANGER: &str = "Host key verification failed";
/// How the script below says that there is no `sudo -n`.
const NO_SUDO: i32 = 97;

/// A machine that somebody else runs.
#[derive(Debug)]
pub(crate) struct Host {
    /// Whom to log in as.
    pub(crate) user: String,
    /// As the user names it.
    pub(crate) name: String,
    /// What the name stands for here.
    pub(crate) address: IpAddr,
    /// The SSH port.
    pub(crate) port: u16,
}

/// Host keys in OpenSSH's one-line form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// The user trusts them already.
    Known(Vec<String>),
    /// The host shows them, and nobody has said that they are right.
    Shown(Vec<String>),
}

/// Whether the model may log in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It may.
    Open,
    /// The user may, but `sudo` asks for a password.
    NoSudo,
    /// The host has other keys.
    Stranger,
    /// The user may not, or not from here; why.
    Closed(String),
}

impl Keys {
    /// The keys.
    pub(crate) fn lines(&self) -> &[String] {
        match self {
            Self::Known(keys) | Self::Shown(keys) => keys,
        }
    }
}

impl Host {
    /// The machine that `[user@]host[:port]` names; an IPv6 address with a
    /// port has brackets.
    pub(crate) fn find(text: &str) -> Result<Self> {
        let (target, port) = target(text)?;
        let name = target.host;
        let mut found = (name.as_str(), port)
            .to_socket_addrs()
            .map_err(Error::io(format!("find the address of {name}")))?;
        let address = found
            .next()
            .ok_or_else(|| Error::user(format!("{name} has no address")))?
            .ip();
        Ok(Self {
            user: target.user.unwrap_or_else(|| USER.to_owned()),
            name,
            address,
            port,
        })
    }

    /// The host's keys: those of the user's known_hosts, else what it shows.
    pub(crate) fn keys(&self) -> Result<Keys> {
        let known = self.known()?;
        match known.is_empty() {
            false => Ok(Keys::Known(known)),
            true => self.scan().map(Keys::Shown),
        }
    }

    /// The host's name in known_hosts.
    pub(crate) fn known_as(&self) -> String {
        match self.port {
            22 => self.name.clone(),
            port => format!("[{}]:{port}", self.name),
        }
    }

    fn known(&self) -> Result<Vec<String>> {
        let entry = self.known_as();
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let files = [
            home.map(|home| home.join(".ssh/known_hosts")),
            Some(PathBuf::from("/etc/ssh/ssh_known_hosts")),
        ];
        let mut keys = Vec::new();
        for file in files.into_iter().flatten().filter(|file| file.exists()) {
            let mut find = Command::new("ssh-keygen");
            find.arg("-F").arg(&entry).arg("-f").arg(&file);
            // Not to be found is a failure to ssh-keygen.
            let found = output(&mut find)?;
            keys.extend(keys_of(&String::from_utf8_lossy(&found.stdout)));
        }
        Ok(keys)
    }

    fn scan(&self) -> Result<Vec<String>> {
        let mut scan = Command::new("ssh-keyscan");
        scan.args(["-T", "10", "-t", "ed25519", "-p"])
            .arg(self.port.to_string())
            .args(["--", &self.name]);
        let keys = keys_of(&String::from_utf8_lossy(&output(&mut scan)?.stdout));
        match keys.is_empty() {
            false => Ok(keys),
            true => Err(Error::with_hint(
                format!("{} port {} shows no ed25519 host key", self.name, self.port),
                "Check the address, and that an SSH server runs there. If it cannot be reached \
                 from here, give its key with --host-key.",
            )),
        }
    }

    /// Puts keys into the user's authorized_keys on the host, and sees whether
    /// the user may `sudo`. Nothing is sent to a host with other host keys.
    pub(crate) fn let_in(
        &self,
        keys: &[String],
        host_keys: &[String],
        identity: Option<&Path>,
        ask: bool,
    ) -> Result<Entry> {
        let known = known_hosts(host_keys)?;
        let mut ssh = Command::new("ssh");
        for option in [
            format!("UserKnownHostsFile={}", known.path().display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "HostKeyAlgorithms=ssh-ed25519".to_owned(),
            format!("HostKeyAlias={ALIAS}"),
            "ConnectTimeout=10".to_owned(),
            "ServerAliveInterval=10".to_owned(),
            "LogLevel=ERROR".to_owned(),
            format!("BatchMode={}", if ask { "no" } else { "yes" }),
        ] {
            ssh.arg("-o").arg(option);
        }
        if let Some(identity) = identity {
            ssh.arg("-i").arg(identity);
        }
        ssh.args(["-T", "-p", &self.port.to_string(), "-l", &self.user, "--"])
            .args([&self.name, "sh"]);
        let ended = converse(&mut ssh, &script(keys))?;
        match ended.status.code() {
            Some(0) => Ok(Entry::Open),
            Some(NO_SUDO) => Ok(Entry::NoSudo),
            _ => Ok(match last_line(&ended.stderr) {
                why if why.starts_with(STRANGER) => Entry::Stranger,
                why => Entry::Closed(why),
            }),
        }
    }
}

/// Reads `[user@]host[:port]`.
fn target(text: &str) -> Result<(SshTarget, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port
                .parse()
                .map_err(|_| Error::Usage(format!("{port:?} is no port")))?;
            (host, port)
        }
        _ => (text, 22),
    };
    let target = host
        .parse::<SshTarget>()
        .map_err(|error| Error::Usage(error.to_string()))?;
    Ok((target, port))
}

/// The ed25519 keys among lines of a known_hosts file. Lines with a marker in
/// front (revoked keys, authorities) have the host where others have the key.
fn keys_of(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(_, key)| key.trim().to_owned())
        .filter(|key| key.starts_with(ED25519))
        .collect()
}

fn known_hosts(keys: &[String]) -> Result<NamedTempFile> {
    let failed = || Error::io("make a file for host keys");
    let mut file = NamedTempFile::with_prefix("lazuli-known-hosts-").map_err(failed())?;
    for key in keys {
        writeln!(file, "{ALIAS} {key}").map_err(failed())?;
    }
    file.flush().map_err(failed())?;
    Ok(file)
}

/// What the host's shell does: adds the keys that are not there yet, then
/// tries `sudo`. Keys are single lines; the server has seen to that.
fn script(keys: &[String]) -> String {
    format!(
        "umask 077\n\
         mkdir -p \"$HOME/.ssh\" || exit 1\n\
         file=$HOME/.ssh/authorized_keys\n\
         touch \"$file\" || exit 1\n\
         [ -z \"$(tail -c 1 \"$file\")\" ] || echo >> \"$file\"\n\
         while read -r key; do\n\
         grep -qxF -e \"$key\" \"$file\" || printf '%s\\n' \"$key\" >> \"$file\" || exit 1\n\
         done <<'END-OF-KEYS'\n\
         {}\n\
         END-OF-KEYS\n\
         [ \"$(id -u)\" = 0 ] || sudo -n true 2>/dev/null || exit {NO_SUDO}\n",
        keys.join("\n")
    )
}

/// Runs a program of OpenSSH to its end.
fn output(command: &mut Command) -> Result<Output> {
    let failed = failed_to_run(command);
    command.stdin(Stdio::null()).output().map_err(failed)
}

/// Runs a program of OpenSSH, which is told something.
fn converse(command: &mut Command, text: &str) -> Result<Output> {
    let failed = failed_to_run(command);
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may end before it has heard all; its exit code tells.
        _ = stdin.write_all(text.as_bytes());
    }
    child.wait_with_output().map_err(Error::io("wait for ssh"))
}

fn failed_to_run(command: &Command) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let program = command.get_program().to_string_lossy().into_owned();
    Error::io(format!("run {program}, which is part of OpenSSH's client"))
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it did not say why").trim().to_owned()
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
    fn addresses_are_their_own_names() {
        let host = Host::find("10.1.2.3:2222").unwrap();
        assert_eq!(
            (host.user.as_str(), host.address.to_string(), host.port),
            ("ubuntu", "10.1.2.3".to_owned(), 2222)
        );
    }

    #[test]
    fn only_plain_ed25519_keys_are_taken() {
        let text = "# h:22 SSH-2.0-OpenSSH_9.6\nh ssh-ed25519 AAAA\n[h]:23 ssh-ed25519 BBBB c\n\
                    h ssh-rsa CCCC\n@revoked h ssh-ed25519 DDDD\n|1|x=|y= ssh-ed25519 EEEE\n";
        let expected = ["ssh-ed25519 AAAA", "ssh-ed25519 BBBB c", "ssh-ed25519 EEEE"];
        assert_eq!(keys_of(text), expected);
    }

    #[test]
    fn keys_are_added_once_and_what_is_there_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/authorized_keys");
        let keys = [
            "ssh-ed25519 AAAA it's \"$mine\"".to_owned(),
            "ssh-rsa B c".to_owned(),
        ];
        let run = || {
            let mut shell = Command::new("sh");
            converse(shell.env("HOME", home.path()), &script(&keys)).unwrap();
        };
        run();
        let both = format!("{}\n{}\n", keys[0], keys[1]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), both);
        std::fs::write(&file, format!("ssh-dss OLD\n{}", keys[1])).unwrap();
        run();
        run();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            format!("ssh-dss OLD\n{}\n{}\n", keys[1], keys[0])
        );
    }
}
