//! `status`.

use std::time::Duration;

use lazuli_api::StatusQuery;
use lazuli_api::client::StatusAnswer;
use lazuli_model::document::status::{Controller, Status};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use crate::duration;
use crate::error::{Error, Result};
use crate::output::{OutputArgs, Structured, print};
use crate::patience::Patience;
use crate::render::select::select;
use crate::render::show::without_empty_statuses;
use crate::render::times::Clock;
use crate::render::{status, status_brief, storage};
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
    /// Show storage
    #[arg(long)]
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

/// The last picture of `--watch`.
#[derive(Debug, Default)]
struct Seen {
    revision: Option<u64>,
    drawn: Option<Instant>,
    patience: Patience,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        match self.watch.filter(|period| !period.is_zero()) {
            Some(period) => self.watch(session, &at, period.max(SHORTEST)).await,
            None => {
                let status = at.client.status().await?;
                let text = self.text(session, &at, status).await?;
                self.to.print(&text)
            }
        }
    }

    /// Shows the status whenever it changes. What breaks on the way is tried
    /// again, once there was something to see.
    async fn watch(&self, session: &Session, at: &AtModel, period: Duration) -> Result<()> {
        let mut seen = Seen::default();
        loop {
            match self.follow(session, at, period, &mut seen).await {
                Ok(()) => seen.patience.pause().await,
                Err(error) if seen.revision.is_none() => return Err(error),
                Err(error) => seen.patience.after(session, error).await?,
            }
        }
    }

    /// Shows the status now, and after events; until the server ends the
    /// stream in order.
    async fn follow(
        &self,
        session: &Session,
        at: &AtModel,
        period: Duration,
        seen: &mut Seen,
    ) -> Result<()> {
        self.show_changed(session, at, seen).await?;
        let since = seen.revision.map(|revision| revision.to_string());
        let mut events = at.client.events(since.as_deref()).await?;
        while events.next().await?.is_some() {
            // More may come until it is time to draw again.
            let due = seen.drawn.map_or_else(Instant::now, |drawn| drawn + period);
            while let Ok(more) = timeout_at(due, events.next()).await {
                if more?.is_none() {
                    return Ok(());
                }
            }
            self.show_changed(session, at, seen).await?;
        }
        Ok(())
    }

    async fn show_changed(&self, session: &Session, at: &AtModel, seen: &mut Seen) -> Result<()> {
        let query = StatusQuery::default();
        let answer = at.client.status_if_changed(seen.revision, &query).await?;
        seen.patience.restore();
        let StatusAnswer::Document { revision, document } = answer else {
            return Ok(());
        };
        let text = self.text(session, at, *document).await?;
        let clear = if session.shows() { "\x1b[H\x1b[2J" } else { "" };
        print(&format!("{clear}{text}"))?;
        seen.revision = Some(revision);
        seen.drawn = Some(Instant::now());
        Ok(())
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
        let mut text = status::tabular(&status, relations.as_deref());
        if self.storage && !status.storage.storage.is_empty() {
            text.push('\n');
            text.push_str(&storage::of_status(&status.storage));
        }
        Ok(text)
    }
}

fn tree(status: &Status) -> Result<serde_json::Value> {
    serde_json::to_value(status).map_err(|error| Error::Internal(error.to_string()))
}
