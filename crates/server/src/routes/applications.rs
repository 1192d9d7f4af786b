//! Applications.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    ApplicationList, ApplicationSummary, Changed, ConfigChange, ConstraintsDocument, Deploy,
    Expose, Refresh, Removal, SetBase, SetConstraints, Trust, Unexpose, WriteQuery,
};
use lazuli_model::document::application::{ApplicationConfig, ShowApplication};
use lazuli_plan::document;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Lists applications.
#[utoipa::path(get, path = "/models/{model}/applications", tag = "applications",
    responses((status = 200, body = ApplicationList)))]
pub(super) async fn list_applications(
    Shown(loaded): Shown,
) -> Result<Json<ApplicationList>, Error> {
    let state = &loaded.state;
    let mut applications: Vec<_> = state.applications().collect();
    applications.sort_by(|a, b| a.name.cmp(&b.name));
    let summary = |row: &lazuli_model::state::Application| {
        let mut units: Vec<_> = state.units_of(row.id).map(|unit| &unit.name).collect();
        units.sort();
        ApplicationSummary {
            name: row.name.to_string(),
            charm: state
                .charm(row.charm)
                .map_or_else(String::new, |charm| charm.url.clone()),
            units: units.iter().map(ToString::to_string).collect(),
            life: row.life.as_str().to_owned(),
            exposed: row.exposed.is_some(),
        }
    };
    let applications = applications.into_iter().map(summary).collect();
    Ok(Json(ApplicationList { applications }))
}

/// Deploys a charm.
#[utoipa::path(post, path = "/models/{model}/applications", tag = "applications",
    params(WriteQuery), request_body = Deploy, responses((status = 201, body = Changed)))]
pub(super) async fn deploy(edit: Edit<Write, Body<Deploy>>) -> Result<Response, Error> {
    let uploads = edit.uploads(edit.given().value.resources.values()).await?;
    edit.apply(StatusCode::CREATED, |draft, body| {
        draft.uploads = uploads;
        change::deploy(draft, &body.value)
    })
    .await
}

/// Shows an application.
#[utoipa::path(get, path = "/models/{model}/applications/{application}", tag = "applications",
    responses((status = 200, body = ShowApplication)))]
pub(super) async fn show_application(Named(name): Named, shown: Shown) -> Result<Response, Error> {
    let row = change::application(&shown.0.state, &name)?;
    let document = document::show_application(&shown.0.state, row);
    Ok(shown.tagged(document))
}

/// Sets an application dying, with its units and relations.
#[utoipa::path(delete, path = "/models/{model}/applications/{application}",
    tag = "applications", params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn remove_application(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(removal)| {
        change::remove_application(draft, &name, removal)
    })
    .await
}

/// Shows an application's settings.
#[utoipa::path(get, path = "/models/{model}/applications/{application}/config",
    tag = "applications", responses((status = 200, body = ApplicationConfig)))]
pub(super) async fn show_application_config(
    Named(name): Named,
    shown: Shown,
) -> Result<Response, Error> {
    let row = change::application(&shown.0.state, &name)?;
    let document = document::application_config(&shown.0.state, row);
    Ok(shown.tagged(document))
}

/// Sets and resets settings of an application.
#[utoipa::path(patch, path = "/models/{model}/applications/{application}/config",
    tag = "applications", params(WriteQuery), request_body = ConfigChange,
    responses((status = 200, body = Changed)))]
pub(super) async fn change_application_config(
    Named(name): Named,
    edit: Edit<Write, Body<ConfigChange>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::change_config(draft, &name, &body.value)
    })
    .await
}

/// Shows what an application asks of its machines.
#[utoipa::path(get, path = "/models/{model}/applications/{application}/constraints",
    tag = "applications", responses((status = 200, body = ConstraintsDocument)))]
pub(super) async fn show_application_constraints(
    Named(name): Named,
    Shown(loaded): Shown,
) -> Result<Json<ConstraintsDocument>, Error> {
    let row = change::application(&loaded.state, &name)?;
    let constraints = row.constraints.to_string();
    Ok(Json(ConstraintsDocument { constraints }))
}

/// Replaces what an application asks of machines to come.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/constraints",
    tag = "applications", params(WriteQuery), request_body = SetConstraints,
    responses((status = 200, body = Changed)))]
pub(super) async fn set_application_constraints(
    Named(name): Named,
    edit: Edit<Write, Body<SetConstraints>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::set_constraints(draft, &name, &body.value.constraints)
    })
    .await
}

/// Lets the world, or parts of it, reach an application.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/expose",
    tag = "applications", params(WriteQuery), request_body = Expose,
    responses((status = 200, body = Changed)))]
pub(super) async fn expose(
    Named(name): Named,
    edit: Edit<Write, Body<Expose>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::expose(draft, &name, &body.value)
    })
    .await
}

/// Shuts an application off from the world.
#[utoipa::path(delete, path = "/models/{model}/applications/{application}/expose",
    tag = "applications", params(Unexpose), responses((status = 200, body = Changed)))]
pub(super) async fn unexpose(
    Named(name): Named,
    edit: Edit<Write, Query<Unexpose>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, Query(query)| {
        let endpoints: Vec<&str> = match query.endpoints.as_deref().unwrap_or_default() {
            "" => Vec::new(),
            some => some.split(',').map(str::trim).collect(),
        };
        change::unexpose(draft, &name, &endpoints)
    })
    .await
}

/// Says whether an application may use the cloud's credential.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/trust",
    tag = "applications", params(WriteQuery), request_body = Trust,
    responses((status = 200, body = Changed)))]
pub(super) async fn set_trust(
    Named(name): Named,
    edit: Edit<Write, Body<Trust>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::set_trust(draft, &name, body.value.trust)
    })
    .await
}

/// Switches an application to another charm, or another revision of it.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/charm",
    tag = "applications", params(WriteQuery), request_body = Refresh,
    responses((status = 200, body = Changed)))]
pub(super) async fn refresh(
    Named(name): Named,
    edit: Edit<Write, Body<Refresh>>,
) -> Result<Response, Error> {
    let uploads = edit.uploads(edit.given().value.resources.values()).await?;
    edit.apply(StatusCode::OK, |draft, body| {
        draft.uploads = uploads;
        change::refresh(draft, &name, &body.value)
    })
    .await
}

/// Says what machines to come of an application run.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/base",
    tag = "applications", params(WriteQuery), request_body = SetBase,
    responses((status = 200, body = Changed)))]
pub(super) async fn set_base(
    Named(name): Named,
    edit: Edit<Write, Body<SetBase>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::set_base(draft, &name, &body.value.base)
    })
    .await
}
