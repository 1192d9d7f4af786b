//! What the server needs from outside, handed in by the daemon.

use std::io;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::ModelId;
use tokio::io::{AsyncRead, AsyncWrite};

/// The name of the secret of a model that holds the private half of its SSH
/// identity, in OpenSSH's form.
pub const SSH_IDENTITY: &str = "ssh-identity";

/// Makes SSH identities.
pub trait Keys: Send + Sync + 'static {
    /// A new ed25519 pair.
    ///
    /// # Errors
    ///
    /// Fails, with the reason, when the system gives no randomness.
    fn generate(&self, comment: &str) -> Result<KeyPair, String>;
}

/// An SSH identity.
#[derive(Clone)]
pub struct KeyPair {
    /// The private half, in OpenSSH's form.
    pub private: Vec<u8>,
    /// The public half, in OpenSSH's one-line form.
    pub public: String,
}

/// Bytes both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Opens connections to machines. Whom it may be asked for is checked before.
pub trait Dialer: Send + Sync + 'static {
    /// A connection to a machine of this model.
    fn dial(
        &self,
        model: ModelId,
        address: SocketAddr,
    ) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>>;
}

/// Looks at what there is at the cloud.
pub trait Inventory: Send + Sync + 'static {
    /// What a model's resource group holds; none when there is no such group.
    ///
    /// # Errors
    ///
    /// Fails, with the reason for people, when the cloud does not answer.
    fn contents(
        &self,
        model: ModelId,
        group: String,
    ) -> BoxFuture<'_, Result<Option<Vec<CloudResource>>, String>>;
}
