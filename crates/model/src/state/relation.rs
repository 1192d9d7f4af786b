//! Relations and their settings.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Settings;
use crate::id::{ApplicationId, RelationId, UnitId};
use crate::life::Life;
use crate::names::{EndpointName, UnitName};

/// A relation. Written by the API (peers: with the application), except that
/// the planner removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its id.
    pub id: RelationId,
    /// Its number, unique in the model and never used again.
    pub number: u64,
    /// One endpoint for peers, else provider and requirer, in that order.
    pub endpoints: Vec<Endpoint>,
    /// Alive, or dying.
    pub life: Life,
    /// Removal skips what fails.
    pub force: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// One end of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The application.
    pub application: ApplicationId,
    /// The endpoint's name in its charm.
    pub name: EndpointName,
    /// The interface.
    pub interface: String,
    /// Its role.
    pub role: EndpointRole,
    /// Whether the relation holds only between units of one machine.
    pub container_scoped: bool,
}

/// The role of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointRole {
    /// `provides`.
    Provider,
    /// `requires`.
    Requirer,
    /// `peers`.
    Peer,
}

impl Relation {
    /// Whether it is a peer relation.
    #[must_use]
    pub fn is_peer(&self) -> bool {
        self.endpoints.len() == 1
    }

    /// The end of `application`.
    #[must_use]
    pub fn local(&self, application: ApplicationId) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.application == application)
    }

    /// The end that units of `application` see as remote: the other one, or
    /// their own in a peer relation.
    #[must_use]
    pub fn remote(&self, application: ApplicationId) -> Option<&Endpoint> {
        self.local(application)?;
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.application != application)
            .or_else(|| self.endpoints.first())
    }

    /// Whether the relation holds only between units of one machine.
    #[must_use]
    pub fn is_container_scoped(&self) -> bool {
        self.endpoints.iter().any(|end| end.container_scoped)
    }
}

/// A unit's membership and settings in a relation. It stays when the unit
/// leaves (the settings stay readable while the relation lives) and goes with
/// the relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationUnit {
    /// The relation.
    pub relation: RelationId,
    /// The unit.
    pub unit: UnitId,
    /// Its name: those who still have to hear that it left know it by this
    /// row alone when the unit is gone.
    pub name: UnitName,
    /// Whether others see it as a member.
    pub in_scope: bool,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Raised by each change of the settings, from 1.
    pub version: u64,
}

/// An application's settings in a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationApplication {
    /// The relation.
    pub relation: RelationId,
    /// The application.
    pub application: ApplicationId,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Raised by each change of the settings, from 1.
    pub version: u64,
}
