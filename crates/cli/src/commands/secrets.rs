//! `secrets`, `show-secret`, `remove-secret`, `grant-secret` and
//! `revoke-secret`.

use std::collections::BTreeMap;

use lazuli_api::SecretAccessChange;
use time::OffsetDateTime;

use crate::error::{Error, Result};
use crate::output::{ListArgs as Listed, ShowArgs as Shown, Structured};
use crate::render::secrets::{Secret, View, tabular};
use crate::session::Session;

/// List available secrets
#[derive(Debug, clap::Args)]
pub(crate) struct SecretsArgs {
    /// Only those of this owner: <model>, an application or a unit
    #[arg(long)]
    owner: Option<String>,
    #[command(flatten)]
    list: Listed,
}

/// Show details for a specific secret
#[derive(Debug, clap::Args)]
pub(crate) struct ShowSecretArgs {
    /// The secret's ID or name
    #[arg(value_name = "ID|NAME")]
    secret: String,
    /// Show what the secret says
    #[arg(long)]
    reveal: bool,
    /// Show the metadata of all revisions
    #[arg(long)]
    revisions: bool,
    /// Show what this revision says
    #[arg(short, long, default_value_t = 0, hide_default_value = true)]
    revision: u32,
    #[command(flatten)]
    show: Shown,
}

/// Remove an existing secret
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveSecretArgs {
    /// The secret's ID or name
    #[arg(value_name = "ID|NAME")]
    secret: String,
    /// Remove this revision only
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    revision: u32,
}

/// Grant access to a secret
#[derive(Debug, clap::Args)]
pub(crate) struct GrantArgs {
    /// The secret's ID or name
    #[arg(value_name = "ID|NAME")]
    secret: String,
    /// The applications
    #[arg(
        value_name = "APPLICATION[,APPLICATION...]",
        value_delimiter = ',',
        required = true
    )]
    applications: Vec<String>,
}

/// Revoke access to a secret
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The secret's ID or name
    #[arg(value_name = "ID|NAME")]
    secret: String,
    /// The applications
    #[arg(
        value_name = "APPLICATION[,APPLICATION...]",
        value_delimiter = ',',
        required = true
    )]
    applications: Vec<String>,
}

impl SecretsArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let mut secrets = session.at_model()?.client.secrets().await?.secrets;
        if let Some(owner) = &self.owner {
            secrets.retain(|secret| secret.owner == *owner);
        }
        match self.list.format.structured() {
            None => self
                .list
                .to
                .print(&tabular(&secrets, OffsetDateTime::now_utc())),
            Some(format) => {
                let view = View::of(format);
                let shown: BTreeMap<String, Secret> = secrets
                    .into_iter()
                    .map(|secret| (secret.id.clone(), view.secret(secret, None)))
                    .collect();
                self.list.to.print(&format.text(&shown)?)
            }
        }
    }
}

impl ShowSecretArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if self.reveal && self.revisions {
            return Err(Error::Usage(
                "specify either --revisions or --reveal but not both".to_owned(),
            ));
        }
        if self.revision > 0 && self.revisions {
            return Err(Error::Usage(
                "specify either --revision or --revisions but not both".to_owned(),
            ));
        }
        let client = session.at_model()?.client;
        let info = client.secret(&self.secret).await?;
        let revision = (self.revision > 0).then_some(self.revision);
        let content = match self.reveal {
            true => Some(client.secret_content(&info.id, revision).await?),
            false => None,
        };
        let view = View {
            revisions: self.revisions,
            access: true,
            ..View::of(self.show.format)
        };
        let id = info.id.clone();
        let mut secret = view.secret(info, content);
        if let Some(revision) = revision {
            secret.revision = revision;
        }
        self.show.print(&BTreeMap::from([(id, secret)]))
    }
}

impl RemoveSecretArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let revision = (self.revision > 0).then_some(self.revision);
        let at = session.at_model()?;
        at.client.remove_secret(&self.secret, revision).await?;
        Ok(())
    }
}

impl GrantArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let change = SecretAccessChange {
            grant: self.applications,
            revoke: Vec::new(),
        };
        change_access(session, &self.secret, &change).await
    }
}

impl RevokeArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let change = SecretAccessChange {
            grant: Vec::new(),
            revoke: self.applications,
        };
        change_access(session, &self.secret, &change).await
    }
}

async fn change_access(session: &Session, secret: &str, change: &SecretAccessChange) -> Result<()> {
    let at = session.at_model()?;
    at.client.change_secret_access(secret, change).await?;
    Ok(())
}

impl View {
    fn of(format: Structured) -> Self {
        Self {
            json: format == Structured::Json,
            revisions: false,
            access: false,
        }
    }
}
