//! What `credential-get` says of a cloud.

use std::collections::BTreeMap;
use std::fmt;

/// A cloud with its credential, in Juju's terms. Only for applications that
/// are trusted; the credential does not show when it is printed for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct CloudSpec {
    /// Juju's type, such as `azure`.
    pub kind: String,
    /// Where the cloud is.
    pub endpoint: String,
    /// Where it identifies its users.
    pub identity_endpoint: String,
    /// Where it stores; empty when that depends on the account.
    pub storage_endpoint: String,
    /// Juju's type of the credential, such as `service-principal-secret`.
    pub auth_type: String,
    /// The credential.
    pub attributes: BTreeMap<String, String>,
}

impl fmt::Debug for CloudSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudSpec")
            .field("kind", &self.kind)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
