//! The channel to a machine's supervisor: frames both ways.
//!
//! Two tasks own its halves. The reader never waits for anything but the
//! actor that takes its reports, so the channel is always drained.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use lazuli_runner::frames::{self, PROTOCOL, Report};
use rand::RngExt;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::HostError;
use crate::exec::{Ending, Tail, ending_text, last_lines, remote_error};
use crate::ssh::{Session, failed};

/// Bytes that may come before the machine's first line.
pub(crate) const NOISE_MAX: usize = 64 << 10;

/// The longest rest of the machine's first line.
const VERSION_MAX: usize = 16;

const STEP: &str = "attaching to the supervisor";

/// Frames to and from a supervisor.
#[derive(Debug)]
pub(crate) struct Link {
    /// Encoded frames; dropping it ends the channel in order.
    pub(crate) outbox: mpsc::Sender<Bytes>,
    /// What comes, and at last why nothing comes any more.
    pub(crate) inbox: mpsc::Receiver<Result<Report, HostError>>,
    /// Ended when the link is dropped.
    _tasks: JoinSet<()>,
}

/// Letters and digits that nobody can guess.
pub(crate) fn nonce() -> String {
    hex::encode(rand::rng().random::<[u8; 16]>())
}

impl Link {
    /// Starts `command` on a channel of its own and shakes hands.
    ///
    /// # Errors
    /// When the program does not come up, or speaks another version.
    pub(crate) async fn open(
        session: &Session,
        user: &str,
        command: &str,
    ) -> Result<Self, HostError> {
        let address = session.address();
        let (mut read, write) = session.channel().await?.split();
        let nonce = nonce();
        write
            .exec(true, command)
            .await
            .map_err(failed(address, STEP))?;
        write
            .data_bytes(frames::hello(&nonce))
            .await
            .map_err(failed(address, STEP))?;
        let rest = shake(&mut read, address, user, &nonce).await?;
        let (outbox, frames_out) = mpsc::channel(4);
        let (reports, inbox) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(send_all(write, frames_out));
        tasks.spawn(async move {
            let mut reader = Reader {
                address,
                buffer: rest,
                reports,
            };
            let ended = reader.run(read).await;
            // Nobody wants to know when this fails.
            drop(reader.reports.send(Err(ended)).await);
        });
        Ok(Self {
            outbox,
            inbox,
            _tasks: tasks,
        })
    }
}

/// Reads up to the end of the answer with the nonce; what follows it.
async fn shake(
    read: &mut ChannelReadHalf,
    address: SocketAddr,
    user: &str,
    nonce: &str,
) -> Result<BytesMut, HostError> {
    let expected = frames::answer(nonce, PROTOCOL);
    let prefix = format!("lazuli {nonce} ");
    let mut buffer = BytesMut::new();
    let mut tail = Tail::default();
    let mut searched = 0;
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => buffer.extend_from_slice(&data),
            Some(message @ ChannelMsg::Failure) => {
                return Err(tail.refused(address, STEP, &message));
            }
            Some(ChannelMsg::Close) | None => {
                return Err(early_end(address, user, &tail));
            }
            Some(message) => tail.take(message),
        }
        if let Some(at) = find(&buffer[searched..], prefix.as_bytes()) {
            let line = searched + at;
            let after = &buffer[line + prefix.len()..];
            let Some(end) = after.iter().position(|b| *b == b'\n') else {
                if after.len() > VERSION_MAX {
                    return Err(HostError::Noise {
                        address,
                        step: STEP,
                        limit: VERSION_MAX,
                    });
                }
                searched = line;
                continue;
            };
            let whole = line..line + prefix.len() + end + 1;
            if buffer[whole.clone()] != *expected.as_bytes() {
                let theirs = String::from_utf8_lossy(&after[..end]).into_owned();
                return Err(HostError::Version {
                    address,
                    ours: PROTOCOL,
                    theirs,
                });
            }
            return Ok(buffer.split_off(whole.end));
        }
        if buffer.len() > NOISE_MAX {
            return Err(HostError::Noise {
                address,
                step: STEP,
                limit: NOISE_MAX,
            });
        }
        // The prefix may have been split between messages.
        searched = buffer.len().saturating_sub(prefix.len());
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn early_end(address: SocketAddr, user: &str, tail: &Tail) -> HostError {
    match &tail.ending {
        Some(ending) => remote_error(address, user, STEP, ending, &tail.stderr()),
        None => HostError::Ended {
            address,
            detail: format!("it was cut while {STEP}"),
            clean: false,
        },
    }
}

async fn send_all(write: ChannelWriteHalf<Msg>, mut frames: mpsc::Receiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        if write.data_bytes(frame).await.is_err() {
            // The reader learns why.
            return;
        }
    }
    drop(write.eof().await);
}

struct Reader {
    address: SocketAddr,
    buffer: BytesMut,
    reports: mpsc::Sender<Result<Report, HostError>>,
}

impl Reader {
    /// Reads until the end; why it ended. Only an exit status tells an end
    /// from a cut.
    async fn run(&mut self, mut read: ChannelReadHalf) -> HostError {
        let mut tail = Tail::default();
        loop {
            if let Err(error) = self.pass_on().await {
                return error;
            }
            match read.wait().await {
                Some(ChannelMsg::Data { data }) => self.buffer.extend_from_slice(&data),
                Some(ChannelMsg::Close) | None => break,
                Some(message) => tail.take(message),
            }
        }
        let detail = match &tail.ending {
            None => "it was cut".to_owned(),
            Some(Ending::Code(0)) => "the supervisor closed it".to_owned(),
            Some(ending) => {
                let words = last_lines(&tail.stderr());
                format!("lazuli-runner ended with {}: {words}", ending_text(ending))
            }
        };
        HostError::Ended {
            address: self.address,
            detail,
            clean: tail.ending == Some(Ending::Code(0)),
        }
    }

    /// Hands on all whole frames.
    async fn pass_on(&mut self) -> Result<(), HostError> {
        loop {
            let decoded = frames::decode::<Report>(&self.buffer);
            let decoded = decoded.map_err(|cause| HostError::Frame {
                address: self.address,
                cause,
            })?;
            let Some((report, taken)) = decoded else {
                return Ok(());
            };
            drop(self.buffer.split_to(taken));
            // The actor has gone; the channel is drained until it ends.
            drop(self.reports.send(Ok(report)).await);
        }
    }
}
