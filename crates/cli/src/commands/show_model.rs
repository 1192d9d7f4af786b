//! `show-model`.

use crate::error::Result;
use crate::output::ShowArgs;
use crate::render::models;
use crate::render::times::Clock;
use crate::session::{ModelRef, Session};

/// Show information about a model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model; the current one if none is named
    name: Option<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = match &self.name {
            Some(name) => session.at_named_model(&ModelRef::parse(name))?,
            None => session.at_model()?,
        };
        let info = at.client.info().await?;
        let clock = Clock::new(false, session.offset);
        self.show.print(&models::show(&info, clock))
    }
}
