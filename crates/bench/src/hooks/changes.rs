//! Lazuli's side: a change of configuration, until every unit has run its
//! hook for it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lazuli_api::client::{ModelClient, SseStream};
use lazuli_api::{ConfigChange, Event};
use serde_json::Value;
use tokio::time::timeout;

/// How long one change may take to reach every unit.
const REACHES_WITHIN: Duration = Duration::from_secs(120);
/// Between looks at a model that is not settled.
const LOOK: Duration = Duration::from_millis(200);

/// What was done in a time.
pub(super) struct Done {
    /// Changes that reached every unit.
    pub(super) changes: usize,
    /// From the first request to the event of the last outcome.
    pub(super) took: Duration,
}

/// Changes an application's option `n`, and follows the model's events to see
/// what comes of it.
pub(super) struct Changes {
    model: ModelClient,
    application: String,
    units: usize,
    events: SseStream<Event>,
    seen: Sequences,
    value: u64,
}

/// The sequence of the last committed run of each unit, by its id.
#[derive(Debug, Default)]
struct Sequences(HashMap<String, u64>);

impl Changes {
    /// Begins with all events so far, from which it learns what the units ran
    /// before.
    pub(super) async fn new(
        model: ModelClient,
        application: &str,
        units: usize,
    ) -> anyhow::Result<Self> {
        let events = model.events(Some("0")).await?;
        Ok(Self {
            model,
            application: application.to_owned(),
            units,
            events,
            seen: Sequences::default(),
            value: 0,
        })
    }

    /// Changes again and again, at least once, until the time is over.
    pub(super) async fn change_for(&mut self, limit: Duration) -> anyhow::Result<Done> {
        let begun = Instant::now();
        let mut changes = 0;
        while changes == 0 || begun.elapsed() < limit {
            self.change().await?;
            changes += 1;
        }
        Ok(Done {
            changes,
            took: begun.elapsed(),
        })
    }

    /// Changes the option once; returns when the outcomes of all units are
    /// committed, with the time until the request was answered.
    pub(super) async fn change(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.value += 1;
        let change = ConfigChange {
            set: [("n".to_owned(), Value::from(self.value))].into(),
            reset: Vec::new(),
        };
        let changed = self
            .model
            .change_application_config(&self.application, &change)
            .await?;
        let answered = begun.elapsed();
        let written = changed
            .written
            .context("the change of the option changed nothing")?;
        let mut reached = HashSet::new();
        let all = self.reach_all(written.revision, &mut reached);
        if let Ok(done) = timeout(REACHES_WITHIN, all).await {
            return done.map(|()| answered);
        }
        bail!(
            "{} of {} units ran the hook within {} s",
            reached.len(),
            self.units,
            REACHES_WITHIN.as_secs()
        )
    }

    async fn reach_all(
        &mut self,
        revision: u64,
        reached: &mut HashSet<String>,
    ) -> anyhow::Result<()> {
        while reached.len() < self.units {
            let message = self.events.next().await?;
            let event = message.context("the stream of events ended")?.data;
            if self.seen.ran(&event, revision)? {
                reached.insert(event.entity_id);
            }
        }
        Ok(())
    }
}

impl Sequences {
    /// Takes an event; whether it says that a unit has run a hook after a
    /// revision.
    fn ran(&mut self, event: &Event, revision: u64) -> anyhow::Result<bool> {
        let state = &event.after["state"];
        let Some(seq) = state["hook-seq"]
            .as_u64()
            .filter(|_| event.entity == "unit")
        else {
            return Ok(false);
        };
        let before = self.0.insert(event.entity_id.clone(), seq).unwrap_or(0);
        if event.revision <= revision || seq == before {
            return Ok(false);
        }
        ensure!(
            state["failed"].is_null(),
            "unit {} failed: {}",
            event.entity_id,
            state["failed"]
        );
        ensure!(
            seq == before + 1,
            "unit {} ran {} hooks for one change",
            event.entity_id,
            seq.saturating_sub(before)
        );
        Ok(true)
    }
}

/// Waits until an application has so many units and all are idle, and returns
/// their addresses.
pub(super) async fn settled(
    model: &ModelClient,
    application: &str,
    units: usize,
    limit: Duration,
) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let status = model.status().await?;
        let known = status.applications.get(application);
        let idle: Vec<_> = known
            .iter()
            .flat_map(|application| application.units.values())
            .filter(|unit| {
                unit.juju_status.current == "idle" && unit.workload_status.current == "active"
            })
            .filter_map(|unit| status.machines.get(&unit.machine))
            .filter(|machine| !machine.dns_name.is_empty())
            .map(|machine| machine.dns_name.clone())
            .collect();
        if idle.len() == units {
            return Ok(idle);
        }
        ensure!(
            begun.elapsed() < limit,
            "{} of {units} units of {application} are idle after {} s",
            idle.len(),
            limit.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(revision: u64, seq: u64, failed: Value) -> Event {
        let text = serde_json::json!({
            "revision": revision, "n": 0, "model": "m", "entity": "unit", "entity_id": "u",
            "name": null, "kind": "changed", "actor": "controller",
            "after": {"state": {"hook-seq": seq, "failed": failed}},
            "at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_run_counts_once_and_after_the_change() {
        let mut seen = Sequences::default();
        assert!(!seen.ran(&event(5, 3, Value::Null), 7).unwrap());
        assert!(!seen.ran(&event(8, 3, Value::Null), 7).unwrap());
        assert!(seen.ran(&event(9, 4, Value::Null), 7).unwrap());
        assert!(!seen.ran(&event(10, 4, Value::Null), 7).unwrap());
    }

    #[test]
    fn a_hook_too_many_or_a_failed_one_fails() {
        let mut seen = Sequences::default();
        seen.ran(&event(5, 3, Value::Null), 7).unwrap();
        assert!(seen.ran(&event(8, 5, Value::Null), 7).is_err());
        let failed = serde_json::json!({"attempts": 1});
        assert!(seen.ran(&event(9, 6, failed), 7).is_err());
    }
}
