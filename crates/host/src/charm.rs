//! Charm archives: brought to a machine on a connection of their own, so that
//! hooks go on meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lazuli_runner::frames::RunId;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::actor::Common;
use crate::backoff::Backoff;
use crate::connect::{Place, Shared};
use crate::error::HostError;
use crate::exec::{ExecLimits, Input, remote_error};
use crate::runner::Commands;

const STEP: &str = "the upload of a charm";

/// An open archive.
pub struct Blob {
    /// Bytes it has.
    pub size: u64,
    /// The bytes.
    pub reader: Pin<Box<dyn AsyncRead + Send>>,
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self {
            size: bytes.len() as u64,
            reader: Box::pin(io::Cursor::new(bytes)),
        }
    }
}

/// Where archives of charms come from.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The archive with this hex sha-256.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    async fn open(&self, sha256: &str) -> io::Result<Blob>;
}

/// The uploads to one machine, each tried until it succeeds.
pub(crate) struct Uploads {
    backoff: Backoff,
    tasks: JoinSet<(String, Result<(), HostError>)>,
    waiting: BTreeMap<String, Waiting>,
}

struct Waiting {
    runs: Vec<RunId>,
    backoff: Backoff,
    /// Before the next try.
    wait: Duration,
}

/// An upload that ended.
pub(crate) enum Uploaded {
    /// These runs can be asked for again.
    Ready(Vec<RunId>),
    /// It failed, and is tried again.
    Failed(HostError),
}

impl Uploads {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            tasks: JoinSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Uploads what a run lacks.
    pub(crate) fn want(
        &mut self,
        shared: &Arc<Shared>,
        place: &Place,
        runner: &str,
        sha256: &str,
        run: RunId,
    ) {
        if let Some(waiting) = self.waiting.get_mut(sha256) {
            if !waiting.runs.contains(&run) {
                waiting.runs.push(run);
            }
            return;
        }
        let waiting = Waiting {
            runs: vec![run],
            backoff: self.backoff.clone(),
            wait: Duration::ZERO,
        };
        self.waiting.insert(sha256.to_owned(), waiting);
        self.start(shared, place, runner, sha256);
    }

    fn start(&mut self, shared: &Arc<Shared>, place: &Place, runner: &str, sha256: &str) {
        let (shared, place) = (Arc::clone(shared), place.clone());
        let (runner, sha256) = (runner.to_owned(), sha256.to_owned());
        let waiting = self.waiting.get(&sha256);
        let wait = waiting.map(|waiting| waiting.wait).unwrap_or_default();
        self.tasks.spawn(async move {
            sleep(wait).await;
            let result = upload(&shared, &place, &runner, &sha256).await;
            (sha256, result)
        });
    }

    /// The next upload that ends; never, when there is none.
    pub(crate) async fn next(
        &mut self,
        shared: &Arc<Shared>,
        common: &Common,
        runner: &str,
    ) -> Uploaded {
        let Some(Ok((sha256, result))) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        match result {
            Ok(()) => {
                let waiting = self.waiting.remove(&sha256);
                Uploaded::Ready(waiting.map(|waiting| waiting.runs).unwrap_or_default())
            }
            Err(error) => {
                if let Some(waiting) = self.waiting.get_mut(&sha256) {
                    waiting.wait = waiting.backoff.next();
                    self.start(shared, &common.place(), runner, &sha256);
                }
                Uploaded::Failed(error)
            }
        }
    }
}

/// Uploads an archive.
async fn upload(
    shared: &Shared,
    place: &Place,
    runner: &str,
    sha256: &str,
) -> Result<(), HostError> {
    let blob = shared.blobs.open(sha256).await;
    let blob = blob.map_err(|cause| HostError::Blob { step: STEP, cause })?;
    let _turn = shared.transfers.enter().await;
    let session = shared.session(place).await?;
    let user = &place.target.user;
    let commands = Commands::new(user, shared.tuning.machine_root.as_deref());
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
