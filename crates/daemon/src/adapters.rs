//! What the server and the hosts need of each other's worlds; neither knows
//! the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use lazuli_cloud::Cloud;
use lazuli_host::{Blob, Blobs};
use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::ModelId;
use lazuli_server::{ByteStream, KeyPair};
use lazuli_store::Store;
use tokio_util::io::StreamReader;

/// Tunnels are opened as the controller opens its own connections.
pub(crate) struct TunnelDialer(pub(crate) lazuli_host::Dialer);

impl lazuli_server::Dialer for TunnelDialer {
    fn dial(
        &self,
        _model: ModelId,
        address: SocketAddr,
    ) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        async move {
            let stream = self.0.connect(address, Duration::from_secs(10)).await?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        }
        .boxed()
    }
}

/// The cloud that the controller works with.
pub(crate) struct CloudInventory(pub(crate) Arc<dyn Cloud>);

impl lazuli_server::Inventory for CloudInventory {
    fn contents(
        &self,
        model: ModelId,
        group: String,
    ) -> BoxFuture<'_, Result<Option<Vec<CloudResource>>, String>> {
        async move {
            let found = self.0.contents(model, &group).await;
            found.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

/// SSH identities of models.
pub(crate) struct SshKeys;

impl lazuli_server::Keys for SshKeys {
    fn generate(&self, comment: &str) -> Result<KeyPair, String> {
        let pair = lazuli_host::keys::generate(comment).map_err(|error| error.to_string())?;
        Ok(KeyPair {
            private: pair.private.expose().as_bytes().to_vec(),
            public: pair.public,
        })
    }
}

/// Charms on their way from the store to machines.
pub(crate) struct StoreBlobs(pub(crate) Store);

#[async_trait]
impl Blobs for StoreBlobs {
    async fn open(&self, sha256: &str) -> io::Result<Blob> {
        let pool = self.0.pool();
        let found = lazuli_store::blobs::find(pool, sha256).await;
        let blob = found
            .map_err(io::Error::other)?
            .ok_or(io::ErrorKind::NotFound)?;
        let chunks = lazuli_store::blobs::get(pool, sha256).map_err(io::Error::other);
        Ok(Blob {
            size: blob.size,
            reader: Box::pin(StreamReader::new(Box::pin(chunks))),
        })
    }
}
