//! Juju's documents as pure functions of rows: status, show-unit,
//! show-application, config.

mod application;
mod goal_state;
mod ledger;
mod machine;
mod relation;
mod status;
mod storage;
mod unit;

#[cfg(test)]
mod tests;

pub use application::{application_config, show_application};
pub use goal_state::goal_state;
pub use ledger::ledger;
pub use machine::machine_document;
pub use relation::{is_joined, relation_key};
pub use status::{application_status, model_document, status_document};
pub use storage::storage_document;
pub use unit::{show_unit, unit_address};
