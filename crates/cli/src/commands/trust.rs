//! `trust`.

use crate::error::Result;
use crate::session::Session;

/// Set whether an application may use the cloud's credential
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// Take the right away
    #[arg(long)]
    remove: bool,
    #[arg(long, hide = true)]
    scope: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        at.client.trust(&self.application, !self.remove).await?;
        Ok(())
    }
}
