//! A stream that can be cut from outside.
//!
//! The SSH library runs each connection in a task that it does not let go of
//! when the handshake hangs or the window is closed. Cutting the stream ends
//! that task, whatever it waits for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A stream and the wait for its cut.
pub(crate) struct Cuttable {
    stream: TcpStream,
    token: CancellationToken,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    discarded: bool,
}

impl Cuttable {
    /// A stream that fails from when the token is cancelled.
    pub(crate) fn new(stream: TcpStream, token: CancellationToken) -> Self {
        Self {
            stream,
            cut: Box::pin(token.clone().cancelled_owned()),
            token,
            discarded: false,
        }
    }

    fn check(&mut self) -> io::Result<()> {
        if !self.token.is_cancelled() {
            return Ok(());
        }
        // What waits to be sent must not arrive later.
        if !self.discarded {
            self.discarded = true;
            // At worst, data waits in the kernel until its own time limit.
            drop(self.stream.set_zero_linger());
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.token.is_cancelled() {
            // Registers the waker; whether it is ready is asked below.
            let _ = self.cut.as_mut().poll(cx);
        }
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending if !self.token.is_cancelled() => {
                // A write that waits for the network must end as well. The
                // wait belongs to one task, which either reads or writes.
                let _ = self.cut.as_mut().poll(cx);
                self.check()?;
                Poll::Pending
            }
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.check().is_err() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
