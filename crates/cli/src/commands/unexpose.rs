//! `unexpose`.

use crate::arguments;
use crate::error::Result;
use crate::session::Session;

/// Undo expose
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// Only these endpoints, with commas between
    #[arg(long)]
    endpoints: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let endpoints = arguments::list(&self.endpoints);
        at.client.unexpose(&self.application, &endpoints).await?;
        Ok(())
    }
}
