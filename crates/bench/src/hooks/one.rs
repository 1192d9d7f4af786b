//! One unit: how long its hook takes from the request that causes it to its
//! committed outcome, beside the same script run by hand on the machine; and
//! how long a hook tool takes, beside a script of one line.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lazuli_api::client::ModelClient;
use lazuli_api::{OperationQuery, RunAction, TaskInfo};
use serde_json::Value;

use super::changes::Changes;
use crate::report::median;

/// Changes whose hooks are timed.
const RUNS: usize = 200;
/// How long an action may take.
const ACTS_WITHIN: Duration = Duration::from_secs(120);
/// Between looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);

/// Milliseconds, each the median.
pub(super) struct Hook {
    /// From the request to the event of the outcome.
    pub(super) whole: f64,
    /// From the request to its answer: the change itself, committed.
    pub(super) answered: f64,
    /// What is done without Lazuli: the charm's action `by-hand`.
    pub(super) by_hand: f64,
}

/// Milliseconds for one call, each the median.
pub(super) struct Tool {
    /// `config-get`.
    pub(super) tool: f64,
    /// A script of one line.
    pub(super) line: f64,
}

/// Times the hook of an application's only unit.
pub(super) async fn hook(model: &ModelClient, application: &str) -> anyhow::Result<Hook> {
    let mut changes = Changes::new(model.clone(), application, 1).await?;
    changes.change().await?;
    let mut took = Vec::with_capacity(RUNS);
    let mut answered = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let answer = changes.change().await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        answered.push(answer.as_secs_f64() * 1e3);
    }
    let results = act(model, application, "by-hand").await?;
    Ok(Hook {
        whole: median(&took),
        answered: median(&answered),
        by_hand: number(&results["us"])? / 1e3,
    })
}

/// Times a hook tool of an application's only unit.
pub(super) async fn tool(model: &ModelClient, application: &str) -> anyhow::Result<Tool> {
    let results = act(model, application, "tools").await?;
    // A thousand calls in microseconds are as many nanoseconds for each.
    let each = |name: &str| -> anyhow::Result<f64> {
        let turns = results[name]
            .as_object()
            .context("the action set nothing")?;
        let turns: Vec<f64> = turns.values().map(number).collect::<Result<_, _>>()?;
        Ok(median(&turns) / 1e6)
    };
    Ok(Tool {
        tool: each("tool")?,
        line: each("line")?,
    })
}

fn number(value: &Value) -> anyhow::Result<f64> {
    let text = value.as_str().context("no number was set")?;
    text.parse()
        .with_context(|| format!("{text:?} is no number"))
}

/// Runs an action of the only unit, to its end.
async fn act(model: &ModelClient, application: &str, action: &str) -> anyhow::Result<Value> {
    let what = RunAction {
        action: action.to_owned(),
        units: vec![format!("{application}/0")],
        ..RunAction::default()
    };
    model.run_action(&what).await?;
    let query = OperationQuery {
        actions: Some(action.to_owned()),
        applications: Some(application.to_owned()),
        ..OperationQuery::default()
    };
    let begun = Instant::now();
    loop {
        let operations = model.operations(&query).await?.operations;
        let mut tasks = operations.into_iter().flat_map(|one| one.tasks);
        if let Some(task) = tasks.find(|task| task.ended) {
            return results(task);
        }
        ensure!(
            begun.elapsed() < ACTS_WITHIN,
            "the action {action} of {application} is not over after {} s",
            ACTS_WITHIN.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

fn results(task: TaskInfo) -> anyhow::Result<Value> {
    let results = task.results.unwrap_or_default();
    if task.status != "completed" {
        bail!(
            "the action {} {}: {} {}",
            task.action,
            task.status,
            task.message,
            Value::Object(results)
        );
    }
    Ok(Value::Object(results))
}
