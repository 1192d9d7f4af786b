//! A model's settings, constraints and SSH keys.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::ETAG;
use lazuli_api::{
    AuthorizedKeys, Changed, ConstraintsDocument, ModelConfigChange, ModelConfigDocument,
    SetConstraints, SshKeys, WriteQuery,
};

use crate::app::App;
use crate::change;
use crate::error::Error;
use crate::extract::{Admin, Body, Conditions, InModel, Query, Read};
use crate::mutate::{How, write};

/// Shows a model's settings.
#[utoipa::path(get, path = "/models/{model}/config", tag = "models",
    responses((status = 200, body = ModelConfigDocument)))]
pub(super) async fn show_model_config(
    State(app): State<App>,
    scope: InModel<Read>,
) -> Result<Response, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let tag = format!("\"g{}\"", loaded.position.generation);
    let document = change::model_config_document(loaded.state.model());
    Ok(([(ETAG, tag)], Json(document)).into_response())
}

/// Sets and resets settings of a model.
#[utoipa::path(patch, path = "/models/{model}/config", tag = "models", params(WriteQuery),
    request_body = ModelConfigChange, responses((status = 200, body = Changed)))]
pub(super) async fn change_model_config(
    State(app): State<App>,
    scope: InModel<Admin>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<ModelConfigChange>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::OK);
    write(&app, &scope, how, |draft| {
        change::change_model_config(draft, &body.value)
    })
    .await
}

/// Shows the constraints of all machines to come.
#[utoipa::path(get, path = "/models/{model}/constraints", tag = "models",
    responses((status = 200, body = ConstraintsDocument)))]
pub(super) async fn show_model_constraints(
    State(app): State<App>,
    scope: InModel<Read>,
) -> Result<Json<ConstraintsDocument>, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let constraints = loaded.state.model().constraints.to_string();
    Ok(Json(ConstraintsDocument { constraints }))
}

/// Replaces the constraints of all machines to come.
#[utoipa::path(put, path = "/models/{model}/constraints", tag = "models", params(WriteQuery),
    request_body = SetConstraints, responses((status = 200, body = Changed)))]
pub(super) async fn set_model_constraints(
    State(app): State<App>,
    scope: InModel<Admin>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<SetConstraints>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::OK);
    write(&app, &scope, how, |draft| {
        change::set_model_constraints(draft, &body.value.constraints)
    })
    .await
}

/// Lists the keys that may log in to a model's machines: its own, and those
/// of users.
#[utoipa::path(get, path = "/models/{model}/ssh-keys", tag = "models",
    responses((status = 200, body = SshKeys)))]
pub(super) async fn list_ssh_keys(
    State(app): State<App>,
    scope: InModel<Read>,
) -> Result<Json<SshKeys>, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let model = loaded.state.model();
    Ok(Json(SshKeys {
        model_key: model.ssh_key.clone(),
        keys: model.authorized_keys.clone(),
    }))
}

/// Adds keys of users.
#[utoipa::path(post, path = "/models/{model}/ssh-keys", tag = "models", params(WriteQuery),
    request_body = AuthorizedKeys, responses((status = 200, body = Changed)))]
pub(super) async fn add_ssh_keys(
    State(app): State<App>,
    scope: InModel<Admin>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<AuthorizedKeys>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::OK).once(body.sha256);
    write(&app, &scope, how, |draft| {
        change::add_authorized_keys(draft, &body.value.keys)
    })
    .await
}

/// Replaces the keys of users.
#[utoipa::path(put, path = "/models/{model}/ssh-keys", tag = "models", params(WriteQuery),
    request_body = AuthorizedKeys, responses((status = 200, body = Changed)))]
pub(super) async fn set_ssh_keys(
    State(app): State<App>,
    scope: InModel<Admin>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<AuthorizedKeys>,
) -> Result<Response, Error> {
    let how = How::new(query.dry_run, conditions, StatusCode::OK);
    write(&app, &scope, how, |draft| {
        change::set_authorized_keys(draft, &body.value.keys)
    })
    .await
}
