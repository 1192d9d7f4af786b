//! `operations` and `show-operation`.

use std::collections::BTreeMap;

use lazuli_api::OperationQuery;
use serde_json::Value;
use time::UtcOffset;
use tokio::time::Instant;

use crate::arguments;
use crate::error::Result;
use crate::operation::{self, ResultArgs, Wait};
use crate::output::ShowArgs as Output;
use crate::render::operation as render;
use crate::render::times::Clock;
use crate::session::Session;

/// List operations: what was run, and how it went
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only of these actions; juju-exec for commands
    #[arg(long, value_name = "NAMES")]
    actions: Vec<String>,
    /// Only on units of these applications
    #[arg(long, alias = "apps", value_name = "NAMES")]
    applications: Vec<String>,
    /// Only on these machines
    #[arg(long, value_name = "IDS")]
    machines: Vec<String>,
    /// Only on these units
    #[arg(long, value_name = "NAMES")]
    units: Vec<String>,
    /// Only of these statuses
    #[arg(long, value_name = "STATUSES")]
    status: Vec<String>,
    /// The maximum number of operations to return
    #[arg(long, default_value = "0")]
    limit: u32,
    /// Return operations from this offset on
    #[arg(long, default_value = "0")]
    offset: u32,
    #[command(flatten)]
    show: ResultArgs,
}

impl ListArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let joined = |items: &[String]| {
            let items = arguments::list(items);
            (!items.is_empty()).then(|| items.join(","))
        };
        let query = OperationQuery {
            actions: joined(&self.actions),
            applications: joined(&self.applications),
            units: joined(&self.units),
            machines: joined(&self.machines),
            status: joined(&self.status),
            offset: Some(self.offset).filter(|offset| *offset > 0),
            limit: Some(self.limit).filter(|limit| *limit > 0),
        };
        let at = session.at_model()?;
        let found = at.client.operations(&query).await?;
        let offset = self.show.offset(session);
        let text = match self.show.format.structured() {
            Some(format) => {
                let shown: BTreeMap<&str, Value> = found
                    .operations
                    .iter()
                    .map(|one| (one.id.as_str(), render::operation(one, offset)))
                    .collect();
                format.text(&shown)?
            }
            None if found.operations.is_empty() => {
                session.say("no matching operations");
                return Ok(());
            }
            None => {
                let clock = Clock::new(self.show.utc, session.offset);
                render::table(&found.operations, clock)
            }
        };
        self.show.to.print(&text)?;
        if found.more {
            session.say(format!(
                "there are more operations available; use --offset={} and --limit to fetch the \
                 next set",
                self.offset as usize + found.operations.len()
            ));
        }
        Ok(())
    }
}

/// Show the results of an operation
#[derive(Debug, clap::Args)]
pub(crate) struct OneArgs {
    /// The operation's id
    operation: String,
    /// Wait for results; 0: for ever
    #[arg(long, value_name = "DURATION", value_parser = operation::wait,
        allow_hyphen_values = true)]
    wait: Option<Wait>,
    /// Wait indefinitely for results
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Show times in UTC
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    show: Output,
}

impl OneArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut found = at.client.operation(&self.operation).await?;
        if let Some(until) = until(self.wait, self.watch) {
            operation::follow(session, &at.client, &mut found, until, |_| {}).await?;
        }
        let offset = match Clock::new(self.utc, session.offset) {
            Clock::Utc => UtcOffset::UTC,
            Clock::Local(offset) => offset,
        };
        self.show.print(&render::operation(&found.document, offset))
    }
}

/// Until when to wait, if at all; within, none is for ever.
pub(super) fn until(wait: Option<Wait>, watch: bool) -> Option<Option<Instant>> {
    match wait {
        _ if watch => Some(None),
        // As in Juju: a negative time does not wait.
        None | Some(Wait::Ever) => None,
        Some(Wait::For(long)) if long.is_zero() => Some(None),
        Some(Wait::For(long)) => Some(Some(Instant::now() + long)),
    }
}
