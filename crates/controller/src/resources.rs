//! The resources of a unit's application, as the machine is told of them.

use std::collections::BTreeMap;

use lazuli_model::charm::Charm;
use lazuli_model::state::{ModelState, Resource, Unit};
use lazuli_runner::frames::ResourceRef;

/// What a unit may get, by name.
pub(crate) fn of_unit(
    state: &ModelState,
    unit: &Unit,
    charm: &Charm,
) -> BTreeMap<String, ResourceRef> {
    state
        .resources_of(unit.application)
        .map(|row| (row.name.clone(), reference(row, charm)))
        .collect()
}

/// One of them, or Juju's text when nobody has given it.
pub(crate) fn one(
    state: &ModelState,
    unit: &Unit,
    charm: &Charm,
    name: &str,
) -> Result<ResourceRef, String> {
    let row = state.resource(unit.application, name);
    row.map(|row| reference(row, charm))
        .ok_or_else(|| format!("resource#{}/{name} not found", unit.name.application()))
}

fn reference(row: &Resource, charm: &Charm) -> ResourceRef {
    let spec = charm.meta.resources.get(&row.name);
    // A charm that does not name it any more gets it under its own name.
    let filename = spec.map_or(&row.name, |spec| &spec.filename);
    ResourceRef {
        filename: filename.clone(),
        sha256: row.sha256.clone(),
        size: row.size,
    }
}
