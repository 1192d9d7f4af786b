//! Desired and observed state: the rows of a model, and the model in memory.

mod application;
mod effect;
mod machine;
mod memory;
mod relation;
mod row;
mod settings;
mod storage;
mod storages;
mod unit;

use std::collections::BTreeMap;

pub use application::{Application, CharmRevision, ExposeRule, Leader};
pub use effect::{
    ChildKind, Effect, EffectFailure, EffectSpec, EffectState, Image, SecurityRule, VirtualMachine,
};
pub use machine::{
    FailureClass, Machine, MachineFacts, MachineSource, MachineState, ProvisioningFailure,
    Unreachable,
};
pub use memory::ModelState;
pub use relation::{Endpoint, EndpointRole, Relation, RelationApplication, RelationUnit};
pub use row::{Change, Row, RowKey};
pub use settings::{Egress, Model, SSH_IDENTITY};
pub use storage::{
    STORAGE_POOLS, Storage, StorageDirective, StorageProvider, StorageState, storage_pool,
    storage_spec,
};
pub use storages::Storages;
pub use unit::{
    HookError, LeadershipSeen, OpenedPort, RelationSeen, RemoteSeen, Resolve, Unit, UnitState,
};

/// Relation and leader settings: strings to strings, as in Juju.
pub type Settings = BTreeMap<String, String>;
