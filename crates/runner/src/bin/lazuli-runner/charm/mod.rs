//! Charms: archives that were uploaded, and what units have deployed.

mod archive;
mod check;
mod deploy;
mod state;
mod upload;

pub(crate) use deploy::{deploy, is_deployed};
pub(crate) use state::UnitState;
pub(crate) use upload::{take_in, upload};
