//! Another charm for an application.

use lazuli_api::Refresh;
use lazuli_model::charm::Charm;
use lazuli_model::state::{Application, EndpointRole, ModelState, Row};
use lazuli_plan::document::relation_key;

use super::{Draft, Refusal, application, base, config, deploy};

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
    let given = config::read(&wanted.charm, &request.config)?;
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
    draft.put(Row::Application(row));
    Ok(())
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
