//! Charms, applications and leadership.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Settings, StorageDirective};
use crate::base::Base;
use crate::charm::Charm;
use crate::constraints::Constraints;
use crate::id::{ApplicationId, CharmId, UnitId};
use crate::life::Life;
use crate::names::{ApplicationName, StorageName};

/// A charm at a revision in a model. Written by the API, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CharmRevision {
    /// Its id.
    pub id: CharmId,
    /// Such as `local:haproxy-0`.
    pub url: String,
    /// The charm's name.
    pub name: String,
    /// Counts from 0 per model and name for local charms.
    pub revision: u32,
    /// Hex sha-256 of the archive, which is a blob of the store.
    pub sha256: String,
    /// What the archive says.
    pub charm: Arc<Charm>,
}

/// An application. Written by the API, except that the planner removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Its name, unique among the model's applications that are not dead.
    pub name: ApplicationName,
    /// The charm it should run.
    pub charm: CharmId,
    /// The base that new machines for it get.
    pub base: Base,
    /// Constraints of new machines, before the model's are merged in.
    pub constraints: Constraints,
    /// Settings that a user made; the charm's defaults are not in it.
    pub config: crate::config::Settings,
    /// Endpoint (or empty for all) to who may reach it; none when not exposed.
    pub exposed: Option<BTreeMap<String, ExposeRule>>,
    /// Endpoint or extra binding (or empty for all others) to space; see
    /// [`Application::space_of`].
    pub bindings: BTreeMap<String, String>,
    /// What each new unit gets for the charm's stores.
    pub storage: BTreeMap<StorageName, StorageDirective>,
    /// Whether it may use the cloud's credential.
    pub trust: bool,
    /// Alive, or dying.
    pub life: Life,
    /// Removal skips what fails.
    pub force: bool,
    /// The number of the next unit; numbers are never used again.
    pub next_unit: u32,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Who may reach an exposed endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposeRule {
    /// CIDRs; none at all means everybody.
    #[serde(rename = "expose-to-cidrs", default)]
    pub cidrs: Vec<String>,
    /// Spaces.
    #[serde(rename = "expose-to-spaces", default)]
    pub spaces: Vec<String>,
}

/// Who leads an application: a committed assignment. Written by the planner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leader {
    /// The application.
    pub application: ApplicationId,
    /// The leader; none while a former one may still hold itself the leader.
    pub unit: Option<UnitId>,
    /// Until when the last hook that was granted leadership may believe in
    /// it; a successor is committed only after this time, or after that
    /// hook's outcome.
    #[serde(with = "time::serde::rfc3339::option")]
    pub granted_until: Option<OffsetDateTime>,
    /// `leader-get`'s settings.
    pub settings: Arc<Settings>,
    /// Raised by each `leader-set` that changed something, from 1.
    pub version: u64,
}
