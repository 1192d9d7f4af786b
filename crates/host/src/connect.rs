//! From nothing to a supervisor's channel: login, a look at the machine, the
//! wait for its first boot, the runner's upload.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::config::HostConfig;
use crate::error::Error;
use crate::event::State;
use crate::exec::{ExecLimits, Input, last_lines, remote_error};
use crate::facts::{self, BOOT_WAIT, Facts, Probed};
use crate::gate::Gate;
use crate::keys::Identity;
use crate::link::{Link, nonce};
use crate::runner::{Commands, Runner, Runners};
use crate::ssh::Session;
use crate::target::Target;

/// The slowest rate of an upload that is put up with, bytes per second.
const SLOWEST: u64 = 4 << 10;

/// What all machines share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: HostConfig,
    pub(crate) runners: Runners,
    pub(crate) seats: Gate,
    pub(crate) transfers: Gate,
}

impl Shared {
    pub(crate) fn new(config: HostConfig) -> Self {
        Self {
            runners: Runners::new(config.runners.clone()),
            seats: Gate::new(config.ssh_max),
            transfers: Gate::new(config.transfers_max),
            config,
        }
    }

    /// How long an upload of so many bytes may take.
    pub(crate) fn transfer_limit(&self, size: u64) -> Duration {
        self.config.transfer_timeout + Duration::from_secs(size / SLOWEST)
    }
}

/// Where a machine is and who we are there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) target: Target,
    pub(crate) identity: Identity,
    /// Whether the end of the first boot's set-up is waited for.
    pub(crate) first_boot: bool,
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
    pub(crate) facts: Facts,
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
) -> Result<Connection, Error> {
    steps.say("connecting over SSH");
    let session = Session::open(&shared.config, &place.target, &place.identity).await?;
    let user = &place.target.user;
    let commands = Commands::new(user, shared.config.machine_root.as_deref());
    if place.first_boot {
        steps.say("waiting for the first boot's set-up to finish");
    }
    let (facts, present) = look(&shared.config, &session, &place, &commands).await?;
    let runner = shared.runners.get(&facts.uname).await?;
    if !present.contains(&runner.sha256) {
        steps.say("uploading lazuli-runner");
        upload(&shared, &session, user, &commands, &runner).await?;
    }
    steps.say("attaching to the supervisor");
    let serve = commands.serve(&runner.sha256);
    let mut opened = open(&shared.config, &session, user, &serve).await;
    if let Err(Error::Remote { ending, .. }) = &opened
        && matches!(ending.as_str(), "exit code 126" | "exit code 127")
    {
        // The file is there but is no program: a disk lost its content.
        steps.say("uploading lazuli-runner again");
        upload(&shared, &session, user, &commands, &runner).await?;
        opened = open(&shared.config, &session, user, &serve).await;
    }
    Ok(Connection {
        link: opened?,
        session: Arc::new(session),
        facts,
        runner: runner.sha256,
    })
}

async fn open(
    config: &HostConfig,
    session: &Session,
    user: &str,
    serve: &str,
) -> Result<Link, Error> {
    let limit = config.attach_timeout;
    timeout(limit, Link::open(session, user, serve))
        .await
        .unwrap_or(Err(Error::Slow {
            address: session.address(),
            step: "attaching to the supervisor",
            after: limit,
        }))
}

/// Looks at the machine, once its first boot's set-up is finished.
///
/// # Errors
/// [`Error::Booting`] when it does not finish in time, and whatever else is in
/// the way.
pub(crate) async fn look(
    config: &HostConfig,
    session: &Session,
    place: &Place,
    commands: &Commands,
) -> Result<(Facts, Vec<String>), Error> {
    const STEP: &str = "looking at the machine";
    let address = session.address();
    let began = Instant::now();
    loop {
        let mark = nonce();
        let script = facts::script(&mark, commands.runners(), place.first_boot);
        let limits = ExecLimits {
            deadline: BOOT_WAIT + config.login_timeout,
            ..ExecLimits::default()
        };
        let input = Input::Bytes(script.into());
        let output = session
            .exec(STEP, &commands.shell(), input, &limits)
            .await?;
        if !output.success() {
            let user = &place.target.user;
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
                check_machine(place, &facts)?;
                return Ok((facts, runners));
            }
            Probed::Booting if began.elapsed() >= config.boot_timeout => {
                return Err(Error::Booting {
                    after: began.elapsed(),
                });
            }
            Probed::Booting => {}
        }
    }
}

/// An address may have been given to another machine. Its host key would
/// differ; this is for machines that share one.
fn check_machine(place: &Place, facts: &Facts) -> Result<(), Error> {
    let found = &facts.machine.machine_id;
    match &place.target.machine_id {
        Some(expected) if expected != found => Err(Error::OtherMachine {
            address: place.target.address,
            found: found.clone(),
            expected: expected.clone(),
        }),
        _ => Ok(()),
    }
}

async fn upload(
    shared: &Shared,
    session: &Session,
    user: &str,
    commands: &Commands,
    runner: &Runner,
) -> Result<(), Error> {
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
