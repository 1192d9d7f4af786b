//! What a hook did so far: what it wrote, and what the controller answered.

use std::collections::{BTreeMap, VecDeque};

use lazuli_runner::frames::{Answer, PortRange, Question, SecretWrite, StatusContext, Write};
use serde_json::{Map, Value};

/// The most of results that one action sets, in bytes.
const RESULTS_MAX: usize = 1 << 20;

/// The most messages that one action logs.
const SAID_MAX: usize = 10_000;

/// The most of buffered settings in one hook, in bytes: the outcome has to fit
/// a frame, whatever the bytes are.
const PENDING_MAX: usize = 2 << 20;

/// The most of secrets that one hook writes, in bytes.
const SECRETS_MAX: usize = 8 << 20;

/// The most of answers that are kept for a hook, in bytes; the oldest go.
const ANSWERS_MAX: usize = 8 << 20;

/// When the machine is to reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reboot {
    /// When the hook has succeeded.
    After,
    /// At once; the hook runs again afterwards.
    Now,
}

/// What a hook did so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Relation settings by (relation, application's bag); none deletes.
    pub(super) relations: BTreeMap<(u64, bool), BTreeMap<String, Option<String>>>,
    /// What the charm keeps; none deletes.
    pub(super) state: BTreeMap<String, Option<String>>,
    /// The reboot it asked for.
    reboot: Option<Reboot>,
    /// Ports opened and closed, in order: (open, endpoint, range).
    ports: Vec<(bool, String, PortRange)>,
    /// What it wrote to secrets, in order.
    secrets: Vec<SecretWrite>,
    /// The status it set.
    pub(super) status: Option<StatusContext>,
    /// Leader settings it set.
    pub(super) leader_settings: BTreeMap<String, Option<String>>,
    /// Instances asked for, by store.
    storage: BTreeMap<String, u32>,
    /// Where instances are that only the machine knows.
    storage_locations: BTreeMap<String, String>,
    /// What was answered: stable for the hook, unless it asks for very much.
    pub(super) answers: VecDeque<(Question, Result<Answer, String>)>,
    /// What the action set so far.
    results: Map<String, Value>,
    /// Bytes of it.
    results_bytes: usize,
    /// Why the action failed, if it says so.
    failed: Option<String>,
    /// How often it logged.
    said: usize,
}

impl Session {
    /// Takes in what a tool wrote.
    ///
    /// # Errors
    /// When the hook has written more than the controller would take.
    pub(crate) fn apply(&mut self, write: &Write) -> Result<(), String> {
        match write {
            Write::RelationSet {
                relation,
                app,
                settings,
            } => {
                let mut bag = self
                    .relations
                    .get(&(*relation, *app))
                    .cloned()
                    .unwrap_or_default();
                bag.extend(settings.clone());
                let others = self
                    .relations
                    .iter()
                    .filter(|(key, _)| **key != (*relation, *app));
                let total = others.map(|(_, bag)| weight(bag)).sum::<usize>()
                    + weight(&bag)
                    + weight(&self.state);
                if total > PENDING_MAX {
                    return Err(format!(
                        "cannot write relation settings: {total} bytes in one hook are over the \
                         limit of {PENDING_MAX}"
                    ));
                }
                self.relations.insert((*relation, *app), bag);
            }
            Write::State { state } => {
                let mut kept = self.state.clone();
                kept.extend(state.clone());
                let bags = self.relations.values().map(weight).sum::<usize>();
                let total = bags + weight(&kept);
                if total > PENDING_MAX + PENDING_MAX / 4 {
                    return Err(format!(
                        "cannot keep the charm's state: {total} bytes in one hook are over the \
                         limit of {PENDING_MAX}"
                    ));
                }
                self.state = kept;
            }
            Write::Reboot { now } => {
                let asked = if *now { Reboot::Now } else { Reboot::After };
                self.reboot = self.reboot.max(Some(asked));
            }
            Write::OpenPort { endpoint, range } => self.port(true, endpoint, range),
            Write::ClosePort { endpoint, range } => self.port(false, endpoint, range),
            Write::Status {
                application: false,
                status,
                message,
            } => {
                self.status = Some(StatusContext {
                    status: status.clone(),
                    message: message.clone(),
                    data: BTreeMap::new(),
                });
            }
            Write::Status {
                application: true, ..
            } => self
                .answers
                .retain(|(question, _)| *question != Question::ApplicationStatus),
            Write::LeaderSet { settings } => self.leader_settings.extend(settings.clone()),
            Write::Secret { write } => {
                let size = |write: &SecretWrite| {
                    let content = write.fields().and_then(|fields| fields.content.as_ref());
                    content.map_or(64, |content| {
                        content.0.values().map(|value| value.len() + 64).sum()
                    })
                };
                let total: usize = self.secrets.iter().chain([write]).map(size).sum();
                if total > SECRETS_MAX {
                    return Err(format!(
                        "cannot write secrets: {total} bytes in one hook are over the limit of \
                         {SECRETS_MAX}"
                    ));
                }
                self.secrets.push(write.clone());
            }
            Write::WorkloadVersion { .. } => {}
            Write::ActionSet { path, value } => self.set_result(path, value)?,
            Write::ActionFail { message } => self.failed = Some(message.clone()),
            Write::ActionLog { .. } => {
                if self.said >= SAID_MAX {
                    return Err(format!("an action says at most {SAID_MAX} things"));
                }
                self.said += 1;
            }
            Write::StorageAdd { store, count } => {
                let added = self.storage.entry(store.clone()).or_default();
                *added = added.saturating_add(*count);
            }
        }
        Ok(())
    }

    fn port(&mut self, open: bool, endpoint: &str, range: &PortRange) {
        self.ports
            .retain(|(_, known, other)| known != endpoint || other != range);
        self.ports.push((open, endpoint.to_owned(), range.clone()));
    }

    /// Sets one result; what was on its way is replaced, as in Juju.
    fn set_result(&mut self, path: &[String], value: &str) -> Result<(), String> {
        let size = value.len() + path.iter().map(|part| part.len() + 8).sum::<usize>();
        if self.results_bytes + size > RESULTS_MAX {
            return Err(format!(
                "cannot set results: {} bytes in one action are over the limit of {RESULTS_MAX}",
                self.results_bytes + size
            ));
        }
        self.results_bytes += size;
        let Some((last, parents)) = path.split_last() else {
            return Ok(());
        };
        let mut map = &mut self.results;
        for part in parents {
            let inner = map.entry(part.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(deeper) = inner else {
                return Ok(());
            };
            map = deeper;
        }
        map.insert(last.clone(), Value::String(value.to_owned()));
        Ok(())
    }

    /// What the action set, and why it failed, if it says that it did.
    pub(crate) fn results(&self) -> (Map<String, Value>, Option<String>) {
        (self.results.clone(), self.failed.clone())
    }

    /// Ports opened and closed by the hook so far.
    pub(super) fn ports(&self) -> &[(bool, String, PortRange)] {
        &self.ports
    }

    /// The reboot that the hook asked for.
    pub(crate) fn reboot(&self) -> Option<Reboot> {
        self.reboot
    }

    /// What the hook wrote to secrets so far.
    pub(super) fn secrets(&self) -> &[SecretWrite] {
        &self.secrets
    }

    /// How many instances of a store the hook asked for.
    pub(super) fn storage_added(&self, store: &str) -> u32 {
        self.storage.get(store).copied().unwrap_or_default()
    }

    /// Where an instance was found to be.
    pub(super) fn storage_location(&self, id: &str) -> Option<&String> {
        self.storage_locations.get(id)
    }

    /// Keeps where an instance was found to be.
    pub(crate) fn found_storage(&mut self, id: &str, location: String) {
        self.storage_locations.insert(id.to_owned(), location);
    }

    /// Keeps an answer of the controller.
    pub(crate) fn answered(&mut self, question: Question, answer: Result<Answer, String>) {
        if matches!(question, Question::Secret { .. }) {
            // Reading may change what is read next.
            self.answers
                .retain(|(known, _)| !matches!(known, Question::Secret { .. }));
        }
        self.answers.push_back((question, answer));
        let mut total: usize = self.answers.iter().map(|(_, answer)| size(answer)).sum();
        while total > ANSWERS_MAX
            && self.answers.len() > 1
            && let Some((_, oldest)) = self.answers.pop_front()
        {
            total -= size(&oldest);
        }
    }

    /// Everything that is committed only if the hook succeeds.
    pub(crate) fn buffered(&self) -> Vec<Write> {
        let relations =
            self.relations
                .iter()
                .map(|((relation, app), settings)| Write::RelationSet {
                    relation: *relation,
                    app: *app,
                    settings: settings.clone(),
                });
        let ports = self.ports.iter().map(|(open, endpoint, range)| {
            let (endpoint, range) = (endpoint.clone(), range.clone());
            if *open {
                Write::OpenPort { endpoint, range }
            } else {
                Write::ClosePort { endpoint, range }
            }
        });
        let state = (!self.state.is_empty()).then(|| Write::State {
            state: self.state.clone(),
        });
        let secrets = self.secrets.iter().map(|write| Write::Secret {
            write: write.clone(),
        });
        let storage = self.storage.iter().map(|(store, count)| Write::StorageAdd {
            store: store.clone(),
            count: *count,
        });
        let rest = state.into_iter().chain(secrets).chain(storage);
        relations.chain(ports).chain(rest).collect()
    }
}

/// About how many bytes buffered settings take.
fn weight(bag: &BTreeMap<String, Option<String>>) -> usize {
    bag.iter()
        .map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len) + 16)
        .sum()
}

/// About how many bytes an answer takes.
fn size(answer: &Result<Answer, String>) -> usize {
    match answer {
        Ok(Answer::Settings { settings }) => settings
            .iter()
            .map(|(key, value)| key.len() + value.len() + 64)
            .sum(),
        Ok(Answer::Document { value }) => value.to_string().len(),
        Ok(Answer::Secret { content }) => content
            .0
            .iter()
            .map(|(key, value)| key.len() + value.len() + 64)
            .sum(),
        Ok(Answer::Leader { .. } | Answer::Resource { .. }) => 0,
        Err(text) => text.len(),
    }
}
