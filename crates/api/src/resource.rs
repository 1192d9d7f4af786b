//! Resources of applications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// The query of `POST /v1/models/{model}/uploads`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// The name of the file, whose extension has to be what the charm
    /// expects.
    pub filename: String,
}

/// The answer to `POST /v1/models/{model}/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// What resources are made of it by.
    pub id: String,
    /// Hex sha-256 of the content.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// `PUT .../applications/{application}/resources/{resource}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachResource {
    /// The id of an upload.
    pub upload: String,
}

/// `GET .../applications/{application}/resources`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceList {
    /// Those that the charm names, by name.
    pub resources: Vec<ResourceInfo>,
    /// What its units have of them, by unit.
    pub units: Vec<UnitResource>,
}

/// A resource of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceInfo {
    /// Its name.
    pub name: String,
    /// `file` or `oci-image`.
    pub kind: String,
    /// The name of the file as the charm finds it.
    pub path: String,
    /// What it is for.
    pub description: String,
    /// `upload` or `store`.
    pub origin: String,
    /// Its revision in the store.
    pub revision: Option<u32>,
    /// Hex sha-256 of the content; empty while nobody has given it.
    pub sha256: String,
    /// Hex sha-384 of the content.
    pub fingerprint: String,
    /// Bytes.
    pub size: u64,
    /// Whether a unit has it.
    pub used: bool,
    /// When it was given.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<OffsetDateTime>,
    /// Who gave it.
    pub username: String,
}

/// What a unit has of its application's resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitResource {
    /// The unit.
    pub unit: String,
    /// Hex sha-256 of what it fetched, by resource.
    pub fetched: BTreeMap<String, String>,
}
