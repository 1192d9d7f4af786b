//! Removals: what sets what dying, and what is in the way.

use lazuli_api::Removal;
use lazuli_model::state::{MachineSource, ModelState};
use lazuli_plan::document::relation_key;
use lazuli_store::desired as dying;

use super::{Draft, Refusal, application, machine, storage, unit};

/// Sets the model dying, with all that is in it.
pub(crate) fn destroy_model(draft: &mut Draft<'_>, how: &Removal) -> Result<(), Refusal> {
    storage::destroy_all(draft, how)?;
    draft.extend(dying::destroy_model(draft.state, how.force));
    Ok(())
}

/// Sets an application dying, with its units and relations.
pub(crate) fn remove_application(
    draft: &mut Draft<'_>,
    name: &str,
    how: &Removal,
) -> Result<(), Refusal> {
    let row = application(draft.state, name)?;
    draft.extend(dying::remove_application(draft.state, row.id, how.force));
    let units: Vec<_> = draft.state.units_of(row.id).map(|unit| unit.id).collect();
    storage::destroy_of(draft, &units, how);
    Ok(())
}

/// Sets a unit dying.
pub(crate) fn remove_unit(draft: &mut Draft<'_>, name: &str, how: &Removal) -> Result<(), Refusal> {
    let row = unit(draft.state, name)?;
    if row.principal.is_some() && !how.force {
        return Err(Refusal::invalid(format!(
            "unit {:?} is a subordinate, to remove use remove-relation. Note: this will remove \
             all units of {:?}",
            row.name.to_string(),
            row.name.application().as_str()
        )));
    }
    draft.extend(dying::remove_unit(draft.state, row.id, how.force));
    storage::destroy_of(draft, &[row.id], how);
    Ok(())
}

/// Sets a machine dying. One with units only by force.
pub(crate) fn remove_machine(
    draft: &mut Draft<'_>,
    name: &str,
    how: &Removal,
) -> Result<(), Refusal> {
    let row = machine(draft.state, name)?;
    if how.keep_instance && matches!(row.source, MachineSource::Cloud { .. }) {
        return Err(Refusal::not_supported(
            "--keep-instance is for machines of your own: what the cloud made goes with its machine",
        ));
    }
    if !how.force {
        check_empty(draft.state, row)?;
    }
    draft.extend(dying::remove_machine(draft.state, row.id, how.force));
    Ok(())
}

/// Juju's text for a machine with units, and what to do.
fn check_empty(state: &ModelState, row: &lazuli_model::state::Machine) -> Result<(), Refusal> {
    // Subordinates go with their principals, as in Juju's text.
    let principals = state
        .units_on(row.id)
        .filter(|unit| unit.principal.is_none());
    let mut units: Vec<_> = principals.map(|unit| &unit.name).collect();
    units.sort();
    let quoted: Vec<String> = units
        .iter()
        .map(|name| format!("{:?}", name.to_string()))
        .collect();
    match quoted.len() {
        0 => Ok(()),
        n => Err(Refusal::conflict(format!(
            "machine {} has unit{} {} assigned; --force removes {} as well",
            row.name,
            if n == 1 { "" } else { "s" },
            quoted.join(", "),
            if n == 1 { "it" } else { "them" },
        ))),
    }
}

/// Sets a relation dying. Peers live as long as their application.
pub(crate) fn remove_relation(
    draft: &mut Draft<'_>,
    relation: &lazuli_model::state::Relation,
    force: bool,
) -> Result<(), Refusal> {
    if relation.is_peer() {
        let key = relation_key(draft.state, relation);
        return Err(Refusal::conflict(format!(
            "relation {:?} is a peer relation: it goes with its application",
            key.map_or_else(String::new, |key| key.to_string())
        )));
    }
    draft.extend(dying::remove_relation(draft.state, relation.id, force));
    Ok(())
}
