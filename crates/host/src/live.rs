//! An attached connection: frames both ways, keepalives while a run is in
//! flight, an orderly end when there is nothing to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lazuli_runner::frames::{self, Answer, FrameError, Refusal, Report, Request};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::actor::{Actor, Command};
use crate::charm::Uploaded;
use crate::connect::Connection;
use crate::error::HostError;
use crate::event::HostEvent;

/// Events of one machine that wait for the controller before no more reports
/// are read from it.
const BACKLOG: usize = 64;

/// An idle connection that others wait for is kept this long.
const GRACE: Duration = Duration::from_millis(200);

/// How long the supervisor's end may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How a connection ended.
pub(crate) enum End {
    /// There was nothing to do; all that was sent has arrived.
    Idle,
    /// The machine's handle was closed.
    Closed,
    /// There was nothing to do, but what was sent last may not have arrived.
    Unconfirmed,
    /// It was lost.
    Lost(HostError),
}

/// One step of a live connection.
enum Turn {
    Done,
    Heard(Option<Result<Report, HostError>>),
    Told(Command),
    Unsendable(Request, FrameError),
    Uploaded(Uploaded),
    Answered(Result<(), HostError>),
    Tick,
    Finish,
    Leave,
}

type Ping = Pin<Box<dyn Future<Output = Result<(), HostError>> + Send>>;

/// An attached connection and the actor it works for.
pub(crate) struct Live<'a> {
    actor: &'a mut Actor,
    connection: Connection,
    /// When anything was last heard or asked.
    stirred: Instant,
    /// When anything was last heard.
    heard: Instant,
    ping: Option<Ping>,
    /// When the ping was sent.
    asked: Instant,
    boot_id: String,
    /// An upload failed, and the controller was told.
    told: bool,
}

impl<'a> Live<'a> {
    pub(crate) fn new(actor: &'a mut Actor, connection: Connection, boot_id: String) -> Self {
        let now = Instant::now();
        Self {
            actor,
            connection,
            stirred: now,
            heard: now,
            ping: None,
            asked: now,
            boot_id,
            told: false,
        }
    }

    /// Works until the connection ends.
    pub(crate) async fn run(mut self) -> End {
        let shared = Arc::clone(&self.actor.shared);
        let idle = shared.idle;
        let mut tick = ticks(shared.tuning.keepalive);
        loop {
            let busy = self.actor.ledger.in_flight() || self.actor.ledger.has_next();
            let idle_end = sleep_until(self.stirred + idle);
            let grace_end = self.stirred + GRACE.min(idle);
            let wanted = async {
                sleep_until(grace_end).await;
                shared.seats.wanted().await;
            };
            let actor = &mut *self.actor;
            let Connection { link, runner, .. } = &mut self.connection;
            let turn = tokio::select! {
                biased;
                () = actor.closing.cancelled() => Turn::Leave,
                report = link.inbox.recv(), if actor.post.backlog.len() < BACKLOG => {
                    Turn::Heard(report)
                }
                () = actor.post.deliver(), if !actor.post.backlog.is_empty() => Turn::Done,
                command = actor.commands.recv(), if actor.ledger.has_room() => {
                    command.map_or(Turn::Leave, Turn::Told)
                }
                seat = link.outbox.reserve(), if actor.ledger.has_next() => {
                    // When the writer has gone the inbox says why.
                    match (seat, actor.ledger.next()) {
                        (Ok(seat), Some(request)) => match frames::encode(&request) {
                            Ok(frame) => {
                                seat.send(frame.into());
                                Turn::Done
                            }
                            Err(error) => Turn::Unsendable(request, error),
                        },
                        _ => Turn::Done,
                    }
                }
                uploaded = actor.uploads.next(&shared, &actor.common, runner) => Turn::Uploaded(uploaded),
                result = answered(&mut self.ping) => Turn::Answered(result),
                _ = tick.tick(), if busy => Turn::Tick,
                () = idle_end, if !busy => Turn::Finish,
                () = wanted, if !busy => Turn::Finish,
            };
            match turn {
                Turn::Done => {}
                Turn::Heard(Some(Ok(report))) => self.hear(report),
                Turn::Heard(Some(Err(error))) => return End::Lost(error),
                Turn::Heard(None) => return End::Lost(self.silent()),
                Turn::Told(command) => {
                    self.told_to(command);
                    self.actor.woken = false;
                    self.stirred = Instant::now();
                }
                Turn::Uploaded(uploaded) => self.uploaded(uploaded),
                Turn::Unsendable(request, error) => self.refuse(&request, &error),
                Turn::Answered(result) => {
                    self.ping = None;
                    match result {
                        Ok(()) => self.heard = Instant::now(),
                        Err(error) => return End::Lost(error),
                    }
                }
                Turn::Tick if self.is_silent() => return End::Lost(self.silent()),
                Turn::Tick => {}
                Turn::Finish => return self.finish().await,
                Turn::Leave => {
                    self.leave().await;
                    return End::Closed;
                }
            }
        }
    }

    /// Takes a command. An answer that says that a resource is on the machine
    /// waits until it is.
    fn told_to(&mut self, command: Command) {
        if let Command::Request(request) = &command
            && let Request::Answer {
                answer: Ok(Answer::Resource { resource }),
                ..
            } = request
        {
            let (runner, place) = (&self.connection.runner, self.actor.common.place());
            let (shared, sha256) = (&self.actor.shared, &resource.sha256);
            let uploads = &mut self.actor.uploads;
            uploads.want_resource(shared, &place, runner, sha256, request.clone());
            return;
        }
        self.actor.absorb(command);
    }

    fn hear(&mut self, report: Report) {
        self.heard = Instant::now();
        self.stirred = self.heard;
        if let Report::Refused {
            run: Some(run),
            refusal: Refusal::NoCharm { sha256 },
        } = report
        {
            let (runner, place) = (&self.connection.runner, self.actor.common.place());
            let uploads = &mut self.actor.uploads;
            uploads.want(&self.actor.shared, &place, runner, &sha256, run);
            return;
        }
        if self.actor.ledger.report(&report) {
            self.actor.post.put(HostEvent::Report(report));
        }
    }

    fn uploaded(&mut self, uploaded: Uploaded) {
        match uploaded {
            Uploaded::Ready(runs) => {
                self.actor.ledger.again(runs);
                if std::mem::take(&mut self.told) {
                    let boot_id = self.boot_id.clone();
                    self.actor.post.put(HostEvent::Reached { boot_id });
                }
            }
            Uploaded::Answered(answers) => {
                for answer in answers {
                    self.actor.absorb(Command::Request(answer));
                }
            }
            Uploaded::Failed(error) => {
                self.told = true;
                let reason = error.to_string();
                self.actor.post.put(HostEvent::Trouble { reason });
            }
        }
    }

    /// A request that is too long is refused here, as the machine would.
    fn refuse(&mut self, request: &Request, error: &FrameError) {
        let run = match request {
            Request::Run(run) => Some(run.run.clone()),
            Request::Answer { run, .. } => Some(run.clone()),
            _ => None,
        };
        let reason = format!("the request cannot be sent: {error}");
        let refusal = Refusal::Invalid { reason };
        self.hear(Report::Refused { run, refusal });
    }

    /// Asks for a sign of life; true when the last question has waited for so
    /// long that there is none.
    fn is_silent(&mut self) -> bool {
        if self.actor.post.backlog.len() >= BACKLOG {
            // Nothing is read, so that nothing can be heard.
            self.asked = Instant::now();
        }
        if self.ping.is_none() {
            self.asked = Instant::now();
            let session = Arc::clone(&self.connection.session);
            self.ping = Some(Box::pin(async move { session.ping().await }));
            return false;
        }
        let tuning = &self.actor.shared.tuning;
        let misses = tuning.keepalives.max(2) - 1;
        // Half a tick, since ticks and clocks are not exact.
        let silence = tuning.keepalive * misses - tuning.keepalive / 2;
        self.heard < self.asked && self.asked.elapsed() >= silence
    }

    fn silent(&self) -> HostError {
        HostError::Silent {
            address: self.connection.session.address(),
            after: self.heard.elapsed(),
        }
    }

    /// Ends an idle connection. Only the supervisor's end proves that all has
    /// arrived.
    async fn finish(mut self) -> End {
        drop(std::mem::replace(
            &mut self.connection.link.outbox,
            tokio::sync::mpsc::channel(1).0,
        ));
        let inbox = &mut self.connection.link.inbox;
        let goodbye = timeout(GOODBYE, async {
            loop {
                match inbox.recv().await {
                    Some(Ok(report)) => {
                        if self.actor.ledger.report(&report) {
                            self.actor.post.put(HostEvent::Report(report));
                        }
                    }
                    Some(Err(HostError::Ended { clean, .. })) => return clean,
                    Some(Err(_)) | None => return false,
                }
            }
        });
        let clean = goodbye.await.unwrap_or(false);
        self.connection.session.close().await;
        if clean { End::Idle } else { End::Unconfirmed }
    }

    /// Sends what waits, shortly, and goes.
    async fn leave(self) {
        let outbox = self.connection.link.outbox.clone();
        let ledger = &mut self.actor.ledger;
        let flush = async {
            while let Some(request) = ledger.next() {
                let Ok(frame) = frames::encode(&request) else {
                    continue;
                };
                if outbox.send(frame.into()).await.is_err() {
                    break;
                }
            }
        };
        // What does not get through is reported again to whoever comes next.
        drop(timeout(GOODBYE, flush).await);
        drop(outbox);
        drop(self.finish().await);
    }
}

/// The answer to a ping; never, when there is none.
async fn answered(ping: &mut Option<Ping>) -> Result<(), HostError> {
    match ping {
        Some(ping) => ping.await,
        None => std::future::pending().await,
    }
}

/// Ticks for keepalives.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
