//! Another charm for an application.

use lazuli_api::Refresh;
use lazuli_model::charm::{Charm, StorageKind};
use lazuli_model::state::{Application, EndpointRole, ModelState, Row};
use lazuli_plan::document::relation_key;

use super::{Draft, Refusal, application, base, config, deploy, resources, source};

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
    check_storage(&present.charm, &wanted.charm).map_err(|refusal| refusal.within(&attempted))?;
    let given = config::read(&wanted.charm, &request.config)?;
    let kept = config::carry_over(draft, &row.config, &wanted.charm, request)
        .map_err(|refusal| refusal.within(&attempted))?;
    row.config = kept;
    row.trust = request.trust.or(given.trust).unwrap_or(row.trust);
    given.apply(&mut row.config);
    row.charm = wanted.id;
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

/// Refuses stores that became something else (Juju, `checkStorageUpgrade`).
fn check_storage(present: &Charm, wanted: &Charm) -> Result<(), Refusal> {
    for (name, old) in &present.meta.storage {
        let Some(new) = wanted.meta.storage.get(name) else {
            continue;
        };
        let name = name.as_str();
        let changed = |what: &str, from: String, to: String| {
            Err(Refusal::conflict(format!(
                "existing storage {name:?} {what} changed from {from} to {to}"
            )))
        };
        if old.kind != new.kind {
            return changed(
                "type",
                format!("{:?}", kind(old.kind)),
                format!("{:?}", kind(new.kind)),
            );
        }
        if old.shared != new.shared {
            return changed("shared", old.shared.to_string(), new.shared.to_string());
        }
        if old.read_only != new.read_only {
            return changed(
                "read-only",
                old.read_only.to_string(),
                new.read_only.to_string(),
            );
        }
        if old.location != new.location {
            return changed(
                "location",
                format!("{:?}", old.location.as_deref().unwrap_or_default()),
                format!("{:?}", new.location.as_deref().unwrap_or_default()),
            );
        }
    }
    Ok(())
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
