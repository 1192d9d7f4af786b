//! The vocabulary of Lazuli: ids, names, charm formats, desired and observed
//! state. No I/O, no clock, no randomness.

pub mod address;
pub mod base;
pub mod charm;
pub mod config;
pub mod constraints;
pub mod document;
pub mod hook;
pub mod id;
pub mod life;
pub mod names;
pub mod observed;
pub mod offer;
pub mod placement;
pub mod ports;
pub mod range;
pub mod secret;
pub mod state;
pub mod status;
mod text;
pub mod yaml;

pub use text::natural_cmp;
