//! `integrate`.

use crate::error::{Error, Result};
use crate::session::Session;

/// Integrate two applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One end: APPLICATION[:ENDPOINT]
    one: String,
    /// The other end
    other: String,
    #[arg(long, hide = true)]
    via: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if !self.via.is_empty() {
            return Err(Error::user(
                "--via cannot be used: both applications are of one model",
            ));
        }
        let at = session.at_model()?;
        let changed = at.client.integrate(&self.one, &self.other).await?;
        session.say_all(&changed.notices);
        Ok(())
    }
}
