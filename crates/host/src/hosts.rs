//! All machines of a process, and the handles by which they are used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazuli_runner::frames::{Request, RunId, RunRequest};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::{Actor, Command, Common, Post, Trouble};
use crate::backoff::Backoff;
use crate::charm::{self, Blobs, Charms};
use crate::config::HostConfig;
use crate::connect::{Place, Shared, look};
use crate::error::{Error, ErrorClass};
use crate::event::{Attached, Holder, HostEvent, MachineKey, State};
use crate::exec::{ExecLimits, ExecOutput, Input};
use crate::facts::Facts;
use crate::keys::Identity;
use crate::ledger::Ledger;
use crate::runner::Commands;
use crate::ssh::Session;
use crate::target::Target;

/// Commands that wait for an actor, at most.
const COMMANDS: usize = 256;

/// All machines of a process.
#[derive(Clone, Debug)]
pub struct Hosts {
    shared: Arc<Shared>,
    events: mpsc::Sender<(MachineKey, HostEvent)>,
    /// Ends the actor of each machine that was attached.
    closers: Arc<Mutex<HashMap<MachineKey, CancellationToken>>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Hosts {
    /// Hosts, and the news of all machines, which must be read: machines
    /// whose news nobody reads are not read from either.
    #[must_use]
    pub fn new(config: HostConfig) -> (Self, mpsc::Receiver<(MachineKey, HostEvent)>) {
        let (events, received) = mpsc::channel(config.events.max(1));
        let hosts = Self {
            shared: Arc::new(Shared::new(config)),
            events,
            closers: Arc::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        (hosts, received)
    }

    /// Takes up a machine. Nothing is connected until there is need. Whoever
    /// had it before in this process is closed.
    ///
    /// `first_boot`: whether hooks have to wait for cloud-init to finish; not
    /// for machines that Lazuli did not make.
    #[must_use]
    pub fn attach(
        &self,
        key: MachineKey,
        target: Target,
        identity: Identity,
        holder: Holder,
        first_boot: bool,
    ) -> MachineHandle {
        let closing = self.closing.child_token();
        let before = self
            .closers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, closing.clone());
        if let Some(before) = before {
            before.cancel();
        }
        let (commands, received) = mpsc::channel(COMMANDS);
        let state = Arc::new(watch::Sender::new(State::Idle));
        let common = Arc::new(Common {
            place: Mutex::new(Place {
                target,
                identity,
                first_boot,
            }),
            charms: Charms::default(),
            runner: Mutex::default(),
            hurry: Notify::new(),
        });
        let config = &self.shared.config;
        let actor = Actor {
            shared: Arc::clone(&self.shared),
            common: Arc::clone(&common),
            holder,
            commands: received,
            post: Post {
                key,
                events: self.events.clone(),
                backlog: std::collections::VecDeque::new(),
            },
            state: Arc::clone(&state),
            closing: closing.clone(),
            ledger: Ledger::default(),
            trouble: Trouble::new(Backoff::new(config.retry_first, config.retry_last)),
            connection: 0,
            woken: false,
        };
        let closers = Arc::clone(&self.closers);
        let token = closing.clone();
        self.tasks.spawn(async move {
            actor.run().await;
            // Tells whether somebody else has taken the machine up since.
            let replaced = token.is_cancelled();
            token.cancel();
            let mut closers = closers.lock().unwrap_or_else(PoisonError::into_inner);
            if !replaced
                || closers
                    .get(&key)
                    .is_some_and(CancellationToken::is_cancelled)
            {
                closers.remove(&key);
            }
        });
        MachineHandle {
            key,
            shared: Arc::clone(&self.shared),
            common,
            commands,
            state: state.subscribe(),
            closing,
        }
    }

    /// Runs one command on a machine, on a connection of its own.
    ///
    /// # Errors
    /// When it cannot be run; not when it fails.
    pub async fn exec(
        &self,
        target: &Target,
        identity: &Identity,
        command: &str,
        input: Input,
        limits: &ExecLimits,
    ) -> Result<ExecOutput, Error> {
        let _turn = self.shared.transfers.enter().await;
        let session = Session::open(&self.shared.config, target, identity).await?;
        let output = session.exec("a command", command, input, limits).await?;
        session.close().await;
        Ok(output)
    }

    /// What a machine says of itself, for one that nothing is known of yet.
    /// Fails as well when `sudo -n` does not work there.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub async fn facts(&self, target: &Target, identity: &Identity) -> Result<Facts, Error> {
        let _turn = self.shared.transfers.enter().await;
        let config = &self.shared.config;
        let session = Session::open(config, target, identity).await?;
        let place = Place {
            target: target.clone(),
            identity: identity.clone(),
            first_boot: false,
        };
        let commands = Commands::new(&target.user, config.machine_root.as_deref());
        let (facts, _) = look(config, &session, &place, &commands).await?;
        session.close().await;
        Ok(facts)
    }

    /// Closes all connections in order. Hooks go on, and are collected by
    /// whoever attaches next.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A machine. Dropping the last handle closes it.
#[derive(Clone, Debug)]
pub struct MachineHandle {
    key: MachineKey,
    shared: Arc<Shared>,
    common: Arc<Common>,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    closing: CancellationToken,
}

impl MachineHandle {
    /// Which machine.
    #[must_use]
    pub fn key(&self) -> MachineKey {
        self.key
    }

    /// Sends a request, connecting first if need be. Runs, acknowledgements,
    /// kills and forgets are said again after a cut; the others are not, for
    /// the machine asks again.
    ///
    /// # Errors
    /// [`Error::Full`] when too much waits already, [`Error::Closed`].
    pub fn send(&self, request: Request) -> Result<(), Error> {
        self.command(Command::Request(request))
    }

    /// Asks for a run. Asking again with the same digest is safe.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn run(&self, run: RunRequest) -> Result<(), Error> {
        self.send(Request::Run(Box::new(run)))
    }

    /// Says that the outcome of a run is committed.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn ack(&self, run: RunId) -> Result<(), Error> {
        self.send(Request::Ack { run })
    }

    /// Ends a run.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn kill(&self, run: RunId, reason: impl Into<String>) -> Result<(), Error> {
        let reason = reason.into();
        self.send(Request::Kill { run, reason })
    }

    /// Lets the directories of a unit that is gone be removed.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn forget(&self, unit: impl Into<String>) -> Result<(), Error> {
        let unit = unit.into();
        self.send(Request::Forget { unit })
    }

    /// Connects even if there is nothing to send, at once even if the next
    /// try is later.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn wake(&self) -> Result<(), Error> {
        self.command(Command::Wake)?;
        self.common.hurry.notify_one();
        Ok(())
    }

    fn command(&self, command: Command) -> Result<(), Error> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(_) => Error::Full,
                TrySendError::Closed(_) => Error::Closed,
            })
    }

    /// The machine has another address, other host keys or another identity,
    /// from the next connection on.
    pub fn update(&self, target: Target, identity: Identity) {
        let mut place = self
            .common
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        place.target = target;
        place.identity = identity;
        drop(place);
        self.common.hurry.notify_one();
    }

    /// How the connection stands, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Connects and waits until the machine is attached, which is when its
    /// first boot's set-up is finished. Failures are tried again until the
    /// limit.
    ///
    /// # Errors
    /// The last failure, or [`Error::Closed`].
    pub async fn wait_booted(&self, limit: Duration) -> Result<Arc<Attached>, Error> {
        self.wake()?;
        let deadline = Instant::now() + limit;
        let mut state = self.state.clone();
        let mut last = None;
        loop {
            match state.borrow_and_update().clone() {
                State::Connected { machine, .. } => return Ok(machine),
                State::Disconnected { reason, class, .. } => {
                    last = Some(Error::Unreachable { reason, class });
                }
                State::Closed | State::Fenced => return Err(Error::Closed),
                State::Idle | State::Connecting { .. } => {}
            }
            match timeout_at(deadline, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Error::Closed),
                Err(_) => break,
            }
        }
        let step = state.borrow().to_string();
        Err(last.unwrap_or_else(|| Error::Unreachable {
            reason: format!("{step}: not done after {} s", limit.as_secs()),
            class: ErrorClass::Transient,
        }))
    }

    /// Brings a charm archive to the machine unless it has it. Uploads use a
    /// connection of their own; one goes on at a time for each machine.
    ///
    /// # Errors
    /// When the machine cannot be reached now, or the archive not be brought
    /// there.
    pub async fn ensure_charm(&self, sha256: &str, blobs: &dyn Blobs) -> Result<(), Error> {
        if self.common.charms.has(sha256) {
            return Ok(());
        }
        let _one = self.common.charms.uploading.lock().await;
        if self.common.runner().is_none() {
            let config = &self.shared.config;
            self.wait_booted(config.boot_timeout + config.attach_timeout)
                .await?;
        }
        if self.common.charms.has(sha256) {
            return Ok(());
        }
        let runner = self.common.runner().ok_or(Error::Closed)?;
        let place = self.common.place();
        let upload = charm::upload(&self.shared, &place, &runner, sha256, blobs);
        tokio::select! {
            () = self.closing.cancelled() => return Err(Error::Closed),
            uploaded = upload => uploaded?,
        }
        self.common.charms.add(sha256);
        Ok(())
    }

    /// Whether the machine is known to have a charm archive.
    #[must_use]
    pub fn has_charm(&self, sha256: &str) -> bool {
        self.common.charms.has(sha256)
    }

    /// Ends the connection in order, without waiting for runs. Hooks go on.
    pub async fn close(&self) {
        self.closing.cancel();
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| matches!(state, State::Closed | State::Fenced));
        // The actor may have gone already; at worst it is cut.
        drop(timeout(Duration::from_secs(10), ended).await);
    }
}
