//! `machines`.

use crate::error::{Error, Result};
use crate::output::{ListArgs, Structured};
use crate::render::machines::tabular;
use crate::render::show::without_empty_statuses;
use crate::render::times::Clock;
use crate::session::Session;

/// List the machines of a model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    show: ListArgs,
    /// Display timestamps in UTC, in the format of RFC 3339
    #[arg(long)]
    utc: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let machines = session.at_model()?.client.machines().await?;
        let text = match self.show.format.structured() {
            None => tabular(&machines),
            Some(format) => document(&machines, format, Clock::new(self.utc, session.offset))?,
        };
        self.show.to.print(&text)
    }
}

/// Machines as a document, with times in Juju's form.
pub(crate) fn document(
    machines: &impl serde::Serialize,
    format: Structured,
    clock: Clock,
) -> Result<String> {
    let tree =
        serde_json::to_value(machines).map_err(|error| Error::Internal(error.to_string()))?;
    let tree = clock.document(tree);
    match format {
        Structured::Json => format.text(&tree),
        Structured::Yaml => format.text(&without_empty_statuses(tree)),
    }
}
