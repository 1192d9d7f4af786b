//! `refresh`.

use std::path::PathBuf;

use lazuli_api::Refresh;

use crate::arguments;
use crate::charm_source;
use crate::error::{Error, Result};
use crate::resource_files;
use crate::session::Session;

/// Change the charm of an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// The charm: a directory or an archive
    #[arg(long)]
    path: Option<PathBuf>,
    /// Another charm to change to, as of deploy
    #[arg(long, conflicts_with = "path", value_name = "CHARM")]
    switch: Option<String>,
    /// A setting: KEY=VALUE, KEY=@FILE, or a YAML file
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Change it although the charm is not made for the base
    #[arg(long, visible_alias = "force-series")]
    force_base: bool,
    /// Change it although units are in error
    #[arg(long)]
    force_units: bool,
    /// Change it whatever speaks against it
    #[arg(long)]
    force: bool,
    /// Let it use the cloud's credential
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    trust: Option<bool>,
    /// The base of machines to come
    #[arg(long)]
    base: Option<String>,
    #[arg(long, hide = true)]
    channel: Option<String>,
    #[arg(long, hide = true)]
    revision: Option<i64>,
    /// A resource: NAME=PATH, or NAME=REVISION for charms of the store
    #[arg(long, value_name = "NAME=PATH")]
    resource: Vec<String>,
    #[arg(long, hide = true)]
    storage: Vec<String>,
    #[arg(long, hide = true)]
    bind: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if !self.storage.is_empty() || self.bind.is_some() {
            return Err(Error::user(
                "--storage and --bind cannot be used: this version of lazuli changes neither",
            ));
        }
        if self.channel.is_some() || self.revision.is_some() {
            session.say("--channel and --revision are ignored: the charm is local");
        }
        let files = resource_files::read(&self.resource)?;
        resource_files::only_files(&files)?;
        let at = session.at_model()?;
        let name = &self.application;
        let current = at.client.application(name).await?;
        let path = match (&self.path, &self.switch) {
            (Some(path), _) => path.clone(),
            (None, Some(charm)) => charm_source::find(charm)?,
            (None, None) => charm_source::find_again(&current.charm)?,
        };
        let archive = charm_source::archive(&path)?;
        let added = at.client.add_charm(archive).await?;
        session.say_all(&added.notices);
        let charm = added.charm;
        let before = charm_source::name(&current.charm);
        if self.switch.is_none() && charm.name != before {
            return Err(Error::with_hint(
                format!("cannot refresh {before:?} to {:?}", charm.name),
                "Change to another charm with --switch.",
            ));
        }
        let resources = resource_files::send(session, &at.client, &files).await?;
        let changed = at
            .client
            .refresh(
                name,
                &Refresh {
                    charm: charm.url.clone(),
                    config: arguments::config(&self.config, &[name.as_str(), &charm.name])?,
                    resources,
                    channel: None,
                    force: self.force || self.force_base,
                    force_units: self.force_units || self.force,
                    trust: self.trust,
                },
            )
            .await?;
        match changed.written {
            Some(_) => session.say(format!(
                "Added local charm {:?}, revision {}, to the model",
                charm.name, charm.revision
            )),
            None => session.say(format!("charm {:?}: already up-to-date", charm.url)),
        }
        session.say_all(&changed.notices);
        if let Some(base) = &self.base {
            at.client.set_base(name, base).await?;
        }
        Ok(())
    }
}
