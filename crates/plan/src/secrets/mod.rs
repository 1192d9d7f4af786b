//! Secrets: who reads what, the rows after their writes, their hooks, and how
//! they end with what they belong to (reference: Juju 3.6,
//! `state/secrets.go`, `uniter/secrets`).

mod access;
mod advance;
mod draft;
mod end;
mod read;
mod write;

pub use access::{SecretAccess, secret_access};
pub(crate) use advance::advance;
pub(crate) use draft::Draft;
pub use end::secret_removal;
pub(crate) use end::{end_of_application, end_of_relation, end_of_unit, pruned};
pub use read::{SecretRead, read_secret};
pub use write::{SecretFields, SecretWrite};
