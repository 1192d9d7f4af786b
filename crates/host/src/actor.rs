//! The actor of one machine: connected while there is something to say.
//!
//! A run that was handed over is kept until its outcome came, and handed over
//! again on each new connection: the machine tells runs apart by their id, so
//! none is lost and none is run twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lazuli_runner::frames::{Attach, Refusal, Report, Request, RunId, RunRequest};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Connection;
use crate::error::HostError;
use crate::hosts::{HostEvent, MachineKey, Shared, Target};
use crate::keys::Identity;
use crate::runner::Program;
use crate::serve::Channel;

/// A connection that failed is tried again after this, doubling,
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// up to this.
const LAST_RETRY: Duration = Duration::from_secs(30);
/// Far enough.
const NEVER: Duration = Duration::from_secs(86_400);

struct Actor {
    shared: Arc<Shared>,
    key: MachineKey,
    target: Target,
    identity: Identity,
    attach: Attach,
    inbox: mpsc::Receiver<Request>,
    /// Runs whose outcome has not come.
    runs: BTreeMap<RunId, RunRequest>,
    /// What is to be said at the next connection beside the runs.
    pending: Vec<Request>,
}

/// Why talking ended.
enum Ended {
    /// Nobody wants the machine any more.
    Closed,
    /// There was nothing to say for long.
    Idle,
    /// Another holder attached.
    Fenced,
    /// It broke.
    Cut(HostError),
}

pub(crate) async fn run(
    shared: Arc<Shared>,
    key: MachineKey,
    target: Target,
    identity: Identity,
    attach: Attach,
    inbox: mpsc::Receiver<Request>,
) {
    let actor = Actor {
        shared,
        key,
        target,
        identity,
        attach,
        inbox,
        runs: BTreeMap::new(),
        pending: Vec::new(),
    };
    actor.run().await;
}

impl Actor {
    async fn run(mut self) {
        let mut retry = FIRST_RETRY;
        loop {
            if self.runs.is_empty() && self.pending.is_empty() {
                match self.inbox.recv().await {
                    Some(request) => self.keep(request),
                    None => return,
                }
            }
            let began = Instant::now();
            match self.talk().await {
                Ended::Closed => return,
                Ended::Idle => {}
                Ended::Fenced => {
                    self.tell(HostEvent::Fenced).await;
                    return;
                }
                Ended::Cut(error) => {
                    if began.elapsed() > LAST_RETRY {
                        retry = FIRST_RETRY;
                    }
                    tracing::info!(machine = %self.key.machine, %error, "the connection to a machine broke");
                    let reason = error.to_string();
                    self.tell(HostEvent::Trouble { reason }).await;
                    if self.pause(retry).await {
                        return;
                    }
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
        }
    }

    /// Waits, and takes what comes meanwhile; whether the machine is not
    /// wanted any more.
    async fn pause(&mut self, wait: Duration) -> bool {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return false,
                request = self.inbox.recv() => match request {
                    Some(request) => self.keep(request),
                    None => return true,
                },
            }
        }
    }

    fn keep(&mut self, request: Request) {
        match request {
            Request::Run(run) => {
                self.runs.insert(run.run.clone(), *run);
            }
            other => self.pending.push(other),
        }
    }

    async fn tell(&self, event: HostEvent) {
        // Nobody listens any more only when the replica ends.
        drop(self.shared.events.send((self.key, event)).await);
    }

    /// One connection, from its start to its end.
    async fn talk(&mut self) -> Ended {
        let shared = Arc::clone(&self.shared);
        let _permit = shared.permits.acquire().await;
        self.attach.connection += 1;
        let opened = async {
            let connection =
                Connection::open(&shared.config.dialer, &self.target, &self.identity).await?;
            let arch = connection
                .run("uname -m", Vec::new(), Duration::from_secs(20))
                .await?
                .stdout;
            let arch = arch.lines().last().unwrap_or_default().trim().to_owned();
            let program = shared.runners.get(&arch).await?;
            let channel = Channel::open(&connection, program).await?;
            channel.send(&Request::Attach(self.attach.clone())).await?;
            Ok((connection, program, channel))
        };
        let (connection, program, channel) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Ended::Cut(error),
        };
        let ended = match self.converse(program, channel).await {
            Ok(ended) => ended,
            Err(error) => Ended::Cut(error),
        };
        if !connection.is_closed() {
            connection.close().await;
        }
        ended
    }

    async fn converse(
        &mut self,
        program: &Program,
        mut channel: Channel,
    ) -> Result<Ended, HostError> {
        let mut quiet_since = Instant::now();
        let mut attached = false;
        loop {
            let busy = !attached || !self.runs.is_empty();
            let idle = if busy { NEVER } else { self.shared.config.idle };
            tokio::select! {
                report = channel.next() => {
                    let Some(report) = report? else {
                        return Err(HostError::transient("the connection was cut"));
                    };
                    quiet_since = Instant::now();
                    if let Report::Attached { boot_id, .. } = &report {
                        attached = true;
                        self.tell(HostEvent::Reached { boot_id: boot_id.clone() }).await;
                        self.say_all(&channel).await?;
                    }
                    if let Some(ended) = self.heard(program, &channel, report).await? {
                        return Ok(ended);
                    }
                }
                request = self.inbox.recv() => {
                    let Some(request) = request else {
                        return Ok(Ended::Closed);
                    };
                    quiet_since = Instant::now();
                    if attached {
                        channel.send(&request).await?;
                    }
                    match request {
                        Request::Run(run) => {
                            self.runs.insert(run.run.clone(), *run);
                        }
                        other if !attached => self.pending.push(other),
                        _ => {}
                    }
                }
                () = sleep_until(quiet_since + idle) => return Ok(Ended::Idle),
            }
        }
    }

    /// Everything that is to be said on a new connection: what waits first,
    /// since acknowledgements make room for runs.
    async fn say_all(&mut self, channel: &Channel) -> Result<(), HostError> {
        for request in std::mem::take(&mut self.pending) {
            channel.send(&request).await?;
        }
        for run in self.runs.values() {
            channel.send(&Request::Run(Box::new(run.clone()))).await?;
        }
        Ok(())
    }

    /// Passes a report on, after doing what is ours about it.
    async fn heard(
        &mut self,
        program: &Program,
        channel: &Channel,
        report: Report,
    ) -> Result<Option<Ended>, HostError> {
        match &report {
            Report::Finished(outcome) => {
                self.runs.remove(&outcome.run);
            }
            Report::Refused { run, refusal } => match (run, refusal) {
                (_, Refusal::Fenced { .. }) => return Ok(Some(Ended::Fenced)),
                (Some(run), Refusal::NoCharm { sha256 }) => {
                    self.put_charm(program, sha256).await?;
                    if let Some(run) = self.runs.get(run) {
                        channel.send(&Request::Run(Box::new(run.clone()))).await?;
                    }
                    return Ok(None);
                }
                // The recorded or running one reports itself.
                (Some(run), Refusal::Digest { .. } | Refusal::Busy { .. }) => {
                    self.runs.remove(run);
                }
                (Some(run), Refusal::Protocol { .. } | Refusal::Invalid { .. }) => {
                    self.runs.remove(run);
                }
                (None, _) => {}
            },
            _ => {}
        }
        self.tell(HostEvent::Report(report)).await;
        Ok(None)
    }

    /// Over a connection of its own, so that an upload never stalls hooks.
    async fn put_charm(&self, program: &Program, sha256: &str) -> Result<(), HostError> {
        let archive = self.shared.blobs.read(sha256).await.map_err(|error| {
            HostError::machine(format!(
                "failed to read the charm's archive {sha256}: {error}"
            ))
        })?;
        let connection =
            Connection::open(&self.shared.config.dialer, &self.target, &self.identity).await?;
        let put = program.put_charm(&connection, sha256, archive).await;
        connection.close().await;
        put
    }
}
