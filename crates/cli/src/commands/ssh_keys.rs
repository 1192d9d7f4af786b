//! `ssh-keys`, `add-ssh-key` and `remove-ssh-key`.

use lazuli_api::AuthorizedKeys;

use crate::error::{Error, Result};
use crate::output::OutputArgs;
use crate::session::Session;
use crate::ssh_keys::fingerprint;

/// List the SSH keys that may log in to a model's machines
///
/// The first is the model's own, with which Lazuli logs in; its comment begins
/// with "lazuli-". The others are those of users.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    to: OutputArgs,
    /// Show full keys instead of fingerprints, as authorized_keys takes them
    #[arg(long)]
    full: bool,
}

/// Add SSH keys to a model
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Keys in OpenSSH's one-line form
    #[arg(required = true)]
    keys: Vec<String>,
}

/// Remove SSH keys from a model
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Keys, their fingerprints or their comments
    #[arg(required = true)]
    keys: Vec<String>,
}

impl ListArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let keys = at.client.ssh_keys().await?;
        session.say(format!("Keys used in model: {}", at.name));
        let all = std::iter::once(&keys.model_key).chain(&keys.keys);
        let lines: String = match self.full {
            true => all.map(|key| format!("{key}\n")).collect(),
            false => all.map(|key| short(key)).collect(),
        };
        self.to.print(&lines)
    }
}

impl AddArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let keys = AuthorizedKeys { keys: self.keys };
        session.at_model()?.client.add_ssh_keys(&keys).await?;
        Ok(())
    }
}

impl RemoveArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut keys = AuthorizedKeys {
            keys: at.client.ssh_keys().await?.keys,
        };
        for named in &self.keys {
            let before = keys.keys.len();
            keys.keys.retain(|key| !is_named(key, named));
            if keys.keys.len() == before {
                return Err(Error::user(format!(
                    "cannot remove key {named:?}: not found"
                )));
            }
        }
        at.client.set_ssh_keys(&keys).await?;
        Ok(())
    }
}

/// A key by its fingerprint, with its comment.
fn short(key: &str) -> String {
    let print = fingerprint(key).unwrap_or_default();
    match comment(key) {
        Some(comment) => format!("{print} ({comment})\n"),
        None => format!("{print}\n"),
    }
}

fn comment(key: &str) -> Option<&str> {
    key.splitn(3, ' ').nth(2)
}

/// Whether a key is meant: by all of it, without its comment, by its
/// fingerprint or by its comment.
fn is_named(key: &str, named: &str) -> bool {
    let parts = |text: &str| {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        (words.first().cloned(), words.get(1).cloned())
    };
    (named.contains(' ') && parts(key) == parts(named))
        || comment(key) == Some(named)
        || fingerprint(key).as_deref() == Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_themselves_or_their_comment() {
        let key = "ssh-ed25519 AAAA me@home";
        assert!(is_named(key, key));
        assert!(is_named(key, "ssh-ed25519 AAAA"));
        assert!(is_named(key, "me@home"));
        assert!(!is_named(key, "ssh-ed25519 BBBB me@home"));
        assert!(!is_named(key, "me"));
        assert!(is_named(key, &fingerprint(key).unwrap()));
        assert_eq!(
            short(key),
            format!("{} (me@home)\n", fingerprint(key).unwrap())
        );
    }
}
