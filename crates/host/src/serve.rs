//! The one channel to a machine's supervisor.

use std::time::Duration;

use bytes::Bytes;
use lazuli_runner::frames::{self, PROTOCOL, Report, Request};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::client::Connection;
use crate::error::HostError;
use crate::runner::Program;

/// The supervisor may have to be started first.
const HANDSHAKE: Duration = Duration::from_secs(45);
/// What may come before the answer: a banner, the output of a `.bashrc`.
const NOISE: usize = 64 * 1024;
/// Frames that wait to be sent, at most.
const WAITING: usize = 256;

/// Frames both ways.
pub(crate) struct Channel {
    reader: ChannelReadHalf,
    /// Bytes that are no whole frame yet.
    buffer: Vec<u8>,
    /// What is to be sent; a task of its own sends it, so that reading never
    /// waits for writing.
    writer: mpsc::Sender<Bytes>,
}

impl Channel {
    /// Starts `serve`; the runner is uploaded when it is not there.
    pub(crate) async fn open(
        connection: &Connection,
        program: &Program,
    ) -> Result<Self, HostError> {
        match Self::handshake(connection, program).await? {
            Ok(channel) => Ok(channel),
            Err(_) => {
                program.upload(connection).await?;
                Self::handshake(connection, program).await?.map_err(|said| {
                    HostError::machine(format!("lazuli-runner does not start: {said}"))
                })
            }
        }
    }

    /// The inner error is what the command said instead of an answer.
    async fn handshake(
        connection: &Connection,
        program: &Program,
    ) -> Result<Result<Self, String>, HostError> {
        let channel = connection
            .start(&format!("sudo -n {} serve", program.path))
            .await?;
        let (mut reader, writer) = channel.split();
        let nonce = format!("{:032x}", rand::random::<u128>());
        writer
            .data_bytes(frames::hello(&nonce).into_bytes())
            .await
            .map_err(|error| HostError::ssh("greet the runner", &error))?;
        let wanted = frames::answer(&nonce, PROTOCOL);
        let answered = timeout(HANDSHAKE, find(&mut reader, wanted.as_bytes()))
            .await
            .map_err(|_| HostError::transient("the machine's supervisor does not answer"))?;
        let buffer = match answered {
            Ok(buffer) => buffer,
            Err(said) => return Ok(Err(said)),
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(write(writer, receiver));
        Ok(Ok(Self {
            reader,
            buffer,
            writer: sender,
        }))
    }

    /// Sends a frame.
    pub(crate) async fn send(&self, request: &Request) -> Result<(), HostError> {
        let bytes = frames::encode(request)
            .map_err(|error| HostError::machine(format!("failed to say it: {error}")))?;
        self.writer
            .send(bytes.into())
            .await
            .map_err(|_| HostError::transient("the connection was cut"))
    }

    /// The next frame; none when the channel ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Report>, HostError> {
        loop {
            match frames::decode(&self.buffer) {
                Ok(Some((report, used))) => {
                    self.buffer.drain(..used);
                    return Ok(Some(report));
                }
                Ok(None) => {}
                Err(error) => {
                    return Err(HostError::machine(format!(
                        "the machine says what is not understood: {error}"
                    )));
                }
            }
            match self.reader.wait().await {
                Some(ChannelMsg::Data { data }) => self.buffer.extend_from_slice(&data),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

async fn write(writer: russh::ChannelWriteHalf<Msg>, mut frames: mpsc::Receiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        if writer.data_bytes(frame).await.is_err() {
            return;
        }
    }
    drop(writer.eof().await);
}

/// Reads up to the answer: the bytes after it, or else what came instead.
async fn find(reader: &mut ChannelReadHalf, wanted: &[u8]) -> Result<Vec<u8>, String> {
    let mut seen: Vec<u8> = Vec::new();
    let mut status = None;
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                seen.extend_from_slice(&data);
                if let Some(at) = seen.windows(wanted.len()).position(|part| part == wanted) {
                    return Ok(seen.split_off(at + wanted.len()));
                }
            }
            ChannelMsg::ExtendedData { data, .. } if seen.len() < NOISE => {
                seen.extend_from_slice(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            _ => {}
        }
        if seen.len() > NOISE {
            return Err(format!("more than {NOISE} bytes before its answer"));
        }
    }
    let said = String::from_utf8_lossy(&seen);
    let said = said.trim();
    Err(match status {
        Some(code) => format!("exit status {code}: {said}"),
        None => format!("cut: {said}"),
    })
}
