//! Charms of a model.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::Written;

/// The answer to `POST /v1/models/{model}/charms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharmAdded {
    /// How far the model is; absent when it had this archive already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// The charm.
    pub charm: CharmInfo,
    /// What was odd about the archive, for people.
    pub notices: Vec<String>,
}

/// A charm at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharmInfo {
    /// What to deploy it by, such as `local:haproxy-0`.
    pub url: String,
    /// Its name.
    pub name: String,
    /// Its revision in this model.
    pub revision: u32,
    /// Hex sha-256 of the archive.
    pub sha256: String,
    /// Whether it is a subordinate.
    pub subordinate: bool,
    /// The bases that it says it runs on, in its order.
    pub bases: Vec<String>,
}

/// `GET /v1/models/{model}/charms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharmList {
    /// By name and revision.
    pub charms: Vec<CharmInfo>,
}
