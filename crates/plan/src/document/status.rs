//! `status`.

use std::collections::BTreeMap;

use lazuli_model::document::JUJU_VERSION;
use lazuli_model::document::status::{
    Application, Base, Model, RelatedApplication, Status, StatusInfo,
};
use lazuli_model::life::Life;
use lazuli_model::state::{self, ModelState};
use lazuli_model::status::{self as words, StatusKey, severity};

use super::machine::machine_document;
use super::relation;
use super::unit::{unit_document, workload_status};

/// The status of a model. `controller` is the controller's name.
#[must_use]
pub fn status_document(state: &ModelState, controller: &str) -> Status {
    Status {
        model: model_document(state, controller),
        machines: state
            .machines()
            .map(|machine| (machine.name.to_string(), machine_document(state, machine)))
            .collect(),
        applications: state
            .applications()
            .map(|application| {
                let name = application.name.to_string();
                (name, application_document(state, application))
            })
            .collect(),
        storage: super::storage::storage_document(state),
        ..Status::default()
    }
}

/// What a status says of the model itself.
#[must_use]
pub fn model_document(state: &ModelState, controller: &str) -> Model {
    let row = state.model();
    let status = state.status(StatusKey::Model);
    let (word, message) = match (status, row.life) {
        (Some(status), _) => (status.status.as_str(), status.message.as_str()),
        (None, Life::Alive) => ("available", ""),
        (None, _) => ("destroying", ""),
    };
    let since = status.map_or(row.created_at, |status| status.since);
    Model {
        name: row.name.to_string(),
        kind: "iaas".to_owned(),
        controller: controller.to_owned(),
        cloud: row.cloud.clone(),
        region: row.region.clone(),
        version: JUJU_VERSION.to_owned(),
        model_status: StatusInfo::new(word, message, Some(since)),
    }
}

fn application_document(state: &ModelState, row: &state::Application) -> Application {
    let charm = state.charm(row.charm);
    let subordinate = charm.is_some_and(|charm| charm.charm.meta.subordinate);
    let mut units = BTreeMap::new();
    if !subordinate {
        for unit in state.units_of(row.id) {
            units.insert(unit.name.to_string(), unit_document(state, unit));
        }
    }
    Application {
        charm: charm.map_or_else(String::new, shown_charm),
        base: Some(base(&row.base)),
        charm_origin: origin(charm).to_owned(),
        charm_channel: channel(state, row),
        charm_name: charm.map_or_else(String::new, |charm| charm.name.clone()),
        charm_rev: charm.map_or(0, |charm| charm.revision),
        charm_version: charm.map_or_else(String::new, |charm| charm.charm.version.clone()),
        exposed: row.exposed.is_some(),
        life: life(row.life),
        application_status: application_status(state, row),
        relations: related(state, row),
        subordinate_to: if subordinate {
            principals(state, row)
        } else {
            Vec::new()
        },
        units,
        version: workload_version(state, row),
        endpoint_bindings: endpoint_bindings(state, row),
    }
}

/// A charm of the store by its name, a local one by its url.
fn shown_charm(charm: &state::CharmRevision) -> String {
    match origin(Some(charm)) {
        "charmhub" => charm.name.clone(),
        _ => charm.url.clone(),
    }
}

fn origin(charm: Option<&state::CharmRevision>) -> &'static str {
    match charm.is_some_and(|charm| charm.url.starts_with("ch:")) {
        true => "charmhub",
        false => "local",
    }
}

/// The channel of the store that an application follows; empty for none.
pub(super) fn channel(state: &ModelState, row: &state::Application) -> String {
    let source = state.charm_source(row.id);
    source
        .and_then(|source| source.channel.clone())
        .unwrap_or_default()
}

/// Of the units that set one, the last by number.
fn workload_version(state: &ModelState, row: &state::Application) -> String {
    state
        .units_of(row.id)
        .filter_map(|unit| Some((&unit.name, state.unit_state(unit.id)?)))
        .filter_map(|(name, done)| Some((name, done.workload_version.as_ref()?)))
        .max_by_key(|(name, _)| *name)
        .map_or_else(String::new, |(_, version)| version.clone())
}

/// An application's status: its own if its leader set one, else the worst of
/// its units' (Juju, `state/application.go`).
#[must_use]
pub fn application_status(state: &ModelState, row: &state::Application) -> StatusInfo {
    let own = state.status(StatusKey::Application(row.id));
    if let Some(own) = own.filter(|own| !own.status.is_empty() && own.status != "unset") {
        return info(own);
    }
    let mut units: Vec<_> = state.units_of(row.id).collect();
    units.sort_by(|a, b| a.name.cmp(&b.name));
    let mut worst: Option<StatusInfo> = None;
    for unit in units {
        let status = workload_status(state, unit);
        if worst
            .as_ref()
            .is_none_or(|worst| severity(&status.current) > severity(&worst.current))
        {
            worst = Some(status);
        }
    }
    worst.unwrap_or_else(|| StatusInfo::new("unknown", "", Some(row.created_at)))
}

/// The other ends of an application's relations, by its own endpoint.
fn related(
    state: &ModelState,
    row: &state::Application,
) -> BTreeMap<String, Vec<RelatedApplication>> {
    let mut related: BTreeMap<String, Vec<RelatedApplication>> = BTreeMap::new();
    for relation in state.relations_of(row.id) {
        let (Some(local), Some(remote)) = (relation.local(row.id), relation.remote(row.id)) else {
            continue;
        };
        let Some(other) = state.application(remote.application) else {
            continue;
        };
        let entry = RelatedApplication {
            related_application: other.name.to_string(),
            interface: local.interface.clone(),
            scope: relation::scope(relation).to_owned(),
        };
        related
            .entry(local.name.to_string())
            .or_default()
            .push(entry);
    }
    for entries in related.values_mut() {
        entries.sort();
    }
    related
}

/// The applications that a subordinate's units live beside.
fn principals(state: &ModelState, row: &state::Application) -> Vec<String> {
    let mut names: Vec<String> = state
        .relations_of(row.id)
        .filter(|relation| relation.is_container_scoped())
        .filter_map(|relation| state.application(relation.remote(row.id)?.application))
        .filter(|other| other.id != row.id)
        .map(|other| other.name.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Endpoint (or empty for the default) to space.
pub(super) fn endpoint_bindings(
    state: &ModelState,
    row: &state::Application,
) -> BTreeMap<String, String> {
    let charm = state.charm(row.charm);
    let names = charm.into_iter().flat_map(|charm| {
        let meta = &charm.charm.meta;
        let declared = meta.endpoints.keys().chain(&meta.extra_bindings);
        declared.map(ToString::to_string)
    });
    names
        .chain([String::new()])
        .map(|name| {
            let space = row.space_of(&name).to_owned();
            (name, space)
        })
        .collect()
}

pub(super) fn base(base: &lazuli_model::base::Base) -> Base {
    Base {
        name: base.os().to_owned(),
        channel: base.channel(),
    }
}

/// Shown of what goes only.
pub(super) fn life(life: Life) -> String {
    match life {
        Life::Alive => String::new(),
        going => going.as_str().to_owned(),
    }
}

pub(super) fn info(status: &words::Status) -> StatusInfo {
    StatusInfo::new(&status.status, &status.message, Some(status.since))
}
