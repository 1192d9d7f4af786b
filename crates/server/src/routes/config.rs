//! A model's settings, constraints and SSH keys.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    AuthorizedKeys, Changed, ConstraintsDocument, ModelConfigChange, ModelConfigDocument,
    SetConstraints, SshKeys, WriteQuery,
};

use crate::change;
use crate::error::Error;
use crate::extract::{Admin, Body, Edit, Shown};

/// Shows a model's settings.
#[utoipa::path(get, path = "/models/{model}/config", tag = "models",
    responses((status = 200, body = ModelConfigDocument)))]
pub(super) async fn show_model_config(shown: Shown) -> Result<Response, Error> {
    let document = change::model_config_document(shown.0.state.model());
    Ok(shown.tagged(document))
}

/// Sets and resets settings of a model.
#[utoipa::path(patch, path = "/models/{model}/config", tag = "models", params(WriteQuery),
    request_body = ModelConfigChange, responses((status = 200, body = Changed)))]
pub(super) async fn change_model_config(
    edit: Edit<Admin, Body<ModelConfigChange>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::change_model_config(draft, &body.value)
    })
    .await
}

/// Shows the constraints of all machines to come.
#[utoipa::path(get, path = "/models/{model}/constraints", tag = "models",
    responses((status = 200, body = ConstraintsDocument)))]
pub(super) async fn show_model_constraints(
    Shown(loaded): Shown,
) -> Result<Json<ConstraintsDocument>, Error> {
    let constraints = loaded.state.model().constraints.to_string();
    Ok(Json(ConstraintsDocument { constraints }))
}

/// Replaces the constraints of all machines to come.
#[utoipa::path(put, path = "/models/{model}/constraints", tag = "models", params(WriteQuery),
    request_body = SetConstraints, responses((status = 200, body = Changed)))]
pub(super) async fn set_model_constraints(
    edit: Edit<Admin, Body<SetConstraints>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::set_model_constraints(draft, &body.value.constraints)
    })
    .await
}

/// Lists the keys that may log in to a model's machines: its own, and those
/// of users.
#[utoipa::path(get, path = "/models/{model}/ssh-keys", tag = "models",
    responses((status = 200, body = SshKeys)))]
pub(super) async fn list_ssh_keys(Shown(loaded): Shown) -> Result<Json<SshKeys>, Error> {
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
    edit: Edit<Admin, Body<AuthorizedKeys>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::add_authorized_keys(draft, &body.value.keys)
    })
    .await
}

/// Replaces the keys of users.
#[utoipa::path(put, path = "/models/{model}/ssh-keys", tag = "models", params(WriteQuery),
    request_body = AuthorizedKeys, responses((status = 200, body = Changed)))]
pub(super) async fn set_ssh_keys(
    edit: Edit<Admin, Body<AuthorizedKeys>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::set_authorized_keys(draft, &body.value.keys)
    })
    .await
}
