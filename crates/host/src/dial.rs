//! TCP connections, from another network namespace where that is configured.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Opens connections to machines.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    netns: Option<PathBuf>,
}

impl Dialer {
    /// A dialer that opens its sockets in the network namespace at a path
    /// (root is needed for that), or here.
    #[must_use]
    pub fn new(netns: Option<PathBuf>) -> Self {
        Self { netns }
    }

    /// Connects within `limit`.
    ///
    /// # Errors
    /// When the namespace cannot be entered, the address does not answer, or
    /// the time is over.
    pub async fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        let socket = match &self.netns {
            None => socket(address)?,
            Some(path) => socket_in(path.clone(), address).await?,
        };
        let stream = timeout(limit, socket.connect(address))
            .await
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {} s", limit.as_secs()),
                )
            })??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
}

/// A socket belongs to the namespace of the thread that makes it, for ever:
/// a short thread of its own enters the namespace and ends.
async fn socket_in(path: PathBuf, address: SocketAddr) -> io::Result<TcpSocket> {
    let runtime = tokio::runtime::Handle::current();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("netns-socket".to_owned())
        .spawn(move || {
            let made = enter(&path).and_then(|()| {
                let _guard = runtime.enter();
                socket(address)
            });
            drop(sender.send(made));
        })?;
    receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the thread that makes sockets ended")))
}

fn enter(path: &Path) -> io::Result<()> {
    let namespace = File::open(path).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "failed to open the network namespace {}: {error}",
                path.display()
            ),
        )
    })?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|error| {
        io::Error::other(format!(
            "failed to enter the network namespace {}: {error}",
            path.display()
        ))
    })
}
