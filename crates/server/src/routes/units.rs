//! Units.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{AddUnits, Changed, Removal, Resolved, WriteQuery};
use lazuli_model::document::unit::ShowUnit;
use lazuli_plan::document;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Adds units to an application.
#[utoipa::path(post, path = "/models/{model}/applications/{application}/units", tag = "units",
    params(WriteQuery), request_body = AddUnits, responses((status = 201, body = Changed)))]
pub(super) async fn add_units(
    Named(name): Named,
    edit: Edit<Write, Body<AddUnits>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        change::add_units(draft, &name, &body.value)
    })
    .await
}

/// Shows a unit with its relations' data.
#[utoipa::path(get, path = "/models/{model}/units/{unit}", tag = "units",
    responses((status = 200, body = ShowUnit)))]
pub(super) async fn show_unit(
    Named(name): Named,
    Shown(loaded): Shown,
) -> Result<Json<ShowUnit>, Error> {
    let row = change::unit(&loaded.state, &name)?;
    Ok(Json(document::show_unit(&loaded.state, row)))
}

/// Sets a unit dying.
#[utoipa::path(delete, path = "/models/{model}/units/{unit}", tag = "units", params(Removal),
    responses((status = 202, body = Changed)))]
pub(super) async fn remove_unit(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(removal)| {
        change::remove_unit(draft, &name, removal)
    })
    .await
}

/// Resolves a unit's error.
#[utoipa::path(post, path = "/models/{model}/units/{unit}/resolved", tag = "units",
    params(WriteQuery), request_body = Resolved, responses((status = 202, body = Changed)))]
pub(super) async fn resolve_unit(
    Named(name): Named,
    edit: Edit<Write, Body<Resolved>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, body| {
        change::resolve(draft, &name, body.value)
    })
    .await
}
