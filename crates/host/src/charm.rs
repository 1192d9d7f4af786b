//! Charm archives: brought to a machine on a connection of their own, so that
//! hooks go on meanwhile.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::connect::{Place, Shared};
use crate::error::Error;
use crate::exec::{ExecLimits, Input, remote_error};
use crate::runner::Commands;
use crate::ssh::Session;

const STEP: &str = "the upload of a charm";

/// An open blob.
pub struct Blob {
    /// Bytes it has.
    pub size: u64,
    /// The bytes.
    pub reader: Pin<Box<dyn AsyncRead + Send>>,
}

/// A blob to come.
pub type BlobFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Blob>> + Send + 'a>>;

/// Where charm archives come from.
pub trait Blobs: Send + Sync {
    /// Opens the blob with this hex sha-256.
    fn open<'a>(&'a self, sha256: &'a str) -> BlobFuture<'a>;
}

/// The archives a machine has.
#[derive(Debug, Default)]
pub(crate) struct Charms {
    present: Mutex<BTreeSet<String>>,
    /// One upload to a machine at a time.
    pub(crate) uploading: tokio::sync::Mutex<()>,
}

impl Charms {
    fn set(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self, sha256: &str) -> bool {
        self.set().contains(sha256)
    }

    pub(crate) fn replace(&self, present: &[String]) {
        *self.set() = present.iter().cloned().collect();
    }

    pub(crate) fn add(&self, sha256: &str) {
        self.set().insert(sha256.to_owned());
    }

    pub(crate) fn remove(&self, sha256: &str) {
        self.set().remove(sha256);
    }
}

/// Uploads an archive.
pub(crate) async fn upload(
    shared: &Shared,
    place: &Place,
    runner: &str,
    sha256: &str,
    blobs: &dyn Blobs,
) -> Result<(), Error> {
    let blob = blobs.open(sha256).await.map_err(|source| Error::Blob {
        sha256: sha256.to_owned(),
        source,
    })?;
    let _turn = shared.transfers.enter().await;
    let session = Session::open(&shared.config, &place.target, &place.identity).await?;
    let user = &place.target.user;
    let commands = Commands::new(user, shared.config.machine_root.as_deref());
    let command = commands.put_charm(runner, sha256, blob.size);
    let limits = ExecLimits {
        deadline: shared.transfer_limit(blob.size),
        ..ExecLimits::default()
    };
    let input = Input::Stream(Box::pin(blob.reader.take(blob.size)));
    let output = session.exec(STEP, &command, input, &limits).await?;
    session.close().await;
    if output.success() {
        return Ok(());
    }
    let address = place.target.address;
    Err(remote_error(
        address,
        user,
        STEP,
        &output.ending,
        &output.stderr,
    ))
}
