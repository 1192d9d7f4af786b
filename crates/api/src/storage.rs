//! Storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/models/{model}/units/{unit}/storage`: more instances for a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddStorage {
    /// Store of the charm to directive, such as `pool,2,10G`; all parts and
    /// the whole may be left out.
    pub storage: BTreeMap<String, String>,
}

/// `PUT /v1/models/{model}/storage/{storage}/unit`: attaches an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachStorage {
    /// The unit's name.
    pub unit: String,
}

/// `GET /v1/models/{model}/storage-pools`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoragePools {
    /// By name.
    pub pools: BTreeMap<String, StoragePool>,
}

/// `POST /v1/models/{model}/storage`: from a disk or a snapshot of the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportFilesystem {
    /// The pool that its own disk is made from.
    pub pool: String,
    /// The cloud's id of the disk or the snapshot, which is copied.
    pub provider_id: String,
    /// The store that it is for, such as `data`.
    pub storage: String,
}

/// `POST /v1/models/{model}/storage-pools`: a new pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateStoragePool {
    /// Its name: a letter, then letters, digits and hyphens.
    pub name: String,
    /// Where its storage is kept: `azure`, `loop`, `rootfs`, `tmpfs`.
    pub provider: String,
    /// Settings of that provider.
    #[serde(default)]
    pub attrs: BTreeMap<String, String>,
}

/// `PATCH /v1/models/{model}/storage-pools/{pool}`: settings to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateStoragePool {
    /// Settings that change; others stay.
    pub attrs: BTreeMap<String, String>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoragePool {
    /// Where its storage is kept: `azure`, `loop`, `rootfs`, `tmpfs`.
    pub provider: String,
    /// What is special about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
}
