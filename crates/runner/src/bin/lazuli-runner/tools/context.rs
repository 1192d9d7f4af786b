//! What a call of a tool sees.

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_runner::frames::{
    Answer, Context, Question, RelationContext, Settings, StatusContext, TaskContext,
};

use super::Stop;
use super::session::Session;

/// How long a unit must still be leader for `is-leader` to say so.
pub(crate) const GUARANTEE: Duration = Duration::from_secs(30);

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
    /// What was read for this call last.
    pub(crate) input: Option<&'a Input>,
    /// Files that were read for this call, by path.
    pub(crate) files: &'a BTreeMap<String, Input>,
    /// An id for what this call makes, that nobody can guess.
    pub(crate) fresh: &'a str,
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

    /// The action that runs.
    ///
    /// # Errors
    /// When none does.
    pub(super) fn task(&self) -> Result<&TaskContext, Stop> {
        self.base
            .task
            .as_ref()
            .filter(|task| !task.id.is_empty())
            .ok_or_else(|| Stop::Failed("not running an action".to_owned()))
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
                let refuse = |why: &str| {
                    Stop::Usage(format!("invalid value {named:?} for option -r: {why}"))
                };
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

    /// What the charm keeps, with what the hook wrote.
    ///
    /// # Errors
    /// When the controller has to be asked first, or refused.
    pub(super) fn charm_state(&self) -> Result<Settings, Stop> {
        let Answer::Settings { settings } = self.ask(&Question::CharmState)? else {
            return Err(Stop::Failed(
                "cannot read the charm's state: unexpected answer".to_owned(),
            ));
        };
        Ok(overlay(settings.clone(), &self.session.state))
    }

    /// The unit's own status with what the hook wrote.
    pub(super) fn status(&self) -> &StatusContext {
        self.session.status.as_ref().unwrap_or(&self.base.status)
    }

    /// One of several files.
    ///
    /// # Errors
    /// When it has to be read first, or could not be.
    pub(super) fn file(&self, path: &str) -> Result<&str, Stop> {
        match self.files.get(path) {
            None => Err(Stop::Need(Some(path.to_owned()))),
            Some(input) => input
                .text
                .as_deref()
                .map_err(|why| Stop::Failed(why.clone())),
        }
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
