//! Relations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `POST /v1/models/{model}/relations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Integrate {
    /// Two ends: `app` or `app:endpoint`. An endpoint that is not named is
    /// found if there is only one that fits.
    pub endpoints: Vec<String>,
}

/// The query of `DELETE /v1/models/{model}/relations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RelationQuery {
    /// Two ends with a comma between: `a:db,b`.
    pub endpoints: String,
    /// Skip what fails on the way.
    pub force: bool,
    /// Answer what would go, and remove nothing.
    pub dry_run: bool,
}

/// A relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationInfo {
    /// Its number in the model.
    pub id: u64,
    /// What it joins: `app:db pg:db`, the requirer first.
    pub key: String,
    /// Its ends: one for peers, else the provider and the requirer.
    pub endpoints: Vec<RelationSide>,
    /// The interface.
    pub interface: String,
    /// `alive` or `dying`.
    pub life: String,
    /// `joining` until both ends have a unit in it, then `joined`.
    pub status: String,
}

/// An end of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationSide {
    /// The application.
    pub application: String,
    /// Its endpoint.
    pub endpoint: String,
    /// `provider`, `requirer` or `peer`.
    pub role: String,
    /// `global` or `container`.
    pub scope: String,
}

/// `GET /v1/models/{model}/relations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationList {
    /// By number.
    pub relations: Vec<RelationInfo>,
}
