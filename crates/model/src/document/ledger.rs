//! `cloud ledger`: every resource that the controller made at the cloud,
//! against what the cloud says is there.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The balance of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Ledger))]
#[serde(rename_all = "kebab-case")]
pub struct Ledger {
    /// The model's resource group.
    pub group: String,
    /// Whether all that should be there is, and nothing of ours beside it.
    pub balanced: bool,
    /// What each row of the ledger stands for.
    pub resources: Vec<LedgerResource>,
    /// What is in the group and in no row.
    pub unaccounted: Vec<CloudResource>,
    /// US dollars an hour, of those resources whose price is known.
    pub hourly_cost: f64,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = LedgerResource))]
#[serde(rename_all = "kebab-case")]
pub struct LedgerResource {
    /// Its name at the cloud.
    pub name: String,
    /// Such as `virtual machine`.
    pub kind: String,
    /// What it is there for: the model, a machine with its units, storage.
    pub owner: String,
    /// `planned`, `sent`, `accepted`, `present`, `deleting`, `gone` or
    /// `foreign`.
    pub state: String,
    /// Whether the cloud lists it.
    pub at_cloud: bool,
    /// Why it is out of balance; empty when it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
    /// US dollars, by the price of the time when it was chosen; none when
    /// that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_cost: Option<f64>,
    /// When the row was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created: OffsetDateTime,
    /// The cloud's id, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What the cloud lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CloudResource))]
#[serde(rename_all = "kebab-case")]
pub struct CloudResource {
    /// The cloud's id.
    pub id: String,
    /// The cloud's type, such as `Microsoft.Compute/disks`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The row of the ledger that its tags name, if they are this model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tagged: Option<String>,
}
