//! Connections: TLS, limits on headers and numbers, an orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;

use crate::authn::Peer;

/// How long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(15);
/// How long TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A peer that acknowledges nothing for so long is gone, milliseconds.
const UNACKNOWLEDGED: u32 = 60_000;
/// How long connections have to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// What to listen with.
pub struct Listening {
    /// Bound already.
    pub listener: TcpListener,
    /// None on loopback only.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Connections at once; more wait in the kernel.
    pub most_connections: usize,
}

/// Serves until `stopping` is cancelled; then answers what was asked already.
pub async fn serve(listening: Listening, router: Router, stopping: CancellationToken) {
    let places = Arc::new(Semaphore::new(listening.most_connections));
    let acceptor = listening.tls.map(TlsAcceptor::from);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accept(&listening.listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of files, mostly: connections have to end first.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, acceptor, stopping) = (router.clone(), acceptor.clone(), stopping.clone());
        connections.spawn(async move {
            if let Err(error) =
                connection(stream, peer.ip().into(), acceptor, router, stopping).await
            {
                tracing::debug!(%peer, error, "a connection ended");
            }
            drop(place);
        });
    }
    connections.close();
    let _ = timeout(GRACE, connections.wait()).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stopping: CancellationToken,
) -> Result<(), String> {
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    setsockopt(&stream, sockopt::TcpUserTimeout, &UNACKNOWLEDGED)
        .map_err(|error| error.to_string())?;
    match acceptor {
        None => speak(stream, peer, router, stopping).await,
        Some(acceptor) => {
            let stream = timeout(HANDSHAKE, acceptor.accept(stream))
                .await
                .map_err(|_| "no TLS in time".to_owned())?
                .map_err(|error| error.to_string())?;
            speak(stream, peer, router, stopping).await
        }
    }
}

async fn speak<S>(
    stream: S,
    peer: Peer,
    router: Router,
    stopping: CancellationToken,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(Extension(peer).layer(router));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}
