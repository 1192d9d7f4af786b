//! A line to a server that can be cut, or broken so that nothing arrives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A line.
#[derive(Clone)]
pub(crate) struct Line {
    address: SocketAddr,
    calls: Arc<Mutex<JoinSet<()>>>,
    frozen: Arc<watch::Sender<bool>>,
    made: Arc<watch::Sender<usize>>,
    _accepting: Arc<JoinSet<()>>,
}

impl Line {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(JoinSet::new()));
        let frozen = Arc::new(watch::Sender::new(false));
        let made = Arc::new(watch::Sender::new(0));
        let mut accepting = JoinSet::new();
        let (all, watched, count) = (Arc::clone(&calls), Arc::clone(&frozen), Arc::clone(&made));
        accepting.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                let frozen = watched.subscribe();
                all.lock().unwrap().spawn(call(client, server, frozen));
            }
        });
        Self {
            address,
            calls,
            frozen,
            made,
            _accepting: Arc::new(accepting),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all calls; new ones can be made.
    pub(crate) fn cut(&self) {
        self.calls.lock().unwrap().abort_all();
    }

    /// From now on nothing arrives either way, and nobody is told; or all
    /// does again.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        *self.made.borrow()
    }
}

async fn call(client: TcpStream, server: SocketAddr, frozen: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::join!(
        pass(client_read, server_write, frozen.clone()),
        pass(server_read, client_write, frozen),
    );
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut frozen: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or_default();
        // The sender lives as long as the line.
        drop(frozen.wait_for(|frozen| !frozen).await);
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
