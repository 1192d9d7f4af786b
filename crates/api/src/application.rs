//! Applications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `POST /v1/models/{model}/applications`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deploy {
    /// The url of a charm of the model, such as `local:haproxy-0`.
    pub charm: String,
    /// The application's name; the charm's when absent.
    pub name: Option<String>,
    /// How many units; 1 when absent, 0 for subordinates.
    pub num_units: Option<u32>,
    /// The base, such as `ubuntu@24.04`; when absent the best of the charm's.
    pub base: Option<String>,
    /// Settings; texts are read as on a command line.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub config: BTreeMap<String, serde_json::Value>,
    /// Constraints of its machines, such as `cores=2 mem=4G`.
    pub constraints: Option<String>,
    /// Where units go, one each: `0`, `zone=1`, `new`.
    pub placement: Vec<String>,
    /// Whether it may use the cloud's credential.
    pub trust: bool,
    /// Endpoint or extra binding (or empty for the default) to space.
    pub endpoint_bindings: BTreeMap<String, String>,
    /// Storage directives by name.
    pub storage: BTreeMap<String, String>,
    /// Resource to what was uploaded for it (`POST .../uploads`), by its id.
    pub resources: BTreeMap<String, String>,
    /// The channel that newer revisions are looked for in, for charms of the
    /// store.
    pub channel: Option<String>,
    /// Detached storage that its one unit takes over.
    pub attach_storage: Vec<String>,
    /// Deploy although the charm is not made for the base.
    pub force: bool,
}

/// `GET /v1/models/{model}/applications`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationList {
    /// By name.
    pub applications: Vec<ApplicationSummary>,
}

/// An application, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationSummary {
    /// Its name.
    pub name: String,
    /// Its charm's url.
    pub charm: String,
    /// The names of its units.
    pub units: Vec<String>,
    /// `alive` or `dying`.
    pub life: String,
    /// Whether it is exposed.
    pub exposed: bool,
}

/// `PATCH /v1/models/{model}/applications/{application}/config`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigChange {
    /// Values to set; texts are read as on a command line. `trust` is taken
    /// as Juju takes it.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub set: BTreeMap<String, serde_json::Value>,
    /// Names to go back to their defaults.
    pub reset: Vec<String>,
}

/// `PUT .../constraints` of a model or an application: replaces all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetConstraints {
    /// Such as `cores=2 mem=4G`; empty for none.
    pub constraints: String,
}

/// `GET .../constraints` of a model or an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConstraintsDocument {
    /// Such as `cores=2 mem=4096M`; empty for none.
    pub constraints: String,
}

/// `PUT .../applications/{application}/expose`: sets the rule of each
/// endpoint named, as Juju does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expose {
    /// Endpoint (or empty for all) to who may reach it; none at all: all
    /// endpoints to everybody.
    pub endpoints: BTreeMap<String, ExposeTo>,
}

/// Who may reach an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExposeTo {
    /// CIDRs; none at all: everybody.
    pub cidrs: Vec<String>,
    /// Spaces.
    pub spaces: Vec<String>,
}

/// The query of `DELETE .../applications/{application}/expose`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Unexpose {
    /// Endpoints with commas between; all when absent.
    pub endpoints: Option<String>,
    /// Answer what would change, and change nothing.
    pub dry_run: bool,
}

/// `PUT .../applications/{application}/trust`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Whether it may use the cloud's credential.
    pub trust: bool,
}

/// `PUT .../applications/{application}/charm`: another charm, or another
/// revision of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// The url of a charm of the model.
    pub charm: String,
    /// Settings that change with it.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub config: BTreeMap<String, serde_json::Value>,
    /// Resource to what was uploaded for it, by its id.
    pub resources: BTreeMap<String, String>,
    /// Store to directive, such as `pool,2,10G`, for units to come.
    pub storage: BTreeMap<String, String>,
    /// Bindings that change with it: endpoint (or empty for the default) to
    /// space.
    pub endpoint_bindings: BTreeMap<String, String>,
    /// The channel that newer revisions are looked for in; none for charms
    /// that are not the store's.
    pub channel: Option<String>,
    /// Change it although the charm does not fit the base.
    pub force: bool,
    /// Units in error change too, without upgrade-charm.
    pub force_units: bool,
    /// Whether it may use the cloud's credential; as it is when absent.
    pub trust: Option<bool>,
}

/// `PUT .../applications/{application}/base`: of machines to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBase {
    /// Such as `ubuntu@24.04`.
    pub base: String,
}
