//! Relating two applications.

use lazuli_api::Integrate;
use lazuli_model::id::{GenericUuid, RelationId};
use lazuli_model::life::Life;
use lazuli_model::state::{Endpoint, EndpointRole, ModelState, Relation, Row};

use super::infer::{Candidate, End, infer};
use super::{Draft, Refusal};

/// Adds the one relation that two names can mean.
pub(crate) fn integrate(draft: &mut Draft<'_>, request: &Integrate) -> Result<(), Refusal> {
    draft.check_alive()?;
    let [one, other] = &request.endpoints[..] else {
        return Err(Refusal::invalid("a relation must involve two applications").at("/endpoints"));
    };
    let candidate = infer(draft.state, one, other)?;
    let key = candidate.key();
    check(draft.state, &candidate)
        .map_err(|refusal| refusal.within(&format!("cannot add relation {key:?}")))?;
    let container_scoped = candidate.is_container_scoped();
    let id = RelationId::from_untyped_uuid(draft.numbers.id());
    let number = draft.numbers.relation();
    draft.put(Row::Relation(Relation {
        id,
        number,
        endpoints: vec![
            endpoint(
                &candidate.provider,
                EndpointRole::Provider,
                container_scoped,
            ),
            endpoint(
                &candidate.requirer,
                EndpointRole::Requirer,
                container_scoped,
            ),
        ],
        life: Life::Alive,
        force: false,
        created_at: draft.now,
    }));
    Ok(())
}

fn endpoint(end: &End<'_>, role: EndpointRole, container_scoped: bool) -> Endpoint {
    Endpoint {
        application: end.application.id,
        name: end.name.clone(),
        interface: end.endpoint.interface.clone(),
        role,
        container_scoped,
    }
}

fn check(state: &ModelState, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let ends = [&candidate.provider, &candidate.requirer];
    if state.relations().any(|relation| joins(relation, ends)) {
        return Err(Refusal::exists(format!(
            "relation {} already exists",
            candidate.key()
        )));
    }
    for end in ends {
        if end.application.life != Life::Alive {
            return Err(Refusal::conflict(format!(
                "application {:?} is not alive",
                end.application.name.as_str()
            )));
        }
        check_limit(state, end)?;
    }
    let bases_differ = ends[0].application.base != ends[1].application.base;
    if candidate.is_container_scoped() && bases_differ {
        return Err(Refusal::conflict(
            "principal and subordinate applications' bases must match",
        ));
    }
    Ok(())
}

fn joins(relation: &Relation, ends: [&End<'_>; 2]) -> bool {
    relation.endpoints.len() == ends.len()
        && ends.iter().all(|end| {
            relation
                .endpoints
                .iter()
                .any(|there| there.application == end.application.id && there.name == end.name)
        })
}

/// Juju's text for one relation too many.
fn check_limit(state: &ModelState, end: &End<'_>) -> Result<(), Refusal> {
    let Some(limit) = end.endpoint.limit.filter(|limit| *limit > 0) else {
        return Ok(());
    };
    let there = state
        .relations_of(end.application.id)
        .filter(|relation| {
            relation
                .endpoints
                .iter()
                .any(|other| other.application == end.application.id && other.name == end.name)
        })
        .count();
    if there < limit as usize {
        return Ok(());
    }
    Err(Refusal::conflict(format!(
        "establishing a new relation for {} would exceed its maximum relation limit of {limit}",
        end.text()
    )))
}
