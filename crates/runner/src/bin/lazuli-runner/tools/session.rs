//! What a hook's tools see: the context as it came, what the hook wrote
//! since, and what the controller answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use lazuli_runner::frames::{
    Answer, Context, PortRange, Question, RelationContext, Settings, StatusContext, Write,
};

use super::Stop;

/// How long a unit must still be leader for `is-leader` to say so.
pub(crate) const GUARANTEE: Duration = Duration::from_secs(30);

/// The most of buffered settings in one hook, in bytes: the outcome has to fit
/// a frame, whatever the bytes are.
const PENDING_MAX: usize = 2 << 20;

/// The most of answers that are kept for a hook, in bytes; the oldest go.
const ANSWERS_MAX: usize = 8 << 20;

/// What one call of a tool sees.
#[derive(Debug)]
pub(crate) struct ToolContext<'a> {
    /// The unit's name.
    pub(crate) unit: &'a str,
    /// What was shown at the start.
    pub(crate) base: &'a Context,
    /// What happened since.
    pub(crate) session: &'a Session,
    /// Whether the unit leads.
    pub(crate) leadership: Leadership,
    /// What was read for this call.
    pub(crate) input: Option<&'a Input>,
}

/// What the unit knows of its leadership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// Granted for this much longer.
    Granted(Duration),
    /// Another unit leads.
    None,
    /// It cannot be known; the text says why.
    Unknown(String),
}

/// A file or standard input, as the tool's process read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// The text, or why it could not be read.
    pub(crate) text: Result<String, String>,
}

/// What a hook did so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Relation settings by (relation, application's bag); none deletes.
    relations: BTreeMap<(u64, bool), BTreeMap<String, Option<String>>>,
    /// Ports opened and closed, in order: (open, endpoint, range).
    ports: Vec<(bool, String, PortRange)>,
    /// The status it set.
    status: Option<StatusContext>,
    /// Leader settings it set.
    leader_settings: BTreeMap<String, Option<String>>,
    /// Instances asked for, by store.
    storage: BTreeMap<String, u32>,
    /// Where instances are that only the machine knows.
    storage_locations: BTreeMap<String, String>,
    /// What was answered: stable for the hook, unless it asks for very much.
    answers: VecDeque<(Question, Result<Answer, String>)>,
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
                let size = |bag: &BTreeMap<String, Option<String>>| {
                    bag.iter()
                        .map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len) + 16)
                        .sum::<usize>()
                };
                let others = self
                    .relations
                    .iter()
                    .filter(|(key, _)| **key != (*relation, *app));
                let total = others.map(|(_, bag)| size(bag)).sum::<usize>() + size(&bag);
                if total > PENDING_MAX {
                    return Err(format!(
                        "cannot write relation settings: {total} bytes in one hook are over the \
                         limit of {PENDING_MAX}"
                    ));
                }
                self.relations.insert((*relation, *app), bag);
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
            Write::WorkloadVersion { .. } => {}
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

    /// Ports opened and closed by the hook so far.
    pub(super) fn ports(&self) -> &[(bool, String, PortRange)] {
        &self.ports
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
        let storage = self.storage.iter().map(|(store, count)| Write::StorageAdd {
            store: store.clone(),
            count: *count,
        });
        relations.chain(ports).chain(storage).collect()
    }
}

impl ToolContext<'_> {
    /// The application's name.
    pub(super) fn application(&self) -> &str {
        application_of(self.unit)
    }

    /// Whether the unit leads, for at least [`GUARANTEE`].
    ///
    /// # Errors
    /// When the controller has to be asked, or with `context: reason` when it
    /// cannot be known.
    pub(super) fn is_leader(&self, context: &str) -> Result<bool, Stop> {
        match &self.leadership {
            Leadership::None => Ok(false),
            Leadership::Granted(left) if *left >= GUARANTEE => Ok(true),
            Leadership::Granted(_) => Err(Stop::Ask(Question::Leader)),
            Leadership::Unknown(reason) => Err(Stop::Failed(format!("{context}: {reason}"))),
        }
    }

    /// What the controller answers.
    ///
    /// # Errors
    /// When it has to be asked first, or refused.
    pub(super) fn ask(&self, question: &Question) -> Result<&Answer, Stop> {
        self.session
            .answers
            .iter()
            .find(|(known, _)| known == question)
            .map(|(_, answer)| answer.as_ref())
            .ok_or_else(|| Stop::Ask(question.clone()))?
            .map_err(|text| Stop::Failed(text.clone()))
    }

    /// The relation that `-r` names, or the hook's.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn relation(&self, named: Option<&str>) -> Result<&RelationContext, Stop> {
        let id = match named {
            Some(named) => {
                let refuse =
                    |why: &str| Stop::Usage(format!("invalid value {named:?} for flag -r: {why}"));
                let number = named.rsplit(':').next().unwrap_or_default();
                let id = number.parse().map_err(|_| refuse("invalid relation id"))?;
                if !self.base.relations.iter().any(|known| known.id == id) {
                    return Err(refuse("relation not found"));
                }
                id
            }
            None => match &self.base.relation {
                Some(relation) => relation.id,
                None => return Err(Stop::Usage("no relation id specified".to_owned())),
            },
        };
        self.base
            .relations
            .iter()
            .find(|known| known.id == id)
            .ok_or_else(|| Stop::Failed("relation not found".to_owned()))
    }

    /// The unit's own settings in a relation, or its application's, with what
    /// the hook wrote.
    pub(super) fn own_settings(&self, relation: &RelationContext, app: bool) -> Settings {
        let base = if app {
            relation.own_app.clone().unwrap_or_default()
        } else {
            relation.own.clone()
        };
        match self.session.relations.get(&(relation.id, app)) {
            Some(pending) => overlay(base, pending),
            None => base,
        }
    }

    /// The application's leader settings with what the hook wrote.
    pub(super) fn leader_settings(&self) -> Settings {
        overlay(
            self.base.leader_settings.clone(),
            &self.session.leader_settings,
        )
    }

    /// The unit's own status with what the hook wrote.
    pub(super) fn status(&self) -> &StatusContext {
        self.session.status.as_ref().unwrap_or(&self.base.status)
    }

    /// What `--file` names: `-` is standard input.
    ///
    /// # Errors
    /// When it has to be read first, or could not be.
    pub(super) fn input(&self, file: &str) -> Result<&str, Stop> {
        match self.input {
            None => Err(Stop::Need((file != "-").then(|| file.to_owned()))),
            Some(input) => input
                .text
                .as_deref()
                .map_err(|why| Stop::Failed(why.clone())),
        }
    }
}

/// About how many bytes an answer takes.
fn size(answer: &Result<Answer, String>) -> usize {
    match answer {
        Ok(Answer::Settings { settings }) => settings
            .iter()
            .map(|(key, value)| key.len() + value.len() + 64)
            .sum(),
        Ok(Answer::Document { value }) => value.to_string().len(),
        Ok(Answer::Leader { .. }) => 0,
        Err(text) => text.len(),
    }
}

/// `mysql` of `mysql/0`.
pub(super) fn application_of(unit: &str) -> &str {
    unit.split_once('/')
        .map_or(unit, |(application, _)| application)
}

fn overlay(mut settings: Settings, changes: &BTreeMap<String, Option<String>>) -> Settings {
    for (key, value) in changes {
        match value {
            Some(value) => settings.insert(key.clone(), value.clone()),
            None => settings.remove(key),
        };
    }
    settings
}
