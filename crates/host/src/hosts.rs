//! All machines of a process, and the handles by which they are used.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_runner::frames::{Attach, Request};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::actor::{Actor, Command, Common, Post, Trouble};
use crate::backoff::Backoff;
use crate::charm::{Blobs, Uploads};
use crate::config::{HostConfig, Tuning};
use crate::connect::{Place, Shared, look};
use crate::error::HostError;
use crate::event::{HostEvent, MachineKey, State};
use crate::exec::{ExecLimits, ExecOutput, Input};
use crate::facts::Facts;
use crate::keys::Identity;
use crate::ledger::Ledger;
use crate::runner::Commands;
use crate::ssh::Target;

/// Commands that wait for an actor, at most.
const COMMANDS: usize = 1_024;

/// All machines of a process.
#[derive(Clone)]
pub struct Hosts {
    shared: Arc<Shared>,
    /// Ends the actor of each machine that was attached.
    closers: Arc<Mutex<HashMap<MachineKey, CancellationToken>>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hosts({} machines)", self.tasks.len())
    }
}

impl Hosts {
    /// No machines yet; charms come from `blobs`.
    #[must_use]
    pub fn new(config: HostConfig, blobs: Arc<dyn Blobs>) -> Self {
        Self::with(config, Tuning::default(), blobs)
    }

    /// The same with other limits.
    #[must_use]
    pub fn with(config: HostConfig, tuning: Tuning, blobs: Arc<dyn Blobs>) -> Self {
        Self {
            shared: Arc::new(Shared::new(config, tuning, blobs)),
            closers: Arc::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Makes ready to talk with a machine. It is connected to when there is
    /// something to say. Whoever had it before in this process is closed.
    /// Connections are numbered upwards from the one in `attach`.
    ///
    /// What the machine says goes to `events`, which must be read: a machine
    /// whose news nobody reads is not read from either.
    #[must_use]
    pub fn attach(
        &self,
        key: MachineKey,
        target: Target,
        identity: Identity,
        attach: Attach,
        events: mpsc::Sender<(MachineKey, HostEvent)>,
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
        let watched = state.subscribe();
        let common = Arc::new(Common {
            place: Mutex::new(Place { target, identity }),
            hurry: Notify::new(),
        });
        let tuning = &self.shared.tuning;
        let backoff = Backoff::new(tuning.first_retry, tuning.last_retry);
        let actor = Actor {
            shared: Arc::clone(&self.shared),
            common: Arc::clone(&common),
            attach,
            commands: received,
            post: Post {
                key,
                events,
                backlog: VecDeque::new(),
            },
            state,
            closing: closing.clone(),
            ledger: Ledger::default(),
            uploads: Uploads::new(backoff.clone()),
            trouble: Trouble::new(backoff),
            woken: false,
        };
        let closers = Arc::clone(&self.closers);
        let ended = closing.clone();
        self.tasks.spawn(async move {
            actor.run().await;
            ended.cancel();
            // Unless somebody else has taken the machine up since.
            let mut closers = closers.lock().unwrap_or_else(PoisonError::into_inner);
            if closers
                .get(&key)
                .is_some_and(CancellationToken::is_cancelled)
            {
                closers.remove(&key);
            }
        });
        MachineHandle {
            common,
            commands,
            state: watched,
            _closing: closing.drop_guard(),
        }
    }

    /// One look at a machine: waits up to a minute on it for the end of its
    /// first boot's set-up, and reads what it says of itself. Fails as well
    /// when `sudo -n` does not work there.
    ///
    /// # Errors
    /// When it cannot be reached or used, or is not finished; look again.
    pub async fn boot(&self, target: &Target, identity: &Identity) -> Result<Facts, HostError> {
        // It may take long: not one of the few seats of transfers.
        let _seat = self.shared.seats.enter().await;
        let place = Place {
            target: target.clone(),
            identity: identity.clone(),
        };
        let session = self.shared.session(&place).await?;
        let tuning = &self.shared.tuning;
        let commands = Commands::new(&target.user, tuning.machine_root.as_deref());
        let (facts, _) = look(tuning, &session, target, &commands).await?;
        session.close().await;
        Ok(facts)
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
    ) -> Result<ExecOutput, HostError> {
        let _turn = self.shared.transfers.enter().await;
        let place = Place {
            target: target.clone(),
            identity: identity.clone(),
        };
        let session = self.shared.session(&place).await?;
        let output = session.exec("a command", command, input, limits).await?;
        session.close().await;
        Ok(output)
    }

    /// Closes all connections in order, and waits for that. Hooks go on, and
    /// are collected by whoever attaches next.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// One machine: requests go in here, what it says comes out of the stream
/// that [`Hosts::attach`] was given. Dropping it ends the connection, and nothing
/// on the machine.
#[derive(Debug)]
pub struct MachineHandle {
    common: Arc<Common>,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    _closing: DropGuard,
}

impl MachineHandle {
    /// Hands a request over, connecting first if need be; false when too many
    /// wait, or the machine was taken up anew elsewhere. Runs,
    /// acknowledgements, kills and forgets are said again after a cut; others
    /// are not, for the machine asks again.
    #[must_use]
    pub fn send(&self, request: Request) -> bool {
        self.commands.try_send(Command::Request(request)).is_ok()
    }

    /// Connects though there is nothing to say, and at once though the next
    /// try would be later: to collect what others have started, or when a
    /// machine is known to be there again.
    pub fn wake(&self) {
        // When the queue is full there is need of a connection anyway.
        drop(self.commands.try_send(Command::Wake));
        self.common.hurry.notify_one();
    }

    /// The machine has another address, other host keys or another identity,
    /// from the next connection on.
    pub fn update(&self, target: Target, identity: Identity) {
        *self
            .common
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Place { target, identity };
        self.common.hurry.notify_one();
    }

    /// How the connection stands, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }
}
