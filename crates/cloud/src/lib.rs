//! The [`Cloud`] trait of idempotent verbs, and its providers.
//!
//! A verb is given a row of the ledger that is committed already, under a
//! name that the planner chose; so doing it twice, or by two replicas, is
//! harmless. What to do about an error follows from its class, in the
//! planner: nothing here retries.

mod azure;
mod custom_data;
mod error;
mod spec;
mod verbs;

pub use azure::{Azure, AzureConfig};
pub use error::CloudError;
pub use spec::CloudSpec;
pub use verbs::{
    Call, Cloud, Down, Fence, Health, MachineOrder, Progress, SeenMachine, Survey, Usage,
};
