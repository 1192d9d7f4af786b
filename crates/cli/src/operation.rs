//! What `run` and `exec` share: an operation that was asked for is announced,
//! followed, and shown.

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_api::client::{Followed, ModelClient};
use lazuli_api::{Changed, OperationInfo, TaskInfo};
use serde_json::Value;
use time::UtcOffset;
use tokio::time::Instant;

use crate::duration;
use crate::error::{Error, Result};
use crate::output::{OutputArgs, Structured};
use crate::patience::Patience;
use crate::render::operation as render;
use crate::render::times::Clock;
use crate::session::Session;

/// The longest that the server is asked to wait at once.
const AT_ONCE: Duration = Duration::from_secs(30);

/// The formats of what tasks brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Plain,
    /// YAML.
    Yaml,
    /// JSON in one line.
    Json,
}

impl Format {
    /// The structured format, if it is one.
    pub(crate) fn structured(self) -> Option<Structured> {
        match self {
            Self::Plain => None,
            Self::Yaml => Some(Structured::Yaml),
            Self::Json => Some(Structured::Json),
        }
    }
}

/// `--format`, `--output` and `--utc` of what shows tasks.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ResultArgs {
    /// Specify output format
    #[arg(long, value_enum, default_value = "plain")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) to: OutputArgs,
    /// Show times in UTC
    #[arg(long)]
    pub(crate) utc: bool,
}

impl ResultArgs {
    /// Where times are told.
    pub(crate) fn offset(&self, session: &Session) -> UtcOffset {
        match Clock::new(self.utc, session.offset) {
            Clock::Utc => UtcOffset::UTC,
            Clock::Local(offset) => offset,
        }
    }
}

/// How to wait for an operation.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// Do not wait for results
    #[arg(long)]
    background: bool,
    /// Maximum wait time for a result; negative: for ever
    #[arg(long, value_name = "DURATION", value_parser = wait, allow_hyphen_values = true)]
    wait: Option<Wait>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For so long; zero is the command's own default.
    For(Duration),
    /// For ever.
    Ever,
}

/// Reads a duration, which may be negative.
pub(crate) fn wait(text: &str) -> std::result::Result<Wait, String> {
    match text.strip_prefix('-') {
        Some(rest) => duration::parse(rest).map(|_| Wait::Ever),
        None => duration::parse(text).map(Wait::For),
    }
}

impl WaitArgs {
    /// Refuses what contradicts itself.
    pub(crate) fn check(&self) -> Result<()> {
        match self.background && self.wait.is_some() {
            true => Err(Error::Usage(
                "cannot specify both --wait and --background".to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// Until when to wait; none for ever.
    fn until(&self, usual: Duration) -> Option<Instant> {
        match self.wait {
            Some(Wait::Ever) => None,
            Some(Wait::For(long)) if !long.is_zero() => Some(Instant::now() + long),
            Some(Wait::For(_)) | None => Some(Instant::now() + usual),
        }
    }
}

/// Follows what was asked for to its end, and shows what it brought.
pub(crate) async fn see_through(
    session: &Session,
    client: &ModelClient,
    asked: &Changed,
    how: &WaitArgs,
    usual: Duration,
    show: &ResultArgs,
) -> Result<()> {
    let until = how.until(usual);
    let id = asked
        .operation
        .as_deref()
        .ok_or_else(|| Error::Internal("the server names no operation".to_owned()))?;
    let mut operation = client.operation(id).await?;
    announce(session, &operation.document, how.background);
    if how.background || operation.document.tasks.is_empty() {
        return Ok(());
    }
    let mut logs = Logs::default();
    follow(session, client, &mut operation, until, |operation| {
        operation
            .tasks
            .iter()
            .for_each(|task| logs.show(session, task));
    })
    .await?;
    conclude(session, &operation.document, show)
}

/// Follows an operation until it has ended or the time is up.
pub(crate) async fn follow(
    session: &Session,
    client: &ModelClient,
    operation: &mut Followed<OperationInfo>,
    until: Option<Instant>,
    mut seen: impl FnMut(&OperationInfo),
) -> Result<()> {
    let mut patience = Patience::default();
    loop {
        seen(&operation.document);
        if operation.document.tasks.iter().all(|task| task.ended) {
            return Ok(());
        }
        let Some(wait) = next_wait(until) else {
            return Ok(());
        };
        match client.follow_operation(operation, wait).await {
            Ok(_) => patience.restore(),
            Err(error) => patience.after(session, Error::from(error)).await?,
        }
    }
}

/// As [`follow`], of one task.
pub(crate) async fn follow_task(
    session: &Session,
    client: &ModelClient,
    task: &mut Followed<TaskInfo>,
    until: Option<Instant>,
) -> Result<()> {
    let (mut patience, mut logs) = (Patience::default(), Logs::default());
    loop {
        logs.show(session, &task.document);
        if task.document.ended {
            return Ok(());
        }
        let Some(wait) = next_wait(until) else {
            return Ok(());
        };
        match client.follow_task(task, wait).await {
            Ok(_) => patience.restore(),
            Err(error) => patience.after(session, Error::from(error)).await?,
        }
    }
}

/// How long to ask the server to wait; none when the time is up.
fn next_wait(until: Option<Instant>) -> Option<Duration> {
    let Some(until) = until else {
        return Some(AT_ONCE);
    };
    let left = until.saturating_duration_since(Instant::now());
    (!left.is_zero()).then(|| left.min(AT_ONCE))
}

/// Says what runs where, or why nothing does.
fn announce(session: &Session, operation: &OperationInfo, background: bool) {
    let id = &operation.id;
    let tasks = &operation.tasks;
    if tasks.is_empty() {
        session.say(format!(
            "Operation {id} failed to schedule any tasks:\n{}",
            operation.fail
        ));
        return;
    }
    if !operation.fail.is_empty() {
        session.say(format!(
            "Operation {id} failed to schedule some tasks:\n{}\n",
            operation.fail
        ));
    }
    let places = || {
        let places = tasks.iter();
        places.map(|task| format!("  - task {} on {}", task.id, task.receiver))
    };
    match (background, tasks.as_slice()) {
        (true, [one]) => {
            session.say(format!(
                "Scheduled operation {id} with task {}\nCheck operation status with 'lazuli \
                 show-operation {id}'\nCheck task status with 'lazuli show-task {}'",
                one.id, one.id
            ));
        }
        (true, _) => {
            session.say(format!(
                "Scheduled operation {id} with {} tasks",
                tasks.len()
            ));
            places().for_each(|line| session.say(line));
            session.say(format!(
                "Check operation status with 'lazuli show-operation {id}'\nCheck task status with \
                 'lazuli show-task <id>'"
            ));
        }
        (false, _) => {
            let plural = if tasks.len() == 1 { "" } else { "s" };
            session.say(format!(
                "Running operation {id} with {} task{plural}",
                tasks.len()
            ));
            places().for_each(|line| session.say(line));
            session.say("");
            for task in tasks {
                session.say(format!("Waiting for task {}...", task.id));
            }
        }
    }
}

/// Shows what has ended, and fails if something did not, or failed.
fn conclude(session: &Session, operation: &OperationInfo, show: &ResultArgs) -> Result<()> {
    let ended = || operation.tasks.iter().filter(|task| task.ended);
    if ended().next().is_some() {
        let offset = show.offset(session);
        let text = match show.format.structured() {
            Some(format) => {
                let results: BTreeMap<&str, Value> = ended()
                    .map(|task| (render::place(task), render::result(task, offset)))
                    .collect();
                format.text(&results)?
            }
            None => render::plain(ended())?,
        };
        show.to.print(&text)?;
    }
    let waiting: Vec<String> = operation
        .tasks
        .iter()
        .filter(|task| !task.ended)
        .map(|task| {
            let kind = if task.unit.is_some() {
                "unit"
            } else {
                "machine"
            };
            format!("{kind} {}", render::place(task))
        })
        .collect();
    if !waiting.is_empty() {
        return Err(Error::user(format!(
            "timed out waiting for results from: {}",
            waiting.join(", ")
        )));
    }
    failures(&operation.tasks)
}

/// Juju's words about tasks whose process failed.
fn failures(tasks: &[TaskInfo]) -> Result<()> {
    let failed: Vec<String> = tasks
        .iter()
        .filter(|task| render::return_code(task) != 0)
        .map(|task| {
            let code = render::return_code(task);
            format!(" - id \"{}\" with return code {code}\n", task.id)
        })
        .collect();
    let plural = match failed.len() {
        0 => return Ok(()),
        1 => "",
        _ => "s",
    };
    Err(Error::user(format!(
        "the following task{plural} failed:\n{}\nuse 'lazuli show-task' to inspect the \
         failure{plural}",
        failed.concat()
    )))
}

/// How many lines of each task were shown.
#[derive(Debug, Default)]
struct Logs(BTreeMap<String, usize>);

impl Logs {
    /// Shows what a task has said since.
    fn show(&mut self, session: &Session, task: &TaskInfo) {
        let shown = self.0.entry(task.id.clone()).or_default();
        let clock = Clock::Local(session.offset);
        for line in task.log.iter().skip(*shown) {
            session.say(format!(
                "{} {}",
                clock.log(line.at, false, false),
                line.message
            ));
        }
        *shown = task.log.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_may_be_short_or_for_ever() {
        assert_eq!(wait("0.001s"), Ok(Wait::For(Duration::from_millis(1))));
        assert_eq!(wait("-1s"), Ok(Wait::Ever));
        assert!(wait("soon").is_err());
    }
}
