//! Relations.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    Changed, Integrate, RelationInfo, RelationList, RelationQuery, RelationSide, Removal,
    WriteQuery,
};
use lazuli_model::state::{Endpoint, EndpointRole, ModelState, Relation};
use lazuli_plan::document::{is_joined, relation_key};

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Lists relations.
#[utoipa::path(get, path = "/models/{model}/relations", tag = "relations",
    responses((status = 200, body = RelationList)))]
pub(super) async fn list_relations(Shown(loaded): Shown) -> Result<Json<RelationList>, Error> {
    let mut relations: Vec<RelationInfo> = loaded
        .state
        .relations()
        .map(|relation| info(&loaded.state, relation))
        .collect();
    relations.sort_by_key(|relation| relation.id);
    Ok(Json(RelationList { relations }))
}

/// Relates two applications.
#[utoipa::path(post, path = "/models/{model}/relations", tag = "relations", params(WriteQuery),
    request_body = Integrate, responses((status = 201, body = Changed)))]
pub(super) async fn integrate(edit: Edit<Write, Body<Integrate>>) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        change::integrate(draft, &body.value)
    })
    .await
}

/// Sets the relation between two applications dying.
#[utoipa::path(delete, path = "/models/{model}/relations", tag = "relations",
    params(RelationQuery), responses((status = 202, body = Changed)))]
pub(super) async fn remove_relation_between(
    edit: Edit<Write, Query<RelationQuery>>,
) -> Result<Response, Error> {
    if !edit.given().0.endpoints.contains(',') {
        return Err(Error::bad_request(
            "endpoints are two with a comma between: a:db,b",
        ));
    }
    edit.apply(StatusCode::ACCEPTED, |draft, Query(query)| {
        let (one, other) = query.endpoints.split_once(',').unwrap_or_default();
        let relation = change::find_relation(draft.state, one, other)?;
        change::remove_relation(draft, relation, query.force)
    })
    .await
}

/// Shows a relation.
#[utoipa::path(get, path = "/models/{model}/relations/{relation}", tag = "relations",
    responses((status = 200, body = RelationInfo)))]
pub(super) async fn show_relation(
    Named(number): Named,
    Shown(loaded): Shown,
) -> Result<Json<RelationInfo>, Error> {
    let relation = change::relation(&loaded.state, &number)?;
    Ok(Json(info(&loaded.state, relation)))
}

/// Sets a relation dying.
#[utoipa::path(delete, path = "/models/{model}/relations/{relation}", tag = "relations",
    params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn remove_relation(
    Named(number): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(removal)| {
        let relation = change::relation(draft.state, &number)?;
        change::remove_relation(draft, relation, removal.force)
    })
    .await
}

fn info(state: &ModelState, relation: &Relation) -> RelationInfo {
    let interface = relation.endpoints.first().map(|end| end.interface.clone());
    RelationInfo {
        id: relation.number,
        key: relation_key(state, relation).map_or_else(String::new, |key| key.to_string()),
        endpoints: relation
            .endpoints
            .iter()
            .map(|end| side(state, end))
            .collect(),
        interface: interface.unwrap_or_default(),
        life: relation.life.as_str().to_owned(),
        status: if is_joined(state, relation) {
            "joined"
        } else {
            "joining"
        }
        .to_owned(),
    }
}

fn side(state: &ModelState, end: &Endpoint) -> RelationSide {
    RelationSide {
        application: state
            .application(end.application)
            .map_or_else(String::new, |row| row.name.to_string()),
        endpoint: end.name.to_string(),
        role: match end.role {
            EndpointRole::Provider => "provider",
            EndpointRole::Requirer => "requirer",
            EndpointRole::Peer => "peer",
        }
        .to_owned(),
        scope: if end.container_scoped {
            "container"
        } else {
            "global"
        }
        .to_owned(),
    }
}
