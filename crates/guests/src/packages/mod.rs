//! Where guests get packages from.
//!
//! The index is the machine's own, as its package manager last fetched it;
//! a package is fetched by the machine when a guest first asks for it. So
//! guests need no way to a real archive, and nothing names one.
//!
//! The source listens outside ([`PACKAGES`](crate::PACKAGES) in the namespace
//! `internet`): a guest reaches it if its network lets it out, as it would
//! reach an archive's mirror from Azure.

mod fetch;
mod http;
mod index;
mod server;
mod version;

pub use server::{PackageOptions, PackageSource};
