//! One task per machine: it connects when there is need, attaches, passes
//! requests and reports, and comes back after every cut.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_runner::frames::{self, Attach, PROTOCOL, Refusal, Report, Request, RunSummary};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::charm::Uploads;
use crate::connect::{Connection, Place, Shared, Steps, connect};
use crate::error::HostError;
use crate::event::{HostEvent, MachineKey, State};
use crate::ledger::Ledger;
use crate::live::{End, Live};

/// A connection that lasted this long was a good one, in first retries.
const GOOD: u32 = 20;

/// What a handle asks of the actor.
#[derive(Debug)]
pub(crate) enum Command {
    Request(Request),
    /// Connect though there is nothing to send.
    Wake,
}

/// What handle and actor share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) place: Mutex<Place>,
    /// Cuts a wait before the next try short.
    pub(crate) hurry: Notify,
}

impl Common {
    pub(crate) fn place(&self) -> Place {
        self.place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Events on their way to the controller. It may be slow without stopping the
/// actor.
pub(crate) struct Post {
    pub(crate) key: MachineKey,
    pub(crate) events: mpsc::Sender<(MachineKey, HostEvent)>,
    pub(crate) backlog: VecDeque<HostEvent>,
}

impl Post {
    pub(crate) fn put(&mut self, event: HostEvent) {
        self.backlog.push_back(event);
    }

    /// Delivers one event. Nothing is lost when it is given up halfway.
    pub(crate) async fn deliver(&mut self) {
        match self.events.reserve().await {
            Ok(seat) => {
                if let Some(event) = self.backlog.pop_front() {
                    seat.send((self.key, event));
                }
            }
            // Nobody wants to know any more.
            Err(_) => self.backlog.clear(),
        }
    }
}

/// Failures since the last success.
pub(crate) struct Trouble {
    backoff: Backoff,
    since: Option<Instant>,
    told: Option<String>,
}

impl Trouble {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            since: None,
            told: None,
        }
    }
}

/// The task of a machine.
pub(crate) struct Actor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) common: Arc<Common>,
    /// Who attaches, and the number of the last connection.
    pub(crate) attach: Attach,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) post: Post,
    pub(crate) state: Arc<watch::Sender<State>>,
    pub(crate) closing: CancellationToken,
    pub(crate) ledger: Ledger,
    pub(crate) uploads: Uploads,
    pub(crate) trouble: Trouble,
    /// Asked to connect.
    pub(crate) woken: bool,
}

/// The machine's answer to an attachment.
struct Answer {
    boot_id: String,
    runs: Vec<RunSummary>,
}

/// What follows a connection.
enum Next {
    Again,
    Stop,
}

impl Actor {
    /// Works until it is closed or fenced.
    pub(crate) async fn run(mut self) {
        while self.sleep_until_needed().await {
            if let Some(Next::Stop) | None = self.cycle().await {
                break;
            }
        }
        if matches!(*self.state.borrow(), State::Fenced) {
            while !self.post.backlog.is_empty() {
                self.post.deliver().await;
            }
        } else {
            self.state.send_replace(State::Closed);
        }
    }

    /// Waits for work; false when closed.
    async fn sleep_until_needed(&mut self) -> bool {
        while !(self.woken || self.ledger.has_work()) {
            if !matches!(*self.state.borrow(), State::Idle) {
                self.state.send_replace(State::Idle);
            }
            tokio::select! {
                () = self.closing.cancelled() => return false,
                command = self.commands.recv() => match command {
                    Some(command) => self.absorb(command),
                    None => return false,
                },
                () = self.post.deliver(), if !self.post.backlog.is_empty() => {}
            }
        }
        true
    }

    pub(crate) fn absorb(&mut self, command: Command) {
        match command {
            Command::Request(request) => self.ledger.request(request),
            Command::Wake => self.woken = true,
        }
    }

    /// Waits for something while taking commands and delivering events; none
    /// when closed.
    async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                done = &mut what => return Some(done),
                command = self.commands.recv(), if self.ledger.has_room() => {
                    self.absorb(command?);
                }
                () = self.post.deliver(), if !self.post.backlog.is_empty() => {}
            }
        }
    }

    /// One connection from its making to its end; none when closed.
    async fn cycle(&mut self) -> Option<Next> {
        let steps = Steps(Arc::clone(&self.state));
        steps.say("waiting for a free SSH connection (ssh-max)");
        let seats = self.shared.seats.clone();
        let _seat = self.meanwhile(seats.enter()).await?;
        let made = connect(Arc::clone(&self.shared), self.common.place(), steps);
        // Boxed: it is large, and there are thousands of actors.
        let made: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(made);
        let (connection, answer) = match self.meanwhile(made).await? {
            Ok(mut connection) => match self.attach(&mut connection).await? {
                Ok(answer) => (connection, answer),
                Err(error) => return self.failed(error).await,
            },
            Err(error) => return self.failed(error).await,
        };
        let began = Instant::now();
        self.trouble.since = None;
        self.trouble.told = None;
        self.woken = false;
        self.ledger.attached(&answer.runs);
        self.state.send_replace(State::Connected { since: began });
        let boot_id = answer.boot_id;
        self.post.put(HostEvent::Reached {
            boot_id: boot_id.clone(),
        });
        let end = Live::new(self, connection, boot_id).run().await;
        if began.elapsed() >= self.shared.tuning.first_retry * GOOD {
            self.trouble.backoff.reset();
        }
        match end {
            End::Closed => None,
            End::Idle => {
                self.ledger.closed();
                self.trouble.backoff.reset();
                Some(Next::Again)
            }
            End::Unconfirmed => {
                self.ledger.lost();
                Some(Next::Again)
            }
            End::Lost(error) => {
                self.ledger.lost();
                tracing::debug!(machine = %self.post.key.machine, %error, "lost a machine");
                if !self.ledger.has_work() {
                    return Some(Next::Again);
                }
                if matches!(error, HostError::Ended { clean: true, .. }) {
                    // The supervisor makes way for another; no trouble.
                    return self.wait_for_retry(&error).await;
                }
                self.failed(error).await
            }
        }
    }

    /// Attaches to the supervisor; none when closed.
    async fn attach(&mut self, connection: &mut Connection) -> Option<Result<Answer, HostError>> {
        const STEP: &str = "attaching to the supervisor";
        let address = connection.session.address();
        self.attach.protocol = PROTOCOL;
        self.attach.connection += 1;
        let frame = frames::encode(&Request::Attach(self.attach.clone()));
        let limit = self.shared.tuning.attach;
        let exchange = timeout(limit, async {
            let frame = frame.map_err(|cause| HostError::Frame { address, cause })?;
            // When it cannot be sent the inbox says why.
            drop(connection.link.outbox.send(frame.into()).await);
            let cut = HostError::Ended {
                address,
                detail: "it was cut while attaching".to_owned(),
                clean: false,
            };
            connection.link.inbox.recv().await.unwrap_or(Err(cut))
        });
        let report = self
            .meanwhile(exchange)
            .await?
            .unwrap_or(Err(HostError::Slow {
                address,
                step: STEP,
                after: limit,
            }));
        let refused = |detail: String| HostError::Refused { address, detail };
        Some(report.and_then(|report| match report {
            Report::Attached { boot_id, runs, .. } => Ok(Answer { boot_id, runs }),
            Report::Refused { refusal, .. } => Err(match refusal {
                Refusal::Fenced { epoch, connection } => HostError::Fenced { epoch, connection },
                Refusal::Protocol { speaks } => HostError::Version {
                    address,
                    ours: PROTOCOL,
                    theirs: speaks.to_string(),
                },
                Refusal::Invalid { reason } => refused(reason),
                other => refused(format!("{other:?}")),
            }),
            _ => Err(refused("it did not say whether we may".to_owned())),
        }))
    }

    /// Tells of a failure and waits before the next try.
    async fn failed(&mut self, error: HostError) -> Option<Next> {
        if let HostError::Fenced { epoch, connection } = error {
            if epoch == self.attach.epoch {
                // An earlier connection of this very holder, of which this
                // actor does not know.
                self.attach.connection = connection;
                return self.wait_for_retry(&error).await;
            }
            self.state.send_replace(State::Fenced);
            self.post.put(HostEvent::Fenced { epoch });
            return Some(Next::Stop);
        }
        let reason = error.to_string();
        if self.trouble.told.as_ref() != Some(&reason) {
            self.trouble.told = Some(reason.clone());
            self.post.put(HostEvent::Trouble { reason });
        }
        self.wait_for_retry(&error).await
    }

    async fn wait_for_retry(&mut self, error: &HostError) -> Option<Next> {
        let now = Instant::now();
        let next_try = now + self.trouble.backoff.next();
        self.state.send_replace(State::Disconnected {
            since: *self.trouble.since.get_or_insert(now),
            next_try,
            failures: self.trouble.backoff.failures,
            reason: error.to_string(),
            kind: error.kind(),
        });
        let common = Arc::clone(&self.common);
        let shortest = self.shared.tuning.first_retry;
        self.meanwhile(async move {
            let hurried = async {
                common.hurry.notified().await;
                sleep(shortest).await;
            };
            tokio::select! {
                () = sleep_until(next_try) => {}
                () = hurried => {}
            }
        })
        .await?;
        Some(Next::Again)
    }
}
