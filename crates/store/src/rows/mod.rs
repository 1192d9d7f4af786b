//! Rows of a model: one file per noun, each with `load` (all of a model),
//! `by_key`, `put` and `delete` (in bulk, over models).

pub(crate) mod application;
pub(crate) mod charm;
pub(crate) mod effect;
pub(crate) mod leader;
pub(crate) mod machine;
pub(crate) mod machine_state;
pub(crate) mod model;
pub(crate) mod opened_port;
pub(crate) mod relation;
pub(crate) mod relation_application;
pub(crate) mod relation_seen;
pub(crate) mod relation_unit;
pub(crate) mod remote_seen;
pub(crate) mod status;
pub(crate) mod unit;
pub(crate) mod unit_state;

mod load;
mod write;

pub(crate) use load::{all, named};
pub(crate) use write::write;
