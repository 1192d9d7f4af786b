//! Where an application's charm and resources come from, and what its units
//! have of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::{ApplicationId, CharmId, UnitId};

/// Where an application's charm comes from, beside the charm itself. Absent
/// for charms that were uploaded and never forced. Written by the API, except
/// that the planner removes it with the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharmSource {
    /// The application.
    pub application: ApplicationId,
    /// The channel of the store that newer revisions are looked for in, such
    /// as `latest/stable`; none for charms that no store has.
    pub channel: Option<String>,
    /// The charm that units in error change to as well (`--force-units`).
    pub forced: Option<CharmId>,
}

/// A resource that an application has. Absent while nobody has given it.
/// Written by the API, except that the planner removes it with the
/// application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The application.
    pub application: ApplicationId,
    /// Its name in the charm's metadata.
    pub name: String,
    /// Where it comes from.
    pub origin: ResourceOrigin,
    /// Hex sha-256 of the content, which is a blob of the store.
    pub sha256: String,
    /// Hex sha-384 of the content: Juju's fingerprint.
    pub fingerprint: String,
    /// Bytes.
    pub size: u64,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Where a resource comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum ResourceOrigin {
    /// A user sent it.
    Upload {
        /// Who.
        user: String,
    },
    /// It came from the charm store.
    Store {
        /// Its revision there.
        revision: u32,
    },
}

/// What a unit has seen of its application's resources. Absent: nothing.
/// Written by the planner's decisions and by the outcomes of hooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitResources {
    /// The unit.
    pub unit: UnitId,
    /// Hash of the resources that install or upgrade-charm ran with; none
    /// when there were none.
    pub level: Option<String>,
    /// Hex sha-256 of what was brought to the unit, by name.
    pub fetched: BTreeMap<String, String>,
}
