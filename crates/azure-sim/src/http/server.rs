//! Listeners: HTTP/1.1 over TLS, and without for curl.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::Front;
use super::exchange::{Request, Served, unreadable};

/// ARM's limit of a request's size.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Connections at one time.
const MAX_CONNECTIONS: usize = 4_096;
/// For a TLS handshake, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(15);

/// Takes connections until the engine stops.
pub(crate) async fn listen(front: Arc<Front>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let stop = front.engine.stop.clone();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: wait until some are closed.
                tracing::warn!(error = %error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let front = Arc::clone(&front);
        let tls = tls.clone();
        let tasks = front.engine.tasks.clone();
        tasks.spawn(async move {
            let _permit = permit;
            if let Err(error) = connection(front, stream, tls).await {
                tracing::debug!(error = %error, "a connection ended early");
            }
        });
    }
}

async fn connection(
    front: Arc<Front>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => exchange(front, stream, "http").await,
        Some(tls) => {
            let stream = tokio::time::timeout(PATIENCE, tls.accept(stream)).await??;
            exchange(front, stream, "https").await
        }
    }
}

async fn exchange<S>(front: Arc<Front>, stream: S, scheme: &'static str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stop = front.engine.stop.clone();
    let service = service_fn(move |request| answer(Arc::clone(&front), request, scheme));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(io::Error::other)
}

/// A fault asked for the connection to be cut.
#[derive(Debug, thiserror::Error)]
#[error("dropped by a fault")]
struct Cut;

async fn answer(
    front: Arc<Front>,
    request: http::Request<Incoming>,
    scheme: &'static str,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), MAX_BODY).await else {
        return Ok(unreadable(
            413,
            "RequestTooLarge",
            "The request content size exceeds the maximum size of 4 MB, or it ended early.",
        ));
    };
    let host = parts
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .or(parts.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or("localhost");
    let request = Request {
        base: format!("{scheme}://{host}"),
        method: parts.method,
        path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    // In a task of its own: a client that hangs up must not stop the work
    // between its effect and its record.
    let tasks = front.engine.tasks.clone();
    let served = tasks.spawn(async move { front.serve(request).await });
    match served.await {
        Ok(Served::Answer(response)) => Ok(response),
        Ok(Served::Dropped) => Err(Cut),
        Err(error) => {
            tracing::error!(error = %error, "a request failed");
            Ok(unreadable(
                500,
                "InternalServerError",
                "The simulator failed; see its log.",
            ))
        }
    }
}
