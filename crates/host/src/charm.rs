//! Charm archives and resources: brought to a machine on a connection of their own, so that
//! hooks go on meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lazuli_runner::frames::{Request, RunId};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::actor::Common;
use crate::backoff::Backoff;
use crate::connect::{Place, Shared};
use crate::error::{HostError, HostErrorKind};
use crate::exec::{ExecLimits, Input, remote_error};
use crate::runner::Commands;

/// Tries again of a resource whose upload was cut.
const RETRIES: u32 = 4;

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

/// Where archives of charms, and resources, come from.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The blob with this hex sha-256.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    async fn open(&self, sha256: &str) -> io::Result<Blob>;
}

/// What is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cargo {
    /// A charm's archive: nothing of its unit can run before.
    Charm,
    /// A resource: a tool of a hook waits for it.
    Resource,
}

impl Cargo {
    /// As the machine's program calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Charm => "charm",
            Self::Resource => "resource",
        }
    }

    fn step(self) -> &'static str {
        match self {
            Self::Charm => "the upload of a charm",
            Self::Resource => "the upload of a resource",
        }
    }
}

/// What is uploaded, and its hex sha-256.
type Key = (Cargo, String);

/// The uploads to one machine. Those of charms are tried until they succeed,
/// those of resources a few times: a hook waits for each.
pub(crate) struct Uploads {
    backoff: Backoff,
    tasks: JoinSet<(Key, Result<(), HostError>)>,
    waiting: BTreeMap<Key, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    runs: Vec<RunId>,
    /// Answers that hold when it is there.
    answers: Vec<Request>,
    failures: u32,
    backoff: Backoff,
}

/// An upload that ended.
pub(crate) enum Uploaded {
    /// These runs can be asked for again.
    Ready(Vec<RunId>),
    /// These answers can be given.
    Answered(Vec<Request>),
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
        let key = (Cargo::Charm, sha256.to_owned());
        let waiting = self.waiting_for(shared, place, runner, key);
        if !waiting.runs.contains(&run) {
            waiting.runs.push(run);
        }
    }

    /// Uploads the resource that an answer says is there, before it is given.
    pub(crate) fn want_resource(
        &mut self,
        shared: &Arc<Shared>,
        place: &Place,
        runner: &str,
        sha256: &str,
        answer: Request,
    ) {
        let key = (Cargo::Resource, sha256.to_owned());
        let waiting = self.waiting_for(shared, place, runner, key);
        if !waiting.answers.contains(&answer) {
            waiting.answers.push(answer);
        }
    }

    /// Who waits for an upload, which is begun unless it is under way.
    fn waiting_for(
        &mut self,
        shared: &Arc<Shared>,
        place: &Place,
        runner: &str,
        key: Key,
    ) -> &mut Waiting {
        if !self.waiting.contains_key(&key) {
            self.start(shared, place, runner, &key, Duration::ZERO);
        }
        let backoff = self.backoff.clone();
        self.waiting.entry(key).or_insert_with(|| Waiting {
            runs: Vec::new(),
            answers: Vec::new(),
            failures: 0,
            backoff,
        })
    }

    fn start(
        &mut self,
        shared: &Arc<Shared>,
        place: &Place,
        runner: &str,
        key: &Key,
        wait: Duration,
    ) {
        let (shared, place) = (Arc::clone(shared), place.clone());
        let (runner, key) = (runner.to_owned(), key.clone());
        self.tasks.spawn(async move {
            sleep(wait).await;
            let result = upload(&shared, &place, &runner, key.0, &key.1).await;
            (key, result)
        });
    }

    /// The next upload that ends; never, when there is none.
    pub(crate) async fn next(
        &mut self,
        shared: &Arc<Shared>,
        common: &Common,
        runner: &str,
    ) -> Uploaded {
        let Some(Ok((key, result))) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        let answers = match (key.0, &result) {
            (Cargo::Charm, Ok(())) => {
                let waiting = self.waiting.remove(&key);
                return Uploaded::Ready(waiting.map(|waiting| waiting.runs).unwrap_or_default());
            }
            (Cargo::Resource, Ok(())) => self.waiting.remove(&key),
            (Cargo::Resource, Err(error)) if self.is_enough(&key, error) => {
                self.waiting.remove(&key)
            }
            (_, Err(_)) => None,
        };
        let Err(error) = result else {
            return Uploaded::Answered(answers.map(|all| all.answers).unwrap_or_default());
        };
        if let Some(waiting) = answers {
            let text = error.to_string();
            let refused = waiting.answers.into_iter();
            return Uploaded::Answered(refused.map(|answer| failed(answer, &text)).collect());
        }
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.failures += 1;
            let wait = waiting.backoff.next();
            self.start(shared, &common.place(), runner, &key, wait);
        }
        Uploaded::Failed(error)
    }

    /// Whether a resource is not tried any more.
    fn is_enough(&self, key: &Key, error: &HostError) -> bool {
        let failures = self.waiting.get(key).map_or(0, |waiting| waiting.failures);
        error.kind() != HostErrorKind::Transient || failures >= RETRIES
    }
}

/// The answer that there is no such thing after all.
fn failed(answer: Request, reason: &str) -> Request {
    match answer {
        Request::Answer { run, ask, .. } => Request::Answer {
            run,
            ask,
            answer: Err(reason.to_owned()),
        },
        other => other,
    }
}

/// Uploads a blob.
async fn upload(
    shared: &Shared,
    place: &Place,
    runner: &str,
    cargo: Cargo,
    sha256: &str,
) -> Result<(), HostError> {
    let step = cargo.step();
    let blob = shared.blobs.open(sha256).await;
    let blob = blob.map_err(|cause| HostError::Blob { step, cause })?;
    let _turn = shared.transfers.enter().await;
    let session = shared.session(place).await?;
    let user = &place.target.user;
    let commands = Commands::new(user, shared.tuning.machine_root.as_deref());
    let command = commands.put(cargo, runner, sha256, blob.size);
    let limits = ExecLimits {
        deadline: shared.transfer_limit(blob.size),
        ..ExecLimits::default()
    };
    let input = Input::Stream(Box::pin(blob.reader.take(blob.size)));
    let output = session.exec(step, &command, input, &limits).await?;
    session.close().await;
    if output.success() {
        return Ok(());
    }
    let address = place.target.address;
    Err(remote_error(
        address,
        user,
        step,
        &output.ending,
        &output.stderr,
    ))
}
