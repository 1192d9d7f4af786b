//! Sealing: what must not be readable in the database or its backups.
//!
//! AES-256-GCM in an envelope. The controller's key comes from a file and
//! wraps one data key per model; the data key seals the model's secrets and
//! the frozen bodies of its effects. Each sealing is bound to its place (the
//! associated data), so that one ciphertext cannot be moved to another row.

mod cipher;
mod content;
mod keys;

pub use cipher::{SealError, Sealed};
pub use keys::{DataKey, Sealer};

pub(crate) use keys::data_key;
