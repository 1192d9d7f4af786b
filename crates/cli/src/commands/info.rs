//! `info` and `charm-resources`.

use crate::error::{Error, Result};
use crate::output::ListArgs;
use crate::render::store;
use crate::session::Session;

/// Display detailed information about a charm of the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The charm
    charm: String,
    /// Show what is in this channel only
    #[arg(long)]
    channel: Option<String>,
    /// Show the options of its configuration as well
    #[arg(long)]
    config: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let mut info = session
            .at_controller()?
            .client
            .charm_info(bare(&self.charm))
            .await?;
        if let Some(channel) = &self.channel {
            info.releases
                .retain(|release| store::is_in(release, channel));
        }
        let text = match self.show.format.structured() {
            Some(format) => format.text(&store::info_document(&info, true))?,
            None => store::info_text(&info, self.config)?,
        };
        self.show.to.print(&text)
    }
}

/// Display the resources of a charm of the store
#[derive(Debug, clap::Args)]
pub(crate) struct ResourcesArgs {
    /// The charm
    charm: String,
    /// The channel
    #[arg(long, default_value = "stable")]
    channel: String,
    #[command(flatten)]
    show: ListArgs,
}

impl ResourcesArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let name = bare(&self.charm);
        let info = session.at_controller()?.client.charm_info(name).await?;
        let mut releases = info.releases.iter();
        let release = releases.find(|release| store::is_in(release, &self.channel));
        let release = release.ok_or_else(|| {
            Error::user(format!("charm {name:?} has nothing in {}", self.channel))
        })?;
        if release.resources.is_empty() {
            session.say("No resources to display.");
        }
        let text = match self.show.format.structured() {
            Some(format) => format.text(&store::resources_document(&release.resources))?,
            None => store::resources_table(&release.resources),
        };
        self.show.to.print(&text)
    }
}

/// A name without the scheme of the store.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("ch:").unwrap_or(name)
}
