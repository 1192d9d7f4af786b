//! Where a unit or a machine goes, as `--to` says it: `0`, `zone=1`, `new`, `ssh:user@host`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::names::MachineName;
use crate::text::{excerpt, serde_as_text};

/// A text that is not a placement, or one that Azure has no equivalent for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// A container as a machine.
    #[error(
        "cannot place on {0:?}: containers are not supported, place on a machine such as 0, or leave --to out"
    )]
    Container(String),
    /// A directive of another cloud.
    #[error(
        "unsupported placement directive {0:?}: use a machine such as 0, zone=NAME, or ssh:user@host for a machine of your own"
    )]
    Unsupported(String),
    /// Nothing that a placement can be.
    #[error(
        "invalid placement directive {0:?}: use a machine such as 0, zone=NAME, new, or ssh:user@host"
    )]
    Malformed(String),
}

/// A host that somebody else runs, reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SshTarget {
    /// The login, if one was given.
    pub user: Option<String>,
    /// A host name or an address (IPv6 without brackets).
    pub host: String,
}

/// Where something goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    /// A machine that exists.
    Machine(MachineName),
    /// A new machine.
    New,
    /// A machine that somebody else runs.
    Ssh(SshTarget),
    /// A new machine in this availability zone.
    Zone(String),
}

impl FromStr for Placement {
    type Err = PlacementError;

    fn from_str(text: &str) -> Result<Self, PlacementError> {
        if text == "new" {
            return Ok(Self::New);
        }
        if let Ok(machine) = text.parse::<MachineName>() {
            if machine.is_container() {
                return Err(PlacementError::Container(excerpt(text)));
            }
            return Ok(Self::Machine(machine));
        }
        if let Some(target) = text.strip_prefix("ssh:") {
            return target.parse().map(Self::Ssh);
        }
        let scope = text.split_once(':').map_or(text, |(scope, _)| scope);
        if ["lxd", "lxc", "kvm"].contains(&scope) {
            return Err(PlacementError::Container(excerpt(text)));
        }
        match text.split_once('=') {
            Some(("zone", zone)) if is_zone(zone) => Ok(Self::Zone(zone.to_owned())),
            Some(("subnet" | "system-id" | "region", _)) => {
                Err(PlacementError::Unsupported(excerpt(text)))
            }
            _ => Err(PlacementError::Malformed(excerpt(text))),
        }
    }
}

impl FromStr for SshTarget {
    type Err = PlacementError;

    /// Reads `user@host` or `host`. Neither may begin with a hyphen, so that neither can become an option of a program.
    fn from_str(text: &str) -> Result<Self, PlacementError> {
        let (user, host) = text
            .rsplit_once('@')
            .map_or((None, text), |(user, host)| (Some(user), host));
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let user_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let user_good = user.is_none_or(|user| {
            starts_plain(user) && user.len() <= 64 && user.bytes().all(user_byte)
        });
        let host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let named = starts_plain(host) && host.len() <= 253 && host.bytes().all(host_byte);
        if user_good && (named || host.parse::<Ipv6Addr>().is_ok()) {
            Ok(Self {
                user: user.map(str::to_owned),
                host: host.to_owned(),
            })
        } else {
            Err(PlacementError::Malformed(excerpt(&format!("ssh:{text}"))))
        }
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)
        } else {
            f.write_str(&self.host)
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(machine) => write!(f, "{machine}"),
            Self::New => f.write_str("new"),
            Self::Ssh(target) => write!(f, "ssh:{target}"),
            Self::Zone(zone) => write!(f, "zone={zone}"),
        }
    }
}

serde_as_text!(Placement, SshTarget);

fn starts_plain(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_zone(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_round_trip() {
        for text in [
            "0",
            "12",
            "new",
            "zone=1",
            "zone=westeurope-2",
            "ssh:ubuntu@10.0.0.4",
            "ssh:host.example",
            "ssh:a@[::1]",
        ] {
            let placement: Placement = text.parse().unwrap();
            assert_eq!(placement.to_string(), text);
            let json = serde_json::to_string(&placement).unwrap();
            assert_eq!(serde_json::from_str::<Placement>(&json).unwrap(), placement);
        }
    }

    #[test]
    fn containers_are_refused_by_name() {
        for text in ["lxd", "lxd:0", "0/lxd/1", "kvm:2"] {
            assert_eq!(
                text.parse::<Placement>().unwrap_err().to_string(),
                format!(
                    "cannot place on {text:?}: containers are not supported, place on a machine such as 0, or leave --to out"
                )
            );
        }
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(
            "subnet=a".parse::<Placement>(),
            Err(PlacementError::Unsupported("subnet=a".to_owned()))
        );
        for text in [
            "",
            "zone=",
            "-1",
            "ssh:",
            "ssh:-oProxyCommand=x",
            "ssh:-u@host",
            "ssh:a b@host",
            "mysql/0",
            "zone=a;b",
        ] {
            assert_eq!(
                text.parse::<Placement>(),
                Err(PlacementError::Malformed(text.to_owned())),
                "{text}"
            );
        }
    }
}
