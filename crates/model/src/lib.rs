//! The vocabulary of Lazuli: ids, names, charm formats, desired and observed state.

pub mod base;
pub mod charm;
pub mod config;
pub mod constraints;
pub mod names;
pub mod placement;
pub mod ports;
mod text;
pub mod yaml;

pub use text::natural_cmp;
