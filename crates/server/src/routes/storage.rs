//! Storage.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{AddStorage, AttachStorage, Changed, ImportFilesystem, Removal, WriteQuery};
use lazuli_model::document::storage::Storage;
use lazuli_plan::document;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Lists storage.
#[utoipa::path(get, path = "/models/{model}/storage", tag = "storage",
    responses((status = 200, body = Storage)))]
pub(super) async fn list_storage(Shown(loaded): Shown) -> Json<Storage> {
    Json(document::storage_document(&loaded.state))
}

/// Makes storage of a disk or a snapshot that the cloud has.
#[utoipa::path(post, path = "/models/{model}/storage", tag = "storage",
    params(WriteQuery), request_body = ImportFilesystem,
    responses((status = 201, body = Changed)))]
pub(super) async fn import_filesystem(
    edit: Edit<Write, Body<ImportFilesystem>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        let what = &body.value;
        change::import_filesystem(draft, &what.pool, &what.provider_id, &what.storage)
    })
    .await
}

/// Adds storage to a unit.
#[utoipa::path(post, path = "/models/{model}/units/{unit}/storage", tag = "storage",
    params(WriteQuery), request_body = AddStorage, responses((status = 201, body = Changed)))]
pub(super) async fn add_storage(
    Named(name): Named,
    edit: Edit<Write, Body<AddStorage>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        change::add_storage(draft, &name, &body.value.storage)
    })
    .await
}

/// Attaches storage that is detached to a unit.
#[utoipa::path(put, path = "/models/{model}/storage/{storage}/unit", tag = "storage",
    params(WriteQuery), request_body = AttachStorage, responses((status = 200, body = Changed)))]
pub(super) async fn attach_storage(
    Named(name): Named,
    edit: Edit<Write, Body<AttachStorage>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::attach_storage(draft, &name, &body.value.unit)
    })
    .await
}

/// Detaches storage from its unit and keeps it.
#[utoipa::path(delete, path = "/models/{model}/storage/{storage}/unit", tag = "storage",
    params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn detach_storage(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(how)| {
        change::detach_storage(draft, &name, how)
    })
    .await
}

/// Destroys storage with its content.
#[utoipa::path(delete, path = "/models/{model}/storage/{storage}", tag = "storage",
    params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn remove_storage(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(how)| {
        change::remove_storage(draft, &name, how)
    })
    .await
}
