//! From nothing to a supervisor's channel: login, a look at the machine, the
//! wait for its first boot, the runner's upload.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::charm::Blobs;
use crate::config::{HostConfig, Tuning};
use crate::dialer::Dialer;
use crate::error::HostError;
use crate::event::State;
use crate::exec::{ExecLimits, Input, last_lines, remote_error};
use crate::facts::{self, BOOT_WAIT, Facts, Probed};
use crate::gate::Gate;
use crate::keys::Identity;
use crate::link::{Link, nonce};
use crate::runner::{Commands, Runner, Runners};
use crate::ssh::{Session, Target};

/// The slowest rate of an upload that is put up with, bytes per second.
const SLOWEST: u64 = 4 << 10;

/// What all machines share.
pub(crate) struct Shared {
    pub(crate) dialer: Dialer,
    pub(crate) idle: Duration,
    pub(crate) tuning: Tuning,
    pub(crate) runners: Runners,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) seats: Gate,
    pub(crate) transfers: Gate,
}

impl Shared {
    pub(crate) fn new(config: HostConfig, tuning: Tuning, blobs: Arc<dyn Blobs>) -> Self {
        Self {
            dialer: config.dialer,
            idle: config.idle,
            runners: Runners::new(config.runners),
            blobs,
            seats: Gate::new(config.max),
            transfers: Gate::new(tuning.transfers),
            tuning,
        }
    }

    /// Connects and logs in.
    pub(crate) async fn session(&self, place: &Place) -> Result<Session, HostError> {
        Session::open(&self.dialer, &self.tuning, &place.target, &place.identity).await
    }

    /// How long an upload of so many bytes may take.
    pub(crate) fn transfer_limit(&self, size: u64) -> Duration {
        self.tuning.transfer + Duration::from_secs(size / SLOWEST)
    }
}

/// Where a machine is and who we are there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) target: Target,
    pub(crate) identity: Identity,
}

/// Says what is being done.
#[derive(Clone, Debug)]
pub(crate) struct Steps(pub(crate) Arc<watch::Sender<State>>);

impl Steps {
    pub(crate) fn say(&self, step: &'static str) {
        let since = Instant::now();
        self.0.send_replace(State::Connecting { since, step });
    }
}

/// A supervisor's channel, not attached yet.
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) session: Arc<Session>,
    /// Hash of the runner that serves.
    pub(crate) runner: String,
}

/// Makes a connection to the supervisor.
///
/// # Errors
/// Whatever is in the way.
pub(crate) async fn connect(
    shared: Arc<Shared>,
    place: Place,
    steps: Steps,
) -> Result<Connection, HostError> {
    steps.say("connecting over SSH");
    let session = shared.session(&place).await?;
    let user = &place.target.user;
    let commands = Commands::new(user, shared.tuning.machine_root.as_deref());
    if place.target.waits_for_cloud_init {
        steps.say("waiting for the first boot's set-up to finish");
    }
    let (facts, present) = look(&shared.tuning, &session, &place.target, &commands).await?;
    let runner = shared.runners.get(&facts.uname).await?;
    if !present.contains(&runner.sha256) {
        steps.say("uploading lazuli-runner");
        upload(&shared, &session, user, &commands, &runner).await?;
    }
    steps.say("attaching to the supervisor");
    let serve = commands.serve(&runner.sha256);
    let mut opened = open(&shared.tuning, &session, user, &serve).await;
    if let Err(HostError::Remote { ending, .. }) = &opened
        && matches!(ending.as_str(), "exit code 126" | "exit code 127")
    {
        // The file is there but is no program: a disk lost its content.
        steps.say("uploading lazuli-runner again");
        upload(&shared, &session, user, &commands, &runner).await?;
        opened = open(&shared.tuning, &session, user, &serve).await;
    }
    Ok(Connection {
        link: opened?,
        session: Arc::new(session),
        runner: runner.sha256,
    })
}

async fn open(
    tuning: &Tuning,
    session: &Session,
    user: &str,
    serve: &str,
) -> Result<Link, HostError> {
    let limit = tuning.attach;
    timeout(limit, Link::open(session, user, serve))
        .await
        .unwrap_or(Err(HostError::Slow {
            address: session.address(),
            step: "attaching to the supervisor",
            after: limit,
        }))
}

/// Looks at the machine, once its first boot's set-up is finished.
///
/// # Errors
/// [`HostError::Booting`] when it does not finish in time, and whatever else is in
/// the way.
pub(crate) async fn look(
    tuning: &Tuning,
    session: &Session,
    target: &Target,
    commands: &Commands,
) -> Result<(Facts, Vec<String>), HostError> {
    const STEP: &str = "looking at the machine";
    let address = session.address();
    let began = Instant::now();
    loop {
        let mark = nonce();
        let wait = if target.waits_for_cloud_init {
            BOOT_WAIT.min(tuning.look)
        } else {
            Duration::ZERO
        };
        let script = facts::script(&mark, commands.runners(), wait);
        let limits = ExecLimits {
            deadline: wait + tuning.login,
            ..ExecLimits::default()
        };
        let input = Input::Bytes(script.into());
        let output = session
            .exec(STEP, &commands.shell(), input, &limits)
            .await?;
        if !output.success() {
            let user = &target.user;
            return Err(remote_error(
                address,
                user,
                STEP,
                &output.ending,
                &output.stderr,
            ));
        }
        match facts::parse(address, &mark, &output.stdout)? {
            Probed::Ready { facts, runners } => {
                return Ok((facts, runners));
            }
            Probed::Booting if began.elapsed() >= tuning.look => {
                return Err(HostError::Booting {
                    after: began.elapsed(),
                });
            }
            Probed::Booting => {}
        }
    }
}

async fn upload(
    shared: &Shared,
    session: &Session,
    user: &str,
    commands: &Commands,
    runner: &Runner,
) -> Result<(), HostError> {
    const STEP: &str = "the upload of lazuli-runner";
    let size = runner.bytes.len();
    let limits = ExecLimits {
        deadline: shared.transfer_limit(size as u64),
        ..ExecLimits::default()
    };
    let command = commands.put_runner(&runner.sha256, size);
    let input = Input::Bytes(runner.bytes.clone());
    let output = session.exec(STEP, &command, input, &limits).await?;
    if output.success() {
        tracing::debug!(address = %session.address(), sha256 = %runner.sha256, "uploaded lazuli-runner");
        return Ok(());
    }
    let stderr = last_lines(&output.stderr);
    Err(remote_error(
        session.address(),
        user,
        STEP,
        &output.ending,
        &stderr,
    ))
}
