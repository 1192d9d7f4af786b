//! `bind`.

use lazuli_api::Bind;

use crate::arguments;
use crate::error::Result;
use crate::session::Session;

/// Bind endpoints of an application to spaces
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// SPACE for those that are bound to the default, ENDPOINT=SPACE for one
    #[arg(required = true, value_name = "[ENDPOINT=]SPACE")]
    bindings: Vec<String>,
    /// Bind although machines have no address in the space
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let bind = Bind {
            bindings: arguments::bindings(&self.bindings.join(" "))?,
            force: self.force,
        };
        let at = session.at_model()?;
        let changed = at.client.bind(&self.application, &bind).await?;
        session.say_all(&changed.notices);
        Ok(())
    }
}
