//! `ssh-keys`, `add-ssh-key` and `remove-ssh-key`.

use lazuli_api::AuthorizedKeys;

use crate::error::{Error, Result};
use crate::output::OutputArgs;
use crate::session::Session;

/// List the SSH keys of users that may log in to a model's machines
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    to: OutputArgs,
    #[arg(long, hide = true)]
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
    /// Keys, or their comments
    #[arg(required = true)]
    keys: Vec<String>,
}

impl ListArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let keys = session.at_model()?.client.ssh_keys().await?.keys;
        if keys.is_empty() {
            session.say("No keys to display.");
        }
        let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
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
        let mut keys = at.client.ssh_keys().await?;
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

/// Whether a key is meant: by all of it, without its comment, or by its
/// comment.
fn is_named(key: &str, named: &str) -> bool {
    let parts = |text: &str| {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        (words.first().cloned(), words.get(1).cloned())
    };
    let comment = key.splitn(3, ' ').nth(2);
    (named.contains(' ') && parts(key) == parts(named)) || comment == Some(named)
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
    }
}
