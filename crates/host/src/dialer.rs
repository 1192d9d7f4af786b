//! TCP connections, from a network namespace if need be.
//!
//! A thread enters the namespace, makes the socket and ends; the socket keeps
//! belonging to the namespace wherever it is used afterwards.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::HostError;

/// Opens connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialer {
    netns: Option<PathBuf>,
}

impl Dialer {
    /// A dialer that connects from a network namespace (`[ssh] netns`), for
    /// which it must be root, or from the daemon's own.
    #[must_use]
    pub fn new(netns: Option<PathBuf>) -> Self {
        Self { netns }
    }

    /// Connects; the stream has `TCP_NODELAY` set.
    ///
    /// # Errors
    /// When the namespace cannot be entered, the address does not answer, or
    /// the time is over.
    pub async fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        self.dial(address, limit)
            .await
            .map_err(|error| io::Error::new(error.io_kind(), error))
    }

    /// The same, with errors for people.
    pub(crate) async fn dial(
        &self,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<TcpStream, HostError> {
        let connected = timeout(limit, async {
            let stream = self.socket(address).await?.connect(address).await;
            stream
                .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
                .map_err(|cause| HostError::Connect { address, cause })
        });
        connected.await.unwrap_or(Err(HostError::ConnectTimeout {
            address,
            after: limit,
        }))
    }

    async fn socket(&self, address: SocketAddr) -> Result<TcpSocket, HostError> {
        let Some(path) = &self.netns else {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            };
            return socket.map_err(|cause| HostError::Connect { address, cause });
        };
        let failed = |cause| HostError::Namespace {
            path: path.clone(),
            cause,
        };
        let (sender, made) = oneshot::channel();
        let inside = path.clone();
        thread::Builder::new()
            .name("netns-socket".to_owned())
            .spawn(move || {
                // Nobody waits for it any more when this fails.
                drop(sender.send(socket_in(&inside, address)));
            })
            .map_err(failed)?;
        let stream = made
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended early")))
            .map_err(failed)?;
        Ok(TcpSocket::from_std_stream(stream))
    }
}

/// Makes a socket in a namespace. Runs in a thread of its own, which is in
/// that namespace from then on.
fn socket_in(path: &Path, address: SocketAddr) -> io::Result<StdStream> {
    setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(socket(family, SockType::Stream, flags, None)?.into())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_namespace_is_entered_or_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_secs(5);
        Dialer::default().dial(address, limit).await.unwrap();
        let missing = Dialer::new(Some("/nonexistent/netns".into()));
        let error = missing.dial(address, limit).await.unwrap_err();
        assert!(matches!(error, HostError::Namespace { .. }), "{error}");
        // Bound, so that nobody else listens there meanwhile.
        let bound = TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.local_addr().unwrap();
        let error = Dialer::default().dial(address, limit).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
