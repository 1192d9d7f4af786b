//! `refresh`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lazuli_api::client::ModelClient;
use lazuli_api::source::From;
use lazuli_api::{Choice, NamedCharm, Refresh};
use lazuli_model::document::application::ShowApplication;

use crate::arguments;
use crate::charm_source::{self, Place};
use crate::error::{Error, Result};
use crate::located::{self, Located};
use crate::resource_files::{self, Given};
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
    /// The channel of the charm store to follow
    #[arg(long)]
    channel: Option<String>,
    /// The revision of the charm store
    #[arg(long)]
    revision: Option<u32>,
    /// A resource: NAME=PATH, or NAME=REVISION for charms of the store
    #[arg(long, value_name = "NAME=PATH")]
    resource: Vec<String>,
    /// Storage of units to come: NAME=[POOL],[COUNT],[SIZE]
    #[arg(long, value_name = "NAME=DIRECTIVE")]
    storage: Vec<String>,
    /// Bindings of endpoints that change with it: "SPACE ENDPOINT=SPACE"
    #[arg(long, value_name = "BINDINGS")]
    bind: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let files = resource_files::read(&self.resource)?;
        let at = session.at_model()?;
        let name = &self.application;
        let current = at.client.application(name).await?;
        let located = self.locate(session, &at.client, &current, &files).await?;
        session.say_all(&located.notices);
        let charm = &located.charm;
        let before = &current.charm;
        if self.switch.is_none() && charm.name != *before {
            return Err(Error::with_hint(
                format!("cannot refresh {before:?} to {:?}", charm.name),
                "Change to another charm with --switch.",
            ));
        }
        let mut resources = located.resources.clone();
        resources.extend(resource_files::send(session, &at.client, &files).await?);
        let changed = at
            .client
            .refresh(
                name,
                &Refresh {
                    charm: charm.url.clone(),
                    config: arguments::config(&self.config, &[name.as_str(), &charm.name])?,
                    resources,
                    storage: arguments::pairs("storage", &self.storage)?,
                    endpoint_bindings: match &self.bind {
                        Some(text) => arguments::bindings(text)?,
                        None => BTreeMap::new(),
                    },
                    channel: located.channel.clone(),
                    force: self.force || self.force_base,
                    force_units: self.force_units || self.force,
                    trust: self.trust,
                },
            )
            .await?;
        match (changed.written, &located.channel) {
            (None, _) => session.say(located.up_to_date()),
            (Some(_), Some(channel))
                if changed.changes.is_empty() && *channel != current.channel =>
            {
                session.say(format!(
                    "all future refreshes will now use channel {channel:?}"
                ));
            }
            (Some(_), _) => session.say(located.added()),
        }
        session.say_all(&changed.notices);
        if let Some(base) = &self.base {
            at.client.set_base(name, base).await?;
        }
        Ok(())
    }

    /// Finds what the application is to change to.
    async fn locate(
        &self,
        session: &Session,
        client: &ModelClient,
        current: &ShowApplication,
        files: &BTreeMap<String, Given>,
    ) -> Result<Located> {
        let follows = !current.channel.is_empty();
        let place = match (&self.path, &self.switch) {
            (Some(path), _) => Place::Path(path.clone()),
            (None, Some(charm)) => charm_source::find(charm)?,
            (None, None) if follows => Place::Named(current.charm.clone()),
            (None, None) => charm_source::find(&current.charm)?,
        };
        let name = match place {
            Place::Path(path) => {
                if self.channel.is_some() || self.revision.is_some() {
                    session.say("--channel and --revision are ignored: the charm is local");
                }
                resource_files::only_files(files)?;
                return located::upload(client, &path).await;
            }
            Place::Named(name) => name,
        };
        let same = self.switch.is_none();
        let wanted = NamedCharm {
            name,
            from: match (same, follows) {
                (true, true) => From::Store,
                (true, false) => From::Catalogue,
                (false, _) => From::Anywhere,
            },
            choice: Choice {
                channel: self.channel.clone().or_else(|| {
                    let kept = same && follows;
                    kept.then(|| current.channel.clone())
                }),
                revision: self.revision,
                base: self.base.clone().or_else(|| Some(current.base.clone())),
                arch: None,
            },
            resources: resource_files::revisions(files),
            without: resource_files::files(files),
        };
        let found = located::named(client, &wanted).await;
        found.map_err(|error| match error.is_not_found() && same && !follows {
            true => Error::with_hint(
                format!(
                    "charm {:?} is a local one: where is what it is to be changed to?",
                    current.charm
                ),
                format!(
                    "Name a directory or an archive, such as --path ./{}",
                    current.charm
                ),
            ),
            false => error,
        })
    }
}
