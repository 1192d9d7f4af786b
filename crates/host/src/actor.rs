//! One task per machine: it connects when there is need, attaches, passes
//! requests and reports, and comes back after every cut.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazuli_runner::frames::{Attach, PROTOCOL, Refusal, Report, Request};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::charm::Charms;
use crate::connect::{Connection, Place, Shared, Steps, connect};
use crate::error::Error;
use crate::event::{Attached, Holder, HostEvent, MachineKey, State};
use crate::ledger::Ledger;
use crate::live::{End, Live};

/// Events of one machine that wait for the controller before no more reports
/// are read from it.
pub(crate) const BACKLOG: usize = 64;

/// A connection that lasted this long was a good one.
const GOOD: Duration = Duration::from_secs(5);

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
    pub(crate) charms: Charms,
    /// Hash of the runner that served last.
    pub(crate) runner: Mutex<Option<String>>,
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

    pub(crate) fn runner(&self) -> Option<String> {
        self.runner
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

/// The task of a machine.
pub(crate) struct Actor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) common: Arc<Common>,
    pub(crate) holder: Holder,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) post: Post,
    pub(crate) state: Arc<watch::Sender<State>>,
    pub(crate) closing: CancellationToken,
    pub(crate) ledger: Ledger,
    pub(crate) trouble: Trouble,
    /// The number of the last connection.
    pub(crate) connection: u64,
    /// Asked to connect.
    pub(crate) woken: bool,
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
        let fenced = matches!(*self.state.borrow(), State::Fenced);
        if fenced {
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
        let attached = match self.meanwhile(made).await? {
            Ok(connection) => self.attach(connection).await?,
            Err(error) => Err(error),
        };
        let (connection, attached) = match attached {
            Ok(attached) => attached,
            Err(error) => return self.failed(error).await,
        };
        let began = Instant::now();
        self.trouble.since = None;
        self.trouble.told = None;
        self.woken = false;
        self.ledger.attached(&attached.runs);
        let attached = Arc::new(attached);
        self.state.send_replace(State::Connected {
            since: began,
            machine: Arc::clone(&attached),
        });
        self.post.put(HostEvent::Attached(attached));
        let end = Live::new(self, connection).run().await;
        if began.elapsed() >= GOOD {
            self.trouble.backoff.reset();
        }
        match end {
            End::Idle => {
                self.ledger.closed();
                self.trouble.backoff.reset();
                Some(Next::Again)
            }
            End::Closed => None,
            End::Unconfirmed => {
                self.ledger.lost();
                Some(Next::Again)
            }
            End::Lost(error) => {
                self.ledger.lost();
                let (reason, class) = (error.reason(), error.class());
                tracing::debug!(address = %self.common.place().target.address, %reason, "lost a machine");
                self.post.put(HostEvent::Lost { reason, class });
                if self.ledger.has_work() {
                    return self.wait_for_retry(&error).await;
                }
                Some(Next::Again)
            }
        }
    }

    /// Attaches to the supervisor; none when closed.
    async fn attach(
        &mut self,
        mut connection: Connection,
    ) -> Option<Result<(Connection, Attached), Error>> {
        let address = connection.session.address();
        self.connection += 1;
        let number = self.connection;
        let attach = Request::Attach(Attach {
            protocol: PROTOCOL,
            controller: self.holder.controller.clone(),
            model: self.holder.model.clone(),
            epoch: self.holder.epoch,
            connection: number,
        });
        let limit = self.shared.config.attach_timeout;
        let frame = lazuli_runner::frames::encode(&attach);
        let answer = self
            .meanwhile(timeout(limit, async {
                let frame = frame.map_err(|source| Error::Frame { address, source })?;
                // When it cannot be sent the inbox says why.
                drop(connection.link.outbox.send(frame.into()).await);
                match connection.link.inbox.recv().await {
                    Some(Ok(report)) => Ok(report),
                    Some(Err(error)) => Err(error),
                    None => Err(Error::Ended {
                        address,
                        detail: "it was cut while attaching".to_owned(),
                        clean: false,
                    }),
                }
            }))
            .await?;
        let answer = answer.unwrap_or(Err(Error::Slow {
            address,
            step: "attaching to the supervisor",
            after: limit,
        }));
        let refused = |detail: String| Error::Refused { address, detail };
        Some(match answer {
            Ok(Report::Attached { charms, runs, .. }) => {
                self.common.charms.replace(&charms);
                let mut runner = self
                    .common
                    .runner
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *runner = Some(connection.runner.clone());
                let facts = connection.facts.clone();
                let attached = Attached {
                    facts,
                    runs,
                    connection: number,
                };
                Ok((connection, attached))
            }
            Ok(Report::Refused { refusal, .. }) => Err(match refusal {
                Refusal::Fenced { epoch, connection } => Error::Fenced { epoch, connection },
                Refusal::Protocol { speaks } => Error::Version {
                    address,
                    ours: PROTOCOL,
                    theirs: speaks.to_string(),
                },
                Refusal::Invalid { reason } => refused(reason),
                other => refused(format!("{other:?}")),
            }),
            Ok(other) => Err(refused(
                format!("it answered {other:?}").chars().take(200).collect(),
            )),
            Err(error) => Err(error),
        })
    }

    /// Tells of a failure and waits before the next try.
    async fn failed(&mut self, error: Error) -> Option<Next> {
        if let Error::Fenced { epoch, connection } = error {
            if epoch <= self.holder.epoch {
                // An earlier connection of this very holder, of which this
                // actor does not know.
                self.connection = connection;
                return Some(Next::Again);
            }
            self.state.send_replace(State::Fenced);
            self.post.put(HostEvent::Fenced { epoch });
            return Some(Next::Stop);
        }
        let (reason, class) = (error.reason(), error.class());
        if self.trouble.told.as_ref() != Some(&reason) {
            self.trouble.told = Some(reason.clone());
            self.post.put(HostEvent::Unreachable { reason, class });
        }
        self.wait_for_retry(&error).await
    }

    async fn wait_for_retry(&mut self, error: &Error) -> Option<Next> {
        let now = Instant::now();
        let next_try = now + self.trouble.backoff.next();
        self.state.send_replace(State::Disconnected {
            since: *self.trouble.since.get_or_insert(now),
            next_try,
            failures: self.trouble.backoff.failures,
            reason: error.reason(),
            class: error.class(),
        });
        let common = Arc::clone(&self.common);
        let shortest = self.shared.config.retry_first;
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

/// Ticks for keepalives.
pub(crate) fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
