//! Storage pools.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    Changed, CreateStoragePool, Removal, StoragePool, StoragePools, UpdateStoragePool, WriteQuery,
};
use lazuli_model::state;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Lists what storage can be made from.
#[utoipa::path(get, path = "/models/{model}/storage-pools", tag = "storage",
    responses((status = 200, body = StoragePools)))]
pub(super) async fn list_storage_pools(Shown(loaded): Shown) -> Json<StoragePools> {
    let built_in = state::StoragePool::built_in().into_iter();
    let of_users = loaded.state.model().storage_pools.clone().into_iter();
    let all = of_users.chain(built_in.map(|(name, pool)| (name.to_owned(), pool)));
    Json(StoragePools {
        pools: all.map(|(name, pool)| (name, shown(pool))).collect(),
    })
}

fn shown(pool: state::StoragePool) -> StoragePool {
    StoragePool {
        provider: pool.provider.as_str().to_owned(),
        attrs: pool.attributes,
    }
}

/// Makes a pool.
#[utoipa::path(post, path = "/models/{model}/storage-pools", tag = "storage",
    params(WriteQuery), request_body = CreateStoragePool,
    responses((status = 201, body = Changed)))]
pub(super) async fn create_storage_pool(
    edit: Edit<Write, Body<CreateStoragePool>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        let pool = &body.value;
        change::create_pool(draft, &pool.name, &pool.provider, &pool.attrs)
    })
    .await
}

/// Changes settings of a pool, for storage to come.
#[utoipa::path(patch, path = "/models/{model}/storage-pools/{pool}", tag = "storage",
    params(WriteQuery), request_body = UpdateStoragePool,
    responses((status = 200, body = Changed)))]
pub(super) async fn update_storage_pool(
    Named(name): Named,
    edit: Edit<Write, Body<UpdateStoragePool>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::update_pool(draft, &name, &body.value.attrs)
    })
    .await
}

/// Removes a pool that nothing is made from.
#[utoipa::path(delete, path = "/models/{model}/storage-pools/{pool}", tag = "storage",
    params(Removal), responses((status = 200, body = Changed)))]
pub(super) async fn remove_storage_pool(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, _| change::remove_pool(draft, &name))
        .await
}
