//! Where charms come from: directories of charms, and the charm store.
//!
//! [`CharmStore`] is what is asked of a store; [`Charmhub`] asks Charmhub's
//! API (v2). [`Catalogue`] holds the charms of directories. Neither knows
//! models or rows: who asks decides what becomes of the answer.

mod catalogue;
mod channel;
mod charmhub;
mod dir_files;
mod error;
mod store;

pub use catalogue::{Catalogue, archive, is_bundle};
pub use channel::{Channel, ChannelError};
pub use charmhub::Charmhub;
pub use dir_files::DirFiles;
pub use error::{DirError, SourceError};
pub use store::{
    Arch, CharmDetails, CharmStore, Content, Download, Found, Release, Resolved, ResourceRelease,
    Wanted,
};
