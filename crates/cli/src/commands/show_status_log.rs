//! `show-status-log`.

use lazuli_api::{StatusEntry, StatusLogQuery};
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

use crate::error::Result;
use crate::output::ListArgs;
use crate::render::table::Table;
use crate::render::times::Clock;
use crate::session::Session;

/// Entries that the server gives at most.
const MOST: u32 = 1000;

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
    /// Only of so many days past
    #[arg(long, value_name = "N", conflicts_with_all = ["count", "from_date"])]
    days: Option<u16>,
    /// Only since this day: YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = day, conflicts_with = "count")]
    from_date: Option<OffsetDateTime>,
    /// Display times in UTC, in the format of RFC 3339
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let days = self.days.map(|days| Duration::days(i64::from(days)));
        let since = days
            .map(|days| OffsetDateTime::now_utc() - days)
            .or(self.from_date);
        let query = StatusLogQuery {
            entity: Some(self.entity),
            kind: self.kind,
            limit: self.count.or_else(|| since.map(|_| MOST)),
        };
        let mut log = session.at_model()?.client.status_log(&query).await?;
        log.entries
            .retain(|entry| since.is_none_or(|since| entry.since >= since));
        let text = match self.show.format.structured() {
            Some(format) => format.text(&log.entries)?,
            None => table(&log.entries, Clock::new(self.utc, session.offset)),
        };
        self.show.to.print(&text)
    }
}

/// The beginning of a day.
fn day(text: &str) -> std::result::Result<OffsetDateTime, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map(|day| day.midnight().assume_utc())
        .map_err(|_| format!("{text:?} is no day, such as 2026-11-23"))
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
