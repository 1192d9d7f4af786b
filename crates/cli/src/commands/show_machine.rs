//! `show-machine`.

use super::machines::document;
use crate::error::{Error, Result};
use crate::output::{Listing, OutputArgs};
use crate::render::machines::{only, tabular};
use crate::render::times::Clock;
use crate::session::Session;

/// Show machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machines; all if none is named
    machines: Vec<String>,
    /// Specify output format
    #[arg(long, value_enum, default_value = "yaml")]
    format: Listing,
    #[command(flatten)]
    to: OutputArgs,
    /// Display timestamps in UTC, in the format of RFC 3339
    #[arg(long)]
    utc: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let all = session.at_model()?.client.machines().await?;
        let machines = only(all, &self.machines)
            .map_err(|name| Error::user(format!("machine {name} not found")))?;
        let text = match self.format.structured() {
            None => tabular(&machines),
            Some(format) => document(&machines, format, Clock::new(self.utc, session.offset))?,
        };
        self.to.print(&text)
    }
}
