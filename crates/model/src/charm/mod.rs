//! Charms: their files, what the files declare, and the archives that carry them.
//!
//! [`Charm::parse`] reads a charm from any [`CharmFiles`] (an archive, files in memory, a directory of the CLI) and
//! validates it as Juju 3.6 does; errors name the file and the line. [`archive::check`] judges an archive before
//! anything of it is unpacked, [`archive::pack`] makes one.

mod actions;
pub mod archive;
mod assumes;
mod bases;
mod charmcraft;
mod document;
mod endpoints;
mod error;
mod files;
mod hooks;
mod metadata;
mod options;
mod parse;
mod resources;
mod storage;

pub use actions::{Action, Actions};
pub use assumes::{Assumes, Comparison, JujuVersion};
pub use bases::{Manifest, ManifestBase};
pub use endpoints::{Endpoint, JUJU_INFO, Scope};
pub use error::CharmError;
pub use files::{CharmFiles, Entry, EntryKind, LinkFault, MapFiles, ReadError, follow};
pub use hooks::{HookIndex, Script};
pub use metadata::Metadata;
pub use parse::Charm;
pub use resources::{Device, ResourceKind, ResourceSpec};
pub use storage::{STORAGE_DIRECTORY, StorageKind, StorageSpec};

#[cfg(test)]
mod tests;
