//! Storage.

use std::collections::BTreeMap;

use lazuli_model::document::storage::Storage;
use reqwest::Method;

use super::{ClientError, ModelClient};
use crate::entity::{Changed, Removal};
use crate::storage::{
    AddStorage, AttachStorage, CreateStoragePool, ImportFilesystem, StoragePools, UpdateStoragePool,
};

impl ModelClient {
    /// `GET .../storage`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn storage(&self) -> Result<Storage, ClientError> {
        self.get(&["storage"], &()).await
    }

    /// `GET .../storage-pools`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn storage_pools(&self) -> Result<StoragePools, ClientError> {
        self.get(&["storage-pools"], &()).await
    }

    /// `POST .../storage-pools`.
    ///
    /// # Errors
    ///
    /// Fails on a name that is taken, and on unknown providers and settings.
    pub async fn create_storage_pool(
        &self,
        pool: &CreateStoragePool,
    ) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["storage-pools"], pool).await
    }

    /// `PATCH .../storage-pools/{pool}`.
    ///
    /// # Errors
    ///
    /// Fails on unknown settings, and for pools that every model has.
    pub async fn update_storage_pool(
        &self,
        name: &str,
        attrs: BTreeMap<String, String>,
    ) -> Result<Changed, ClientError> {
        let body = UpdateStoragePool { attrs };
        self.write(Method::PATCH, &["storage-pools", name], &body)
            .await
    }

    /// `DELETE .../storage-pools/{pool}`.
    ///
    /// # Errors
    ///
    /// Fails when it is in use.
    pub async fn remove_storage_pool(&self, name: &str) -> Result<Changed, ClientError> {
        self.remove(&["storage-pools", name], &Removal::default())
            .await
    }

    /// `POST .../units/{unit}/storage`.
    ///
    /// # Errors
    ///
    /// Fails on what the charm does not allow, in Juju's words.
    pub async fn add_storage(
        &self,
        unit: &str,
        storage: BTreeMap<String, String>,
    ) -> Result<Changed, ClientError> {
        let body = AddStorage { storage };
        self.write(Method::POST, &["units", unit, "storage"], &body)
            .await
    }

    /// `POST .../storage`: the instance's name is the one that is added.
    ///
    /// # Errors
    ///
    /// Fails on pools that have no disks, and on what is no id of one.
    pub async fn import_filesystem(&self, what: &ImportFilesystem) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["storage"], what).await
    }

    /// `PUT .../storage/{storage}/unit`.
    ///
    /// # Errors
    ///
    /// Fails when it is attached, or the unit can have no more.
    pub async fn attach_storage(&self, id: &str, unit: &str) -> Result<Changed, ClientError> {
        let body = AttachStorage {
            unit: unit.to_owned(),
        };
        self.write(Method::PUT, &["storage", id, "unit"], &body)
            .await
    }

    /// `DELETE .../storage/{storage}/unit`.
    ///
    /// # Errors
    ///
    /// Fails when it is not attached, or is nothing without its unit.
    pub async fn detach_storage(&self, id: &str, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&["storage", id, "unit"], how).await
    }

    /// `DELETE .../storage/{storage}`.
    ///
    /// # Errors
    ///
    /// Fails when it is attached, unless forced.
    pub async fn remove_storage(&self, id: &str, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&["storage", id], how).await
    }
}
