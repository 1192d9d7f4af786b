//! `show-task` and `cancel-task`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use time::UtcOffset;
use tokio::time::Instant;

use super::operations::until;
use crate::error::{Error, Result};
use crate::operation::{self, ResultArgs, Wait};
use crate::output::ShowArgs as Output;
use crate::render::operation as render;
use crate::session::Session;

/// How long a task that waits may take to see that it is cancelled.
const NOTICED: Duration = Duration::from_secs(5);

/// Show the results of a task
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The task's id
    task: String,
    /// Wait for results; 0: for ever
    #[arg(long, value_name = "DURATION", value_parser = operation::wait,
        allow_hyphen_values = true)]
    wait: Option<Wait>,
    /// Wait indefinitely for results
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    #[command(flatten)]
    show: ResultArgs,
}

impl ShowArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut found = at.client.task(&self.task).await?;
        if let Some(until) = until(self.wait, self.watch) {
            operation::follow_task(session, &at.client, &mut found, until).await?;
        }
        let task = &found.document;
        let offset = self.show.offset(session);
        let text = match self.show.format.structured() {
            Some(format) => format.text(&render::task(task, offset))?,
            None if !task.ended => {
                let why = task.waiting.as_ref();
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                format!("Task {} is {}{why}\n", task.id, task.status)
            }
            None => render::plain(std::iter::once(task))?,
        };
        self.show.to.print(&text)
    }
}

/// Cancel tasks that wait or run
#[derive(Debug, clap::Args)]
pub(crate) struct CancelArgs {
    /// The tasks' ids
    #[arg(required = true)]
    tasks: Vec<String>,
    #[command(flatten)]
    show: Output,
}

impl CancelArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let mut shown: BTreeMap<String, Value> = BTreeMap::new();
        let mut failed = Vec::new();
        for id in &self.tasks {
            if let Err(error) = at.client.cancel_task(id).await {
                failed.push((id, Error::from(error)));
                continue;
            }
            let mut task = at.client.task(id).await?;
            let deadline = Instant::now() + NOTICED;
            while matches!(task.document.status.as_str(), "pending" | "running") {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                at.client.follow_task(&mut task, left).await?;
            }
            let result = render::result(&task.document, UtcOffset::UTC);
            shown.insert(id.clone(), result);
        }
        if !shown.is_empty() {
            self.show.print(&shown)?;
        }
        match failed.len() {
            0 => Ok(()),
            1 => Err(failed.remove(0).1),
            _ => {
                let lines = failed.iter();
                let lines = lines.map(|(id, error)| format!("\n  {id}: {error}"));
                Err(Error::user(format!(
                    "some tasks could not be cancelled:{}",
                    lines.collect::<String>()
                )))
            }
        }
    }
}
