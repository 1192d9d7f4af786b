//! Documents to text: pure functions.

pub(crate) mod changes;
pub(crate) mod constraints;
pub(crate) mod documentation;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod machines;
pub(crate) mod models;
pub(crate) mod operation;
pub(crate) mod order;
pub(crate) mod relations;
pub(crate) mod resources;
pub(crate) mod secrets;
pub(crate) mod select;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod status_brief;
pub(crate) mod status_rows;
pub(crate) mod storage;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod times;
