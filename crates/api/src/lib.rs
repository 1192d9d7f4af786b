//! The REST API of Lazuli: its types, one definition for both sides, and a
//! typed client.
//!
//! Inputs refuse unknown fields, so that a misspelt one is an error and not a
//! surprise. Constraints, bases, placements and names travel as Juju's texts
//! and are parsed by the server. Documents that Juju's CLI prints (status,
//! show-unit, ...) are [`lazuli_model::document`]'s.

mod application;
mod auth;
mod charm;
pub mod client;
mod entity;
mod event;
mod history;
mod log;
mod machine;
mod model;
mod operation;
mod problem;
mod relation;
mod resource;
mod secret;
pub mod source;
mod space;
mod storage;
mod unit;

pub use application::{
    ApplicationList, ApplicationSummary, ConfigChange, ConstraintsDocument, Deploy, Expose,
    ExposeTo, Refresh, SetBase, SetConstraints, Trust, Unexpose,
};
pub use auth::{
    LoggedIn, Login, NewUser, PasswordChange, UserInfo, UserList, UserUpdate, VersionInfo, Whoami,
};
pub use charm::{CharmAdded, CharmInfo, CharmList};
pub use client::{Client, ClientError};
pub use entity::{ChangeKind, Changed, EntityChange, EntityKind, Removal, WriteQuery, Written};
pub use event::{Event, EventQuery};
pub use history::{StatusEntry, StatusLog, StatusLogQuery};
pub use log::{LogLine, LogPage, LogQuery};
pub use machine::{AddMachines, HostKeys, ManualHost};
pub use model::{
    AccessGrant, AccessLevel, AccessList, AuthorizedKeys, ModelAdded, ModelConfigChange,
    ModelConfigDocument, ModelConfigValue, ModelInfo, ModelList, ModelMachine, ModelStatusInfo,
    ModelUser, NewModel, SshKeys, StatusQuery,
};
pub use operation::{
    ActionInfo, ActionList, CancelTask, Exec, HookList, OperationInfo, OperationList,
    OperationQuery, RunAction, TaskInfo, TaskLine,
};
pub use problem::{Class, Code, FieldError, PROBLEM_JSON, Problem};
pub use relation::{Integrate, RelationInfo, RelationList, RelationQuery, RelationSide};
pub use resource::{
    AttachResource, ResourceInfo, ResourceList, UnitResource, UploadQuery, Uploaded,
};
pub use secret::{
    NewSecret, SecretAccessChange, SecretAccessInfo, SecretContent, SecretContentQuery, SecretData,
    SecretInfo, SecretList, SecretRemoval, SecretRevisionInfo, SecretUpdate,
};
pub use source::{
    Choice, NamedAdded, NamedCharm, StoreCharm, StoreCharmInfo, StoreCharms, StoreRelease,
    StoreResource,
};
pub use space::{AddSpace, Bind, ChangeSpace, SpaceInfo, SpaceList, SubnetInfo};
pub use storage::{
    AddStorage, AttachStorage, CreateStoragePool, ImportFilesystem, StoragePool, StoragePools,
    UpdateStoragePool,
};
pub use unit::{AddUnits, Resolved};
