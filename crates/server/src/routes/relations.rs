//! Relations.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    Changed, Integrate, RelationInfo, RelationList, RelationQuery, RelationSide, Removal,
    WriteQuery,
};
use lazuli_model::state::{Endpoint, EndpointRole, ModelState, Relation};
use lazuli_plan::document::{is_joined, relation_key};

use crate::app::App;
use crate::change;
use crate::error::Error;
use crate::extract::{Body, Conditions, InModel, Named, Query, Read, Write};
use crate::mutate::{How, write};

/// Lists relations.
#[utoipa::path(get, path = "/models/{model}/relations", tag = "relations",
    responses((status = 200, body = RelationList)))]
pub(super) async fn list_relations(
    State(app): State<App>,
    scope: InModel<Read>,
) -> Result<Json<RelationList>, Error> {
    let loaded = app.cache.get(scope.model).await?;
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
pub(super) async fn integrate(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<Integrate>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::CREATED).once(body.sha256);
    write(&app, &scope, how, |draft| {
        change::integrate(draft, &body.value)
    })
    .await
}

/// Sets the relation between two applications dying.
#[utoipa::path(delete, path = "/models/{model}/relations", tag = "relations",
    params(RelationQuery), responses((status = 202, body = Changed)))]
pub(super) async fn remove_relation_between(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Query(query): Query<RelationQuery>,
) -> Result<Response, Error> {
    let (one, other) = query
        .endpoints
        .split_once(',')
        .ok_or_else(|| Error::bad_request("endpoints are two with a comma between: a:db,b"))?;
    let how = How::new(query.dry_run, conditions, StatusCode::ACCEPTED);
    write(&app, &scope, how, |draft| {
        let relation = change::find_relation(draft.state, one, other)?;
        change::remove_relation(draft, relation, query.force)
    })
    .await
}

/// Shows a relation.
#[utoipa::path(get, path = "/models/{model}/relations/{relation}", tag = "relations",
    responses((status = 200, body = RelationInfo)))]
pub(super) async fn show_relation(
    State(app): State<App>,
    scope: InModel<Read>,
    Named(number): Named,
) -> Result<Json<RelationInfo>, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let relation = change::relation(&loaded.state, &number)?;
    Ok(Json(info(&loaded.state, relation)))
}

/// Sets a relation dying.
#[utoipa::path(delete, path = "/models/{model}/relations/{relation}", tag = "relations",
    params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn remove_relation(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Named(number): Named,
    Query(removal): Query<Removal>,
) -> Result<Response, Error> {
    let how = How::new(removal.dry_run, conditions, StatusCode::ACCEPTED);
    write(&app, &scope, how, |draft| {
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
