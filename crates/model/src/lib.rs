//! The vocabulary of Lazuli: ids, names, charm formats, desired and observed
//! state. No I/O, no clock, no randomness.

pub mod hook;
pub mod id;
pub mod life;
pub mod observed;
pub mod offer;
pub mod state;
pub mod status;
