//! Desired and observed state: the rows of a model, and the model in memory.

mod application;
mod charm_state;
mod charm_users;
mod effect;
mod machine;
mod memory;
mod memory_secrets;
mod relation;
mod row;
mod secret;
mod settings;
mod source;
mod space;
mod storage;
mod storage_pool;
mod storages;
mod task;
mod unit;

use std::collections::BTreeMap;

pub use application::{Application, CharmRevision, ExposeRule, Leader};
pub use charm_state::{CHARM_STATE_MAX, CharmState};
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
pub use secret::{
    Grant, Grantee, RotatePolicy, SealedContent, Secret, SecretConsumer, SecretOwner,
    SecretRevision,
};
pub use settings::{Egress, Model, SSH_IDENTITY, results_kept};
pub use source::{CharmSource, Resource, ResourceOrigin, UnitResources};
pub use space::{ALPHA, DEFAULT_SUBNET, Located, MachineInterface, Space, Subnets};
pub use storage::{Storage, StorageDirective, StorageProvider, StorageState, storage_spec};
pub use storage_pool::{ACCOUNT_TYPE, ACCOUNT_TYPES, StoragePool};
pub use storages::Storages;
pub use task::{
    EXEC, NotATaskStatus, Operation, Receiver, Task, TaskLog, TaskStatus, operation_status,
};
pub use unit::{
    HookError, LeadershipSeen, OpenedPort, RelationSeen, RemoteSeen, Resolve, Unit, UnitState,
};

/// Relation and leader settings: strings to strings, as in Juju.
pub type Settings = BTreeMap<String, String>;
