//! Who may do what with a model.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lazuli_api::{AccessGrant, AccessLevel, AccessList, Code};
use lazuli_store::access::{self, Access};

use super::users::find;
use crate::app::App;
use crate::error::Error;
use crate::extract::{Admin, Body, InModel, Named};

/// Lists who may do what with a model.
#[utoipa::path(get, path = "/models/{model}/access", tag = "access",
    responses((status = 200, body = AccessList)))]
pub(super) async fn list_access(
    State(app): State<App>,
    scope: InModel<Admin>,
) -> Result<Json<AccessList>, Error> {
    let users = access::of(app.store.pool(), scope.model).await?;
    let users = users
        .into_iter()
        .map(|(name, access)| (name.to_string(), shown(access)))
        .collect();
    Ok(Json(AccessList { users }))
}

/// Says what a user may do with a model from now on.
#[utoipa::path(put, path = "/models/{model}/access/{user}", tag = "access",
    request_body = AccessGrant, responses((status = 204)))]
pub(super) async fn grant_access(
    State(app): State<App>,
    scope: InModel<Admin>,
    Named(name): Named,
    body: Body<AccessGrant>,
) -> Result<StatusCode, Error> {
    let user = find(&app, &name).await?;
    let level = match body.value.access {
        AccessLevel::Read => Access::Read,
        AccessLevel::Write => Access::Write,
        AccessLevel::Admin => Access::Admin,
    };
    access::grant(app.store.pool(), scope.model, user.id, level).await?;
    app.names.clear();
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user's access to a model away.
#[utoipa::path(delete, path = "/models/{model}/access/{user}", tag = "access",
    responses((status = 204)))]
pub(super) async fn revoke_access(
    State(app): State<App>,
    scope: InModel<Admin>,
    Named(name): Named,
) -> Result<StatusCode, Error> {
    let user = find(&app, &name).await?;
    let had = access::revoke(app.store.pool(), scope.model, user.id).await?;
    app.names.clear();
    if had {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::problem(
        Code::NotFound,
        format!("user {name:?} has no access to the model"),
    ))
}

fn shown(access: Access) -> AccessLevel {
    match access {
        Access::Read => AccessLevel::Read,
        Access::Write => AccessLevel::Write,
        Access::Admin => AccessLevel::Admin,
    }
}
