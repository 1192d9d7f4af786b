//! One SSH connection: strict host keys, our key, commands.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, Handle};
use russh::keys::{Algorithm, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, Preferred, kex};
use tokio::time::{Instant, timeout, timeout_at};

use crate::dial::Dialer;
use crate::error::{HostError, HostErrorKind};
use crate::hosts::Target;
use crate::keys::Identity;

/// A connection is given up when this has passed.
const CONNECT: Duration = Duration::from_secs(10);
/// Key exchange and log-in, together.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// A machine that is silent this long is asked whether it lives,
const KEEPALIVE: Duration = Duration::from_secs(10);
/// this often.
const KEEPALIVES: usize = 3;
/// Output of a command that is kept, per stream.
const OUTPUT: usize = 64 * 1024;

/// A connection that is logged in.
pub(crate) struct Connection {
    handle: Handle<Strict>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit status; none when the connection broke or a signal ended it.
    pub(crate) status: Option<u32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Accepts the pinned keys and nothing else.
pub(crate) struct Strict {
    pinned: Vec<PublicKey>,
}

impl client::Handler for Strict {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        server_public_key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = server_public_key else {
            return Ok(false);
        };
        Ok(self
            .pinned
            .iter()
            .any(|pinned| pinned.key_data() == key.key_data()))
    }
}

fn config() -> Arc<client::Config> {
    Arc::new(client::Config {
        // OpenSSH's default exchange costs 70 ms of CPU; this one 10.
        preferred: Preferred {
            kex: Cow::Borrowed(&[kex::CURVE25519, kex::CURVE25519_PRE_RFC_8731]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        nodelay: true,
        ..client::Config::default()
    })
}

impl Connection {
    pub(crate) async fn open(
        dialer: &Dialer,
        target: &Target,
        identity: &Identity,
    ) -> Result<Self, HostError> {
        let pinned = target
            .host_keys
            .iter()
            .map(|key| PublicKey::from_openssh(key))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| HostError::machine(format!("read the pinned host key: {error}")))?;
        let deadline = Instant::now() + CONNECT + HANDSHAKE;
        let stream = dialer
            .connect(target.address, CONNECT)
            .await
            .map_err(|error| HostError::io(&format!("connect to {}", target.address), &error))?;
        let late = || {
            HostError::transient(format!(
                "{} does not finish the SSH handshake",
                target.address
            ))
        };
        let mut handle = timeout_at(
            deadline,
            client::connect_stream(config(), stream, Strict { pinned }),
        )
        .await
        .map_err(|_| late())?
        .map_err(|error| HostError::ssh("start SSH", &error))?;
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&identity.0), None);
        let accepted = timeout_at(deadline, handle.authenticate_publickey(&target.user, key))
            .await
            .map_err(|_| late())?
            .map_err(|error| HostError::ssh("log in", &error))?;
        if !accepted.success() {
            return Err(HostError::new(
                HostErrorKind::Auth,
                format!(
                    "the machine does not accept the model's key for user {}; put it back into its authorized_keys",
                    target.user
                ),
            ));
        }
        Ok(Self { handle })
    }

    /// Opens a channel with a command on it.
    pub(crate) async fn start(
        &self,
        command: &str,
    ) -> Result<russh::Channel<client::Msg>, HostError> {
        let failed = |error: russh::Error| HostError::ssh("start a command", &error);
        let channel = timeout(HANDSHAKE, self.handle.channel_open_session())
            .await
            .map_err(|_| HostError::transient("the machine does not open a channel"))?
            .map_err(failed)?;
        channel.exec(true, command).await.map_err(failed)?;
        Ok(channel)
    }

    /// Runs a command to its end, within `limit`.
    pub(crate) async fn run(
        &self,
        command: &str,
        input: Vec<Bytes>,
        limit: Duration,
    ) -> Result<Done, HostError> {
        let channel = self.start(command).await?;
        let (mut reader, writer) = channel.split();
        let feed = async move {
            for chunk in input {
                // The command's end tells whether it got all it wanted.
                if writer.data_bytes(chunk).await.is_err() {
                    return;
                }
            }
            drop(writer.eof().await);
        };
        let collect = async {
            let mut done = Done {
                status: None,
                stdout: String::new(),
                stderr: String::new(),
            };
            while let Some(message) = reader.wait().await {
                match message {
                    ChannelMsg::Data { data } => keep(&mut done.stdout, &data),
                    ChannelMsg::ExtendedData { data, .. } => keep(&mut done.stderr, &data),
                    ChannelMsg::ExitStatus { exit_status } => done.status = Some(exit_status),
                    _ => {}
                }
            }
            done
        };
        let both = async { tokio::join!(feed, collect).1 };
        timeout(limit, both)
            .await
            .map_err(|_| HostError::transient(format!("no end within {} s", limit.as_secs())))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    pub(crate) async fn close(&self) {
        drop(
            self.handle
                .disconnect(russh::Disconnect::ByApplication, "", "")
                .await,
        );
    }
}

fn keep(text: &mut String, data: &[u8]) {
    let room = OUTPUT.saturating_sub(text.len());
    let data = &data[..data.len().min(room)];
    text.push_str(&String::from_utf8_lossy(data));
}
