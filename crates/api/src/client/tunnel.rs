//! A byte stream over a WebSocket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _, future};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

/// Bytes of one message, either way.
const LARGEST: usize = 1 << 20;
/// Bytes that wait to be sent before a writer has to.
const WAITING: usize = 256 << 10;

/// A connection to a machine's port 22, through the server: bytes as over
/// TCP. Shutting it down ends it both ways.
pub struct Tunnel {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Tunnel {
    pub(super) async fn over<S>(socket: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .max_write_buffer_size(WAITING + LARGEST)
            .write_buffer_size(0);
        let socket = WebSocketStream::from_raw_socket(socket, Role::Client, Some(config)).await;
        let (sink, stream) = socket.split();
        Self {
            reader: Box::pin(StreamReader::new(Box::pin(incoming(stream)))),
            writer: Box::pin(SinkWriter::new(CopyToBytes::new(Box::pin(outgoing(sink))))),
        }
    }
}

fn incoming(
    stream: impl Stream<Item = Result<Message, Error>> + Send,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream
        .take_while(|message| future::ready(!matches!(message, Ok(Message::Close(_)))))
        .filter_map(|message| {
            future::ready(match message {
                Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
                Ok(_) => None,
                Err(error) => Some(Err(io::Error::other(error))),
            })
        })
}

fn outgoing(
    sink: impl Sink<Message, Error = Error> + Send,
) -> impl Sink<Bytes, Error = io::Error> + Send {
    sink.sink_map_err(io::Error::other)
        .with(|bytes: Bytes| future::ok(Message::Binary(bytes)))
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reader.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = bytes.len().min(WAITING);
        self.writer.as_mut().poll_write(context, &bytes[..most])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn bytes_go_both_ways_until_the_end() {
        let (near, far) = tokio::io::duplex(4096);
        let mut tunnel = Tunnel::over(near).await;
        let server = async {
            let mut socket = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            let mut got = Vec::new();
            while got.len() < 100_000 {
                if let Message::Binary(bytes) = socket.next().await.unwrap().unwrap() {
                    got.extend_from_slice(&bytes);
                }
            }
            socket.send(Message::Ping(Bytes::new())).await.unwrap();
            socket.send(Message::Binary(got.into())).await.unwrap();
            socket.close(None).await.unwrap();
            while socket.next().await.is_some() {}
        };
        let client = async {
            tunnel.write_all(&vec![7; 100_000]).await.unwrap();
            tunnel.flush().await.unwrap();
            let mut back = Vec::new();
            tunnel.read_to_end(&mut back).await.unwrap();
            drop(tunnel);
            back
        };
        let ((), back) = tokio::join!(server, client);
        assert_eq!(back, vec![7; 100_000]);
    }
}
