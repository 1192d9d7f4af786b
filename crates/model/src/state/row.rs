//! Rows: the unit of change.
//!
//! The store writes and loads rows, the API and the planner change them, and
//! a [`super::ModelState`] is nothing but the rows of one model with indexes.
//! Each kind has one writer (see the types), so that the API's transactions
//! and a controller's never write the same row with different news.

use serde::{Deserialize, Serialize};

use super::{
    Application, CharmRevision, CharmSource, CharmState, Effect, Leader, Machine, MachineState,
    Model, OpenedPort, Operation, Relation, RelationApplication, RelationSeen, RelationUnit,
    RemoteSeen, Resource, Secret, SecretConsumer, SecretRevision, Storage, StorageState, Task,
    TaskLog, Unit, UnitResources, UnitState,
};
use crate::id::{
    ApplicationId, CharmId, EffectId, MachineId, RelationId, StorageInstanceId, UnitId,
};
use crate::secret::SecretId;
use crate::status::{Status, StatusKey};

/// A row's new content, or that it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The row is made or replaced.
    Put(Row),
    /// The row goes.
    Delete(RowKey),
}

impl Change {
    /// The key of the row.
    #[must_use]
    pub fn key(&self) -> RowKey {
        match self {
            Self::Put(row) => row.key(),
            Self::Delete(key) => key.clone(),
        }
    }
}

/// A row of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Row {
    /// The model itself.
    Model(Model),
    /// A charm.
    Charm(CharmRevision),
    /// An application.
    Application(Application),
    /// Where its charm comes from.
    CharmSource(CharmSource),
    /// A resource of it.
    Resource(Resource),
    /// Who leads it.
    Leader(Leader),
    /// A machine.
    Machine(Machine),
    /// What is known of it.
    MachineState(MachineState),
    /// A unit.
    Unit(Unit),
    /// What it has done.
    UnitState(UnitState),
    /// What its charm keeps.
    CharmState(CharmState),
    /// What it has of its application's resources.
    UnitResources(UnitResources),
    /// A port range it opened.
    OpenedPort(OpenedPort),
    /// A relation.
    Relation(Relation),
    /// A unit's membership and settings.
    RelationUnit(RelationUnit),
    /// An application's settings.
    RelationApplication(RelationApplication),
    /// What a unit has done in a relation.
    RelationSeen(RelationSeen),
    /// What a unit has done about a remote unit.
    RemoteSeen(RemoteSeen),
    /// A storage instance.
    Storage(Storage),
    /// Where it is.
    StorageState(StorageState),
    /// A resource of the cloud.
    Effect(Effect),
    /// A secret.
    Secret(Secret),
    /// A revision of it.
    SecretRevision(SecretRevision),
    /// What a unit reads of it.
    SecretConsumer(SecretConsumer),
    /// A status.
    Status(StatusKey, Status),
    /// What a user asked to be run; not kept in memory.
    Operation(Operation),
    /// One run of it; kept in memory until it has ended.
    Task(Task),
    /// What a run said; not kept in memory.
    TaskLog(TaskLog),
}

/// The key of a row within its model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "one per kind of row, see Row")]
pub enum RowKey {
    Model,
    Charm(CharmId),
    Application(ApplicationId),
    CharmSource(ApplicationId),
    Resource(ApplicationId, String),
    Leader(ApplicationId),
    Machine(MachineId),
    MachineState(MachineId),
    Unit(UnitId),
    UnitState(UnitId),
    CharmState(UnitId),
    UnitResources(UnitId),
    OpenedPort(OpenedPort),
    Relation(RelationId),
    RelationUnit(RelationId, UnitId),
    RelationApplication(RelationId, ApplicationId),
    RelationSeen(UnitId, RelationId),
    RemoteSeen(UnitId, RelationId, UnitId),
    Storage(StorageInstanceId),
    StorageState(StorageInstanceId),
    Effect(EffectId),
    Secret(SecretId),
    SecretRevision(SecretId, u32),
    SecretConsumer(UnitId, SecretId),
    Status(StatusKey),
    Operation(u64),
    Task(u64),
    TaskLog(u64, u64),
}

impl Row {
    /// The row's key.
    #[must_use]
    pub fn key(&self) -> RowKey {
        match self {
            Self::Model(_) => RowKey::Model,
            Self::Charm(row) => RowKey::Charm(row.id),
            Self::Application(row) => RowKey::Application(row.id),
            Self::CharmSource(row) => RowKey::CharmSource(row.application),
            Self::Resource(row) => RowKey::Resource(row.application, row.name.clone()),
            Self::Leader(row) => RowKey::Leader(row.application),
            Self::Machine(row) => RowKey::Machine(row.id),
            Self::MachineState(row) => RowKey::MachineState(row.machine),
            Self::Unit(row) => RowKey::Unit(row.id),
            Self::UnitState(row) => RowKey::UnitState(row.unit),
            Self::CharmState(row) => RowKey::CharmState(row.unit),
            Self::UnitResources(row) => RowKey::UnitResources(row.unit),
            Self::OpenedPort(row) => RowKey::OpenedPort(row.clone()),
            Self::Relation(row) => RowKey::Relation(row.id),
            Self::RelationUnit(row) => RowKey::RelationUnit(row.relation, row.unit),
            Self::RelationApplication(row) => {
                RowKey::RelationApplication(row.relation, row.application)
            }
            Self::RelationSeen(row) => RowKey::RelationSeen(row.unit, row.relation),
            Self::RemoteSeen(row) => RowKey::RemoteSeen(row.unit, row.relation, row.remote),
            Self::Storage(row) => RowKey::Storage(row.id),
            Self::StorageState(row) => RowKey::StorageState(row.storage),
            Self::Effect(row) => RowKey::Effect(row.id),
            Self::Secret(row) => RowKey::Secret(row.id),
            Self::SecretRevision(row) => RowKey::SecretRevision(row.secret, row.revision),
            Self::SecretConsumer(row) => RowKey::SecretConsumer(row.unit, row.secret),
            Self::Status(key, _) => RowKey::Status(*key),
            Self::Operation(row) => RowKey::Operation(row.number),
            Self::Task(row) => RowKey::Task(row.number),
            Self::TaskLog(row) => RowKey::TaskLog(row.task, row.n),
        }
    }
}
