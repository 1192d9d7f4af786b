//! Events: what happened to a model.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// Something that happened to an entity, as `GET /v1/models/{model}/events`
/// sends it. Its server-sent id is `REVISION.N`, to be given back as
/// `Last-Event-ID`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The commit.
    pub revision: u64,
    /// Counts the events of a commit from 0.
    pub n: u32,
    /// The model's id.
    pub model: String,
    /// `model`, `charm`, `application`, `machine`, `unit` or `relation`.
    pub entity: String,
    /// The entity's id.
    pub entity_id: String,
    /// The entity's name, if it is known.
    pub name: Option<String>,
    /// `created`, `changed` or `removed`.
    pub kind: String,
    /// Who did it, such as `user:admin` or `controller`.
    pub actor: String,
    /// What may be shown of it now.
    pub after: serde_json::Value,
    /// When it was committed.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// The query of `GET /v1/models/{model}/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Begin after this event, as with the header `Last-Event-ID`, which
    /// counts more: `17.0`, or a revision.
    pub since: Option<String>,
}

impl Event {
    /// The id to resume after.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}.{}", self.revision, self.n)
    }
}
