//! Units.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{AddUnits, Changed, Removal, Resolved, WriteQuery};
use lazuli_model::document::unit::ShowUnit;
use lazuli_plan::document;

use crate::app::App;
use crate::change;
use crate::error::Error;
use crate::extract::{Body, Conditions, InModel, Named, Query, Read, Write};
use crate::mutate::{How, write};

/// Adds units to an application.
#[utoipa::path(post, path = "/models/{model}/applications/{application}/units", tag = "units",
    params(WriteQuery), request_body = AddUnits, responses((status = 201, body = Changed)))]
pub(super) async fn add_units(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Named(name): Named,
    Query(query): Query<WriteQuery>,
    body: Body<AddUnits>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::CREATED).once(body.sha256);
    write(&app, &scope, how, |draft| {
        change::add_units(draft, &name, &body.value)
    })
    .await
}

/// Shows a unit with its relations' data.
#[utoipa::path(get, path = "/models/{model}/units/{unit}", tag = "units",
    responses((status = 200, body = ShowUnit)))]
pub(super) async fn show_unit(
    State(app): State<App>,
    scope: InModel<Read>,
    Named(name): Named,
) -> Result<Json<ShowUnit>, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let row = change::unit(&loaded.state, &name)?;
    Ok(Json(document::show_unit(&loaded.state, row)))
}

/// Sets a unit dying.
#[utoipa::path(delete, path = "/models/{model}/units/{unit}", tag = "units", params(Removal),
    responses((status = 202, body = Changed)))]
pub(super) async fn remove_unit(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Named(name): Named,
    Query(removal): Query<Removal>,
) -> Result<Response, Error> {
    let how = How::new(removal.dry_run, conditions, StatusCode::ACCEPTED);
    write(&app, &scope, how, |draft| {
        change::remove_unit(draft, &name, &removal)
    })
    .await
}

/// Resolves a unit's error.
#[utoipa::path(post, path = "/models/{model}/units/{unit}/resolved", tag = "units",
    params(WriteQuery), request_body = Resolved, responses((status = 202, body = Changed)))]
pub(super) async fn resolve_unit(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Named(name): Named,
    Query(query): Query<WriteQuery>,
    body: Body<Resolved>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::ACCEPTED).once(body.sha256);
    write(&app, &scope, how, |draft| {
        change::resolve(draft, &name, body.value)
    })
    .await
}
