//! Relations in documents.

use lazuli_model::names::{RelationEnd, RelationKey};
use lazuli_model::state::{Endpoint, EndpointRole, ModelState, Relation};

/// What a relation joins, the requirer first; none when an application is
/// gone.
#[must_use]
pub fn relation_key(state: &ModelState, relation: &Relation) -> Option<RelationKey> {
    let end = |endpoint: &Endpoint| {
        Some(RelationEnd {
            application: state.application(endpoint.application)?.name.clone(),
            endpoint: endpoint.name.clone(),
        })
    };
    if relation.is_peer() {
        return relation
            .endpoints
            .first()
            .and_then(end)
            .map(RelationKey::Peer);
    }
    let by_role = |role: EndpointRole| {
        let endpoint = relation.endpoints.iter().find(|end| end.role == role);
        endpoint.and_then(end)
    };
    Some(RelationKey::Pair {
        requirer: by_role(EndpointRole::Requirer)?,
        provider: by_role(EndpointRole::Provider)?,
    })
}

/// Whether each end has a unit in it.
#[must_use]
pub fn is_joined(state: &ModelState, relation: &Relation) -> bool {
    relation.endpoints.iter().all(|end| {
        state
            .relation_units(relation.id)
            .filter(|member| member.in_scope)
            .filter_map(|member| state.unit(member.unit))
            .any(|unit| unit.application == end.application)
    })
}

/// Juju's word for who takes part.
pub(super) fn scope(relation: &Relation) -> &'static str {
    if relation.is_container_scoped() {
        "container"
    } else {
        "global"
    }
}
