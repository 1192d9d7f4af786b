//! One SSH connection: login with a key to a machine whose host key is
//! pinned, and nothing else.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use russh::client::{self, Msg};
use russh::keys::{Algorithm, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, Disconnect, Preferred, cipher, compression, kex};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::Tuning;
use crate::cut::Cuttable;
use crate::dialer::Dialer;
use crate::error::HostError;
use crate::keys::{self, Identity};

/// How long an orderly goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where a machine is and how it proves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address and SSH port.
    pub address: SocketAddr,
    /// The user to log in as, who can `sudo -n` (or is root).
    pub user: String,
    /// Pinned host keys in OpenSSH's one-line form, any of which is accepted.
    /// There is no trust on first use: none pinned means no connection.
    pub host_keys: Vec<String>,
    /// Whether its first boot is over only when cloud-init says so.
    pub waits_for_cloud_init: bool,
}

static SETTINGS: LazyLock<Arc<client::Config>> = LazyLock::new(|| {
    Arc::new(client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed("SSH-2.0-lazuli")),
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::EXTENSION_SUPPORT_AS_CLIENT,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(&[
                cipher::AES_128_GCM,
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
            ]),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    })
});

/// A connection that is logged in. Dropping it cuts it.
pub(crate) struct Session {
    handle: client::Handle<Pinned>,
    address: SocketAddr,
    _cut: DropGuard,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.address)
    }
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Whatever is in the way; nothing was run then.
    pub(crate) async fn open(
        dialer: &Dialer,
        tuning: &Tuning,
        target: &Target,
        identity: &Identity,
    ) -> Result<Self, HostError> {
        let address = target.address;
        let pinned = keys::host_keys(&target.host_keys)?;
        if pinned.is_empty() {
            return Err(HostError::NoHostKey { address });
        }
        let stream = dialer.dial(address, tuning.connect).await?;
        let token = CancellationToken::new();
        let cut = token.clone().drop_guard();
        let stream = Cuttable::new(stream, token);
        let login = login(stream, address, pinned, &target.user, identity);
        let handle = timeout(tuning.login, login)
            .await
            .unwrap_or(Err(HostError::Slow {
                address,
                step: "logging in over SSH",
                after: tuning.login,
            }))?;
        Ok(Self {
            handle,
            address,
            _cut: cut,
        })
    }

    /// Where it goes to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a session channel.
    ///
    /// # Errors
    /// When the machine refuses or the connection is gone.
    pub(crate) async fn channel(&self) -> Result<Channel<Msg>, HostError> {
        self.handle
            .channel_open_session()
            .await
            .map_err(failed(self.address, "opening an SSH channel"))
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) async fn ping(&self) -> Result<(), HostError> {
        self.handle
            .send_ping()
            .await
            .map_err(failed(self.address, "a keepalive"))
    }

    /// Says goodbye and waits a little for what is queued to be sent.
    pub(crate) async fn close(&self) {
        let goodbye = async {
            let said = self.handle.disconnect(Disconnect::ByApplication, "", "");
            if said.await.is_ok() {
                while !self.handle.is_closed() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        // When it does not work out the connection is cut.
        drop(timeout(GOODBYE, goodbye).await);
    }
}

async fn login(
    stream: Cuttable,
    address: SocketAddr,
    pinned: Vec<PublicKey>,
    user: &str,
    identity: &Identity,
) -> Result<client::Handle<Pinned>, HostError> {
    let checker = Pinned { pinned, address };
    let mut handle = client::connect_stream(Arc::clone(&SETTINGS), stream, checker)
        .await
        .map_err(|failure| failure.into_error(address, "the SSH handshake"))?;
    let key = PrivateKeyWithHashAlg::new(identity.key(), None);
    let result = handle
        .authenticate_publickey(user, key)
        .await
        .map_err(failed(address, "logging in over SSH"))?;
    if result.success() {
        return Ok(handle);
    }
    if handle.is_closed() {
        return Err(HostError::ClosedEarly { address });
    }
    Err(HostError::Rejected {
        user: user.to_owned(),
        address,
    })
}

/// Accepts pinned host keys only.
struct Pinned {
    pinned: Vec<PublicKey>,
    address: SocketAddr,
}

impl client::Handler for Pinned {
    type Error = Failure;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let key = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => key,
            // A certificate is nobody's word that was asked for.
            PublicKeyOrCertificate::Certificate(_) => return Ok(false),
        };
        if self
            .pinned
            .iter()
            .any(|one| one.key_data() == key.key_data())
        {
            return Ok(true);
        }
        let expected: Vec<_> = self.pinned.iter().map(keys::fingerprint).collect();
        Err(Failure::HostKey(HostError::HostKey {
            address: self.address,
            offered: keys::fingerprint(key),
            expected: expected.join(" or "),
        }))
    }
}

/// What a handler may fail with.
#[derive(Debug)]
enum Failure {
    HostKey(HostError),
    Ssh(russh::Error),
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Failure {
    fn into_error(self, address: SocketAddr, step: &'static str) -> HostError {
        match self {
            Self::HostKey(error) => error,
            Self::Ssh(error) => failed(address, step)(error),
        }
    }
}

/// Says where an error of the SSH library happened.
pub(crate) fn failed(
    address: SocketAddr,
    step: &'static str,
) -> impl FnOnce(russh::Error) -> HostError {
    move |cause| match cause {
        russh::Error::Disconnect | russh::Error::HUP if step == "the SSH handshake" => {
            HostError::ClosedEarly { address }
        }
        russh::Error::NoCommonAlgo { kind, .. } => HostError::NoCommon {
            address,
            what: format!("{kind:?} algorithm").to_lowercase(),
        },
        cause => HostError::Ssh {
            address,
            step,
            cause,
        },
    }
}
