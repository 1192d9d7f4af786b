//! `status`.

use std::time::Duration;

use lazuli_api::StatusQuery;
use lazuli_api::client::StatusAnswer;
use lazuli_model::document::status::{Controller, Status};
use time::OffsetDateTime;
use tokio::time::sleep;

use crate::duration;
use crate::error::{Error, Result};
use crate::output::{OutputArgs, Structured, print};
use crate::render::select::select;
use crate::render::show::without_empty_statuses;
use crate::render::times::Clock;
use crate::render::{status, status_brief};
use crate::session::{AtModel, Session};

/// The shortest time between two pictures of `--watch`.
const SHORTEST: Duration = Duration::from_millis(200);

/// Report the state of the model, its machines, applications and units
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what these name: applications, units, machines (with *) or words
    /// of status
    selectors: Vec<String>,
    /// Specify output format
    #[arg(long, value_enum, default_value = "tabular")]
    format: Format,
    #[command(flatten)]
    to: OutputArgs,
    /// Show integrations
    #[arg(long, visible_alias = "integrations")]
    relations: bool,
    /// Display timestamps in UTC, in the format of RFC 3339
    #[arg(long)]
    utc: bool,
    /// Show it again when it changes, at most once in this time
    #[arg(long, value_parser = duration::parse, value_name = "DURATION")]
    watch: Option<Duration>,
    #[arg(long, hide = true)]
    storage: bool,
    #[arg(long, hide = true)]
    retry_count: Option<u32>,
    #[arg(long, hide = true)]
    retry_delay: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Tabular,
    Yaml,
    Json,
    #[value(alias = "oneline", alias = "short")]
    Line,
    Summary,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let period = self.watch.filter(|period| !period.is_zero());
        let Some(period) = period else {
            let status = at.client.status().await?;
            let text = self.text(session, &at, status).await?;
            return self.to.print(&text);
        };
        let mut known = None;
        loop {
            let query = StatusQuery {
                min_revision: None,
                after: known,
            };
            match at.client.status_if_changed(known, &query).await? {
                StatusAnswer::Unchanged => {}
                StatusAnswer::Document { revision, document } => {
                    known = Some(revision);
                    let text = self.text(session, &at, *document).await?;
                    let clear = if session.shows() { "\x1b[H\x1b[2J" } else { "" };
                    print(&format!("{clear}{text}"))?;
                }
            }
            sleep(period.max(SHORTEST)).await;
        }
    }

    async fn text(&self, session: &Session, at: &AtModel, mut status: Status) -> Result<String> {
        let clock = Clock::new(self.utc, session.offset);
        let now = OffsetDateTime::now_utc();
        status.controller = Some(Controller {
            timestamp: clock.of_day(now),
        });
        select(&mut status, &self.selectors);
        match self.format {
            Format::Line => return Ok(status_brief::lines(&status)),
            Format::Summary => return Ok(status_brief::summary(&status)),
            Format::Tabular => {}
            Format::Json => return Structured::Json.text(&clock.document(tree(&status)?)),
            Format::Yaml => {
                let document = clock.document(tree(&status)?);
                return Structured::Yaml.text(&without_empty_statuses(document));
            }
        }
        let relations = match self.relations {
            true => {
                let mut relations = at.client.relations().await?.relations;
                relations.retain(|relation| {
                    let mut ends = relation.endpoints.iter();
                    self.selectors.is_empty()
                        || ends.any(|end| status.applications.contains_key(&end.application))
                });
                Some(relations)
            }
            false => None,
        };
        if status.applications.is_empty() && status.machines.is_empty() {
            match self.selectors.is_empty() {
                true => session.say(format!("Model {:?} is empty.", status.model.name)),
                false => session.say("Nothing matched specified filter."),
            }
        }
        Ok(status::tabular(&status, relations.as_deref()))
    }
}

fn tree(status: &Status) -> Result<serde_json::Value> {
    serde_json::to_value(status).map_err(|error| Error::Internal(error.to_string()))
}
