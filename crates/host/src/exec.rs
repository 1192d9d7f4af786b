//! Single commands on a machine, with bounds on all they print.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::error::HostError;
use crate::ssh::{Session, failed};

/// Bytes of stderr that are kept: its end.
const STDERR_KEPT: usize = 4 << 10;

/// Bytes read from a source at once.
const CHUNK: usize = 32 << 10;

/// What a command reads.
pub enum Input {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// Whatever comes from there, until its end.
    Stream(Pin<Box<dyn AsyncRead + Send>>),
}

/// Bounds of a command.
#[derive(Clone, Debug)]
pub struct ExecLimits {
    /// Bytes it may print to stdout; more is an error.
    pub stdout: usize,
    /// For all of it.
    pub deadline: Duration,
}

impl Default for ExecLimits {
    fn default() -> Self {
        Self {
            stdout: 256 << 10,
            deadline: Duration::from_secs(60),
        }
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// How it ended.
    pub ending: Ending,
    /// All it printed.
    pub stdout: Vec<u8>,
    /// The end of what it printed to stderr, as UTF-8 with replacement.
    pub stderr: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this code.
    Code(u32),
    /// By this signal.
    Signal(String),
}

impl ExecOutput {
    /// Whether it exited with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.ending == Ending::Code(0)
    }
}

impl Session {
    /// Runs one command through the user's login shell.
    ///
    /// # Errors
    /// When it could not be started, printed too much, took too long, or the
    /// connection was cut. A command that fails is no error.
    pub(crate) async fn exec(
        &self,
        step: &'static str,
        command: &str,
        input: Input,
        limits: &ExecLimits,
    ) -> Result<ExecOutput, HostError> {
        let all = async {
            let (read, write) = self.channel().await?.split();
            write
                .exec(true, command)
                .await
                .map_err(failed(self.address(), step))?;
            self.converse(step, read, write, input, limits.stdout).await
        };
        timeout(limits.deadline, all)
            .await
            .unwrap_or(Err(HostError::Slow {
                address: self.address(),
                step,
                after: limits.deadline,
            }))
    }

    async fn converse(
        &self,
        step: &'static str,
        mut read: ChannelReadHalf,
        write: ChannelWriteHalf<Msg>,
        input: Input,
        limit: usize,
    ) -> Result<ExecOutput, HostError> {
        let address = self.address();
        let mut stdout = Vec::new();
        let mut tail = Tail::default();
        let mut feeding = std::pin::pin!(feed(&write, input));
        let mut fed = false;
        loop {
            tokio::select! {
                result = &mut feeding, if !fed => {
                    fed = true;
                    result.map_err(|error| match error {
                        FeedError::Source(cause) => HostError::Blob { step, cause },
                        FeedError::Ssh(cause) => failed(address, step)(cause),
                    })?;
                }
                message = read.wait() => match message {
                    Some(ChannelMsg::Data { data }) => {
                        if stdout.len() + data.len() > limit {
                            return Err(HostError::Noise { address, step, limit });
                        }
                        stdout.extend_from_slice(&data);
                    }
                    Some(message @ ChannelMsg::Failure) => {
                        return Err(tail.refused(address, step, &message));
                    }
                    Some(ChannelMsg::Close) | None => break,
                    Some(message) => tail.take(message),
                },
            }
        }
        let stderr = tail.stderr();
        match tail.ending {
            Some(ending) => Ok(ExecOutput {
                ending,
                stdout,
                stderr,
            }),
            None => Err(HostError::Ended {
                address,
                detail: format!("it was cut during {step}"),
                clean: false,
            }),
        }
    }
}

enum FeedError {
    Source(std::io::Error),
    Ssh(russh::Error),
}

async fn feed(write: &ChannelWriteHalf<Msg>, input: Input) -> Result<(), FeedError> {
    match input {
        Input::Empty => {}
        Input::Bytes(bytes) => write.data_bytes(bytes).await.map_err(FeedError::Ssh)?,
        Input::Stream(mut source) => loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let count = source
                .read_buf(&mut chunk)
                .await
                .map_err(FeedError::Source)?;
            if count == 0 {
                break;
            }
            let sent = write.data_bytes(chunk.freeze()).await;
            sent.map_err(FeedError::Ssh)?;
        },
    }
    write.eof().await.map_err(FeedError::Ssh)
}

/// The end of a channel: how it ended, and the last words on stderr.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    words: Vec<u8>,
    pub(crate) ending: Option<Ending>,
}

impl Tail {
    /// Takes what is not stdout.
    pub(crate) fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::ExtendedData { data, .. } => {
                self.words.extend_from_slice(&data);
                if self.words.len() > 2 * STDERR_KEPT {
                    self.words.drain(..self.words.len() - STDERR_KEPT);
                }
            }
            ChannelMsg::ExitStatus { exit_status } => {
                self.ending = Some(Ending::Code(exit_status));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.ending = Some(Ending::Signal(format!("{signal_name:?}")));
            }
            _ => {}
        }
    }

    /// The end of stderr.
    pub(crate) fn stderr(&self) -> String {
        let from = self.words.len().saturating_sub(STDERR_KEPT);
        let words = self.words.get(from..).unwrap_or_default();
        String::from_utf8_lossy(words).trim().to_owned()
    }

    /// The error for a command that the machine would not start.
    pub(crate) fn refused(
        &self,
        address: std::net::SocketAddr,
        step: &'static str,
        message: &ChannelMsg,
    ) -> HostError {
        HostError::Remote {
            address,
            step,
            ending: format!("{message:?}").to_lowercase(),
            detail: "the SSH server does not run commands for this user".to_owned(),
        }
    }
}

/// How a command ended, for people.
pub(crate) fn ending_text(ending: &Ending) -> String {
    match ending {
        Ending::Code(code) => format!("exit code {code}"),
        Ending::Signal(signal) => format!("signal {signal}"),
    }
}

/// The error for a command of ours that did not succeed, by what it said.
pub(crate) fn remote_error(
    address: std::net::SocketAddr,
    user: &str,
    step: &'static str,
    ending: &Ending,
    stderr: &str,
) -> HostError {
    let detail = last_lines(stderr);
    let has = |text: &str| stderr.contains(text);
    if user != "root" && (has("sudo:") || has("not in the sudoers file") || has("sudo: not found"))
    {
        return HostError::Sudo {
            user: user.to_owned(),
            address,
            detail,
        };
    }
    if has("No space left on device") || has("Read-only file system") || has("Disk quota exceeded")
    {
        return HostError::Space {
            address,
            step,
            detail,
        };
    }
    HostError::Remote {
        address,
        step,
        ending: ending_text(ending),
        detail,
    }
}

/// The last words, in one line for people.
pub(crate) fn last_lines(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(3);
    let text = lines.get(from..).unwrap_or_default().join("; ");
    if text.is_empty() {
        "it said nothing".to_owned()
    } else {
        text.chars().take(500).collect()
    }
}
