//! What requests change: pure functions from a model and a request to
//! changes of rows, or to a refusal in Juju's words.
//!
//! They run under the lock of the model's head for a write, and over the
//! model in memory for a dry run; they know neither.

mod application;
mod base;
mod config;
mod deploy;
mod expose;
mod infer;
mod integrate;
mod machines;
mod model;
mod model_keys;
mod network;
mod place;
mod refresh;
mod refusal;
mod remove;
mod resources;
mod schema;
mod secrets;
mod source;
mod spaces;
mod storage;
mod summary;
mod tasks;
mod units;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lazuli_model::names::{ApplicationName, MachineName, UnitName};
use lazuli_model::state::{Application, Change, Machine, ModelState, Relation, Row, RowKey, Unit};
use lazuli_store::uploads::Upload;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use application::{set_base, set_constraints, set_trust};
pub(crate) use config::change_config;
pub(crate) use deploy::{constraints as read_constraints, deploy};
pub(crate) use expose::{expose, unexpose};
pub(crate) use infer::find_relation;
pub(crate) use integrate::integrate;
pub(crate) use machines::add_machines;
pub(crate) use model::{
    add_authorized_keys, change_model_config, check_authorized_key, set_authorized_keys,
    set_model_constraints,
};
pub(crate) use model_keys::{document as model_config_document, read as read_model_config};
pub(crate) use network::{add_space, move_to_space, remove_space, rename_space};
pub(crate) use refresh::refresh;
pub(crate) use refusal::Refusal;
pub(crate) use remove::{
    destroy_model, remove_application, remove_machine, remove_relation, remove_unit,
};
pub(crate) use resources::attach;
pub(crate) use secrets::{
    SecretFields, add_secret, change_secret_access, check_content, check_settings, remove_secret,
    secret, update_secret, users_secret,
};
pub(crate) use spaces::bind;
pub(crate) use storage::{
    add_storage, attach_storage, create_pool, detach_storage, import_filesystem, remove_pool,
    remove_storage, update_pool,
};
pub(crate) use summary::{effective, summary};
pub(crate) use tasks::{cancel, exec, run};
pub(crate) use units::{add_units, resolve};

/// Where new ids and numbers come from.
pub(crate) trait Numbers {
    /// A fresh id.
    fn id(&mut self) -> Uuid;
    /// The number of a new machine.
    fn machine(&mut self) -> u64;
    /// The number of a new relation.
    fn relation(&mut self) -> u64;
    /// The number of a new operation or task.
    fn task(&mut self) -> u64;
}

/// A change in the making: the model as it was, and what was added so far.
pub(crate) struct Draft<'a> {
    /// The model before.
    pub(crate) state: &'a ModelState,
    /// The time of the request.
    pub(crate) now: OffsetDateTime,
    numbers: &'a mut dyn Numbers,
    /// What was uploaded for resources, as far as the request names it.
    pub(crate) uploads: BTreeMap<Uuid, Upload>,
    changes: Vec<Change>,
    notices: Vec<String>,
    operation: Option<u64>,
}

/// What a request comes to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The rows that change.
    pub(crate) changes: Vec<Change>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
    /// The operation that it began.
    pub(crate) operation: Option<u64>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        state: &'a ModelState,
        now: OffsetDateTime,
        numbers: &'a mut dyn Numbers,
    ) -> Self {
        Self {
            state,
            now,
            numbers,
            uploads: BTreeMap::new(),
            changes: Vec::new(),
            notices: Vec::new(),
            operation: None,
        }
    }

    pub(crate) fn put(&mut self, row: Row) {
        self.changes.push(Change::Put(row));
    }

    pub(crate) fn delete(&mut self, key: RowKey) {
        self.changes.push(Change::Delete(key));
    }

    pub(crate) fn extend(&mut self, changes: Vec<Change>) {
        self.changes.extend(changes);
    }

    pub(crate) fn notice(&mut self, notice: String) {
        self.notices.push(notice);
    }

    pub(crate) fn outcome(self) -> Outcome {
        Outcome {
            changes: self.changes,
            notices: self.notices,
            operation: self.operation,
        }
    }

    /// Refuses to add to a model that goes.
    fn check_alive(&self) -> Result<(), Refusal> {
        let model = self.state.model();
        if model.life.is_alive() {
            return Ok(());
        }
        Err(Refusal::conflict(format!(
            "model {:?} is being destroyed",
            model.name.as_str()
        )))
    }
}

/// The application of this name.
pub(crate) fn application<'a>(
    state: &'a ModelState,
    name: &str,
) -> Result<&'a Application, Refusal> {
    let parsed: Option<ApplicationName> = name.parse().ok();
    parsed
        .and_then(|name| state.applications().find(|row| row.name == name))
        .ok_or_else(|| application_not_found(state, name))
}

fn application_not_found(state: &ModelState, name: &str) -> Refusal {
    let names = state.applications().map(|row| row.name.as_str());
    Refusal::not_found("application", name).near(name, names)
}

/// The unit of this name: `mysql/0`, or `mysql-0` where a slash is not to be
/// had.
pub(crate) fn unit<'a>(state: &'a ModelState, name: &str) -> Result<&'a Unit, Refusal> {
    let parsed: Option<UnitName> = name.parse().ok().or_else(|| {
        let (application, number) = name.rsplit_once('-')?;
        format!("{application}/{number}").parse().ok()
    });
    parsed
        .and_then(|name| state.units().find(|row| row.name == name))
        .ok_or_else(|| unit_not_found(state, name))
}

/// Names another unit only where the application's name is the mistake.
fn unit_not_found(state: &ModelState, name: &str) -> Refusal {
    let number = name.rsplit_once('/').map(|(_, number)| number);
    let names = state
        .units()
        .map(|row| row.name.to_string())
        .filter(|other| other.rsplit_once('/').map(|(_, number)| number) == number);
    Refusal::not_found("unit", name).near(name, names)
}

/// The machine of this number.
pub(crate) fn machine<'a>(state: &'a ModelState, name: &str) -> Result<&'a Machine, Refusal> {
    let parsed: Option<MachineName> = name.parse().ok();
    parsed
        .and_then(|name| state.machines().find(|row| row.name == name))
        .ok_or_else(|| Refusal::machine_not_found(name))
}

/// The relation of this number.
pub(crate) fn relation<'a>(state: &'a ModelState, number: &str) -> Result<&'a Relation, Refusal> {
    let parsed: Option<u64> = number.parse().ok();
    parsed
        .and_then(|number| state.relations().find(|row| row.number == number))
        .ok_or_else(|| Refusal::not_found("relation", number))
}
