//! `set-application-base`.

use crate::error::Result;
use crate::session::Session;

/// Set the base of an application's machines to come
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// The base, such as ubuntu@24.04
    base: String,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        at.client.set_base(&self.application, &self.base).await?;
        Ok(())
    }
}
