//! `show-status-log`.

use lazuli_api::{StatusEntry, StatusLogQuery};

use crate::error::Result;
use crate::output::ListArgs;
use crate::render::table::Table;
use crate::render::times::Clock;
use crate::session::Session;

/// Show past statuses of a unit, a machine or an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The unit, machine or application
    entity: String,
    /// How many entries at most
    #[arg(short = 'n', value_name = "N")]
    count: Option<u32>,
    /// Which of its statuses: unit, juju-unit, workload, machine,
    /// juju-machine, application; all if none is named
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Display times in UTC, in the format of RFC 3339
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let query = StatusLogQuery {
            entity: Some(self.entity),
            kind: self.kind,
            limit: self.count,
        };
        let log = session.at_model()?.client.status_log(&query).await?;
        let text = match self.show.format.structured() {
            Some(format) => format.text(&log.entries)?,
            None => table(&log.entries, Clock::new(self.utc, session.offset)),
        };
        self.show.to.print(&text)
    }
}

fn table(entries: &[StatusEntry], clock: Clock) -> String {
    let mut table = Table::new(&["Time", "Type", "Status", "Message"]);
    for entry in entries {
        table.row([
            clock.full(entry.since),
            entry.kind.clone(),
            entry.status.clone(),
            entry.message.clone(),
        ]);
    }
    table.text()
}
