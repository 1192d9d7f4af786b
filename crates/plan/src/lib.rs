//! The pure planner: what to decide, what to do next, and why everything else
//! waits.
//!
//! [`plan_subject`] looks at one subject (the model, an application, a
//! machine, a unit, a relation) and says all there is to say of it now. A
//! whole plan is the union over all subjects; [`affected`] says which subjects
//! a change of a row can touch, and planning only those gives the same as
//! planning all (a property test holds it). There is no clock, no randomness
//! and no I/O here: the time, what is in flight and what the cloud offers are
//! inputs.

mod added;
mod advance;
mod affected;
mod bags;
mod cloud;
pub mod document;
mod foreign;
mod leader;
mod network;
mod outcome;
mod put_off;
mod resources;
mod secrets;
mod settings;
mod storage;
mod subject;
mod task;
mod task_outcome;
mod types;
mod unit;

pub use added::{Asked, check_count, directives, unit_count};
pub use affected::{affected, subjects};
pub use cloud::SharedNames;
pub use foreign::is_foreign;
pub use leader::{leader_grant_millis, renewed_grant};
pub use network::bound;
pub use outcome::{Ended, Exit, HookWrite, ImmediateWrite, commit_outcome, immediate};
pub use put_off::PutOff;
pub use resources::fetch_resource;
pub use secrets::{
    SecretAccess, SecretFields, SecretRead, SecretWrite, read_secret, secret_access, secret_removal,
};
pub use settings::effective_config;
pub use subject::{is_ready, plan_subject};
pub use task::{Turn, task_charm, turn};
pub use task_outcome::{TaskEnded, TaskExit, commit_command, commit_task, task_said};
pub use types::{
    Action, Blocked, InFlight, Inputs, Levels, Look, Running, RunningTask, Subject, SubjectPlan,
};
pub use unit::takes_part;
