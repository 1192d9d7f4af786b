//! Units.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/models/{model}/applications/{application}/units`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddUnits {
    /// How many more.
    #[serde(default = "one")]
    pub count: u32,
    /// Where they go, one each: `0`, `zone=1`, `new`.
    #[serde(default)]
    pub placement: Vec<String>,
    /// Detached storage that the one new unit takes over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attach_storage: Vec<String>,
}

fn one() -> u32 {
    1
}

/// `POST /v1/models/{model}/units/{unit}/resolved`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// Run the hook that failed again; or go on as if it had succeeded.
    pub retry: bool,
}
