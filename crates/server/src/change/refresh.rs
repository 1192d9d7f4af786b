//! Another charm for an application.

use lazuli_api::Refresh;
use lazuli_model::charm::{Charm, StorageKind, StorageSpec};
use lazuli_model::state::{Application, EndpointRole, ModelState, Row};
use lazuli_plan::document::relation_key;

use super::{
    Draft, Refusal, application, base, config, deploy, resources, source, spaces, storage,
};

/// Switches an application to another charm, or another revision.
pub(crate) fn refresh(draft: &mut Draft<'_>, name: &str, request: &Refresh) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let state = draft.state;
    let present = state
        .charm(row.charm)
        .ok_or_else(|| Refusal::not_found("charm of application", name))?;
    let wanted = deploy::charm(state, &request.charm)?;
    let attempted = format!(
        "cannot upgrade application {name:?} to charm {:?}",
        wanted.url
    );
    deploy::check_charm(&wanted.charm)?;
    if present.charm.meta.subordinate != wanted.charm.meta.subordinate {
        return Err(Refusal::conflict(format!(
            "{attempted}: cannot change an application's subordinacy"
        )));
    }
    if !request.force {
        base::check_charm(&row.base, &wanted.charm.bases())
            .map_err(|refusal| refusal.within(&attempted))?;
    }
    check_relations(state, &row, &wanted.charm).map_err(|refusal| refusal.within(&attempted))?;
    check_storage(state, &row, &present.charm, &wanted.charm)
        .map_err(|refusal| refusal.within(&attempted))?;
    let given = config::read(&wanted.charm, &request.config)?;
    let kept = config::carry_over(draft, &row.config, &wanted.charm, request)
        .map_err(|refusal| refusal.within(&attempted))?;
    row.config = kept;
    row.trust = request.trust.or(given.trust).unwrap_or(row.trust);
    given.apply(&mut row.config);
    row.charm = wanted.id;
    spaces::of_refresh(draft, &mut row, &wanted.charm, &request.endpoint_bindings)?;
    row.storage =
        storage::of_refresh(state.model(), &wanted.charm, &row.storage, &request.storage)?;
    storage::of_new_charm(draft, &row, &wanted.charm)?;
    for (endpoint, peer) in wanted.charm.meta.peers() {
        let there = state
            .relations_of(row.id)
            .any(|relation| relation.is_peer() && relation.endpoints[0].name == *endpoint);
        if !there {
            deploy::add_peer(draft, &row, endpoint, &peer.interface);
        }
    }
    resources::drop_unknown(draft, &row, &wanted.charm);
    resources::give(draft, &row, &wanted.charm, &request.resources)?;
    if wanted.id != present.id {
        resources::tell_missing(draft, &row, &wanted.charm);
    }
    source::follow(draft, &row, request.channel.as_deref(), request.force_units);
    draft.put(Row::Application(row));
    Ok(())
}

/// Refuses stores that became something else, or are gone although units have
/// storage of them (Juju, `checkStorageUpgrade`).
fn check_storage(
    state: &ModelState,
    row: &Application,
    present: &Charm,
    wanted: &Charm,
) -> Result<(), Refusal> {
    for (name, old) in &present.meta.storage {
        let is_used = || {
            let mut units = state.units_of(row.id);
            units.any(|unit| lazuli_plan::unit_count(state, unit, name) > 0)
        };
        match wanted.meta.storage.get(name) {
            Some(new) => check_store(name.as_str(), old, new)?,
            None if is_used() => {
                return Err(Refusal::conflict(format!(
                    "in-use storage {:?} removed",
                    name.as_str()
                )));
            }
            None => {}
        }
    }
    Ok(())
}

fn check_store(name: &str, old: &StorageSpec, new: &StorageSpec) -> Result<(), Refusal> {
    let location = |spec: &StorageSpec| format!("{:?}", spec.location.as_deref().unwrap_or(""));
    let facts = |spec: &StorageSpec| {
        [
            ("type", format!("{:?}", kind(spec.kind))),
            ("shared", spec.shared.to_string()),
            ("read-only", spec.read_only.to_string()),
            ("location", location(spec)),
        ]
    };
    for ((what, from), (_, to)) in facts(old).into_iter().zip(facts(new)) {
        if from != to {
            return Err(Refusal::conflict(format!(
                "existing storage {name:?} {what} changed from {from} to {to}"
            )));
        }
    }
    let contracted = |what: &str, from: String, to: u32| {
        Err(Refusal::conflict(format!(
            "existing storage {name:?} range contracted: {what} from {from} to {to}"
        )))
    };
    if new.count_min > old.count_min {
        return contracted("min increased", old.count_min.to_string(), new.count_min);
    }
    match (old.count_max, new.count_max) {
        (None, Some(to)) => contracted("max decreased", "\u{221e}".to_owned(), to),
        (Some(from), Some(to)) if to < from => contracted("max decreased", from.to_string(), to),
        _ => Ok(()),
    }
}

fn kind(kind: StorageKind) -> &'static str {
    match kind {
        StorageKind::Block => "block",
        StorageKind::Filesystem => "filesystem",
    }
}

/// Refuses a charm without the endpoints of relations that there are.
fn check_relations(state: &ModelState, row: &Application, charm: &Charm) -> Result<(), Refusal> {
    for relation in state.relations_of(row.id) {
        let ends = relation.endpoints.iter();
        let mut own = ends.filter(|end| end.application == row.id);
        let kept = own.all(|end| {
            charm.meta.endpoint(&end.name).is_some_and(|endpoint| {
                endpoint.role == end.role && endpoint.interface == end.interface
            })
        });
        let peers = relation
            .endpoints
            .iter()
            .any(|end| end.role == EndpointRole::Peer);
        if !kept && !peers {
            let key = relation_key(state, relation).map_or_else(String::new, |key| key.to_string());
            return Err(Refusal::conflict(format!("would break relation {key:?}")));
        }
    }
    Ok(())
}
