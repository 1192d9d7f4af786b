//! `show-application`.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::output::ShowArgs;
use crate::session::Session;

/// Show information about applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The applications
    #[arg(required = true)]
    applications: Vec<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut shown = BTreeMap::new();
        for name in &self.applications {
            shown.insert(name, at.client.application(name).await?);
        }
        self.show.print(&shown)
    }
}
