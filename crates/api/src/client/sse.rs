//! Server-sent events: bytes to typed messages.

use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;

use super::ClientError;

/// Bytes of one message at most.
const LARGEST: usize = 16 << 20;
/// The server says something (a comment, if nothing else) more often than
/// this; after it the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(60);

/// A message and the id to resume after.
#[derive(Clone, Debug, PartialEq)]
pub struct SseMessage<T> {
    /// To be given back to go on after this message.
    pub id: Option<String>,
    /// What was sent.
    pub data: T,
}

type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// A stream of messages.
pub struct SseStream<T> {
    server: String,
    chunks: Chunks,
    parser: Parser,
    message: PhantomData<fn() -> T>,
}

impl<T> SseStream<T> {
    pub(super) fn new(server: String, chunks: Chunks) -> Self {
        Self {
            server,
            chunks,
            parser: Parser::default(),
            message: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> SseStream<T> {
    /// The next message; none when the server ended the stream in order.
    ///
    /// # Errors
    ///
    /// Fails when the connection breaks or goes silent, and with the problem
    /// that the server named as its last words.
    pub async fn next(&mut self) -> Result<Option<SseMessage<T>>, ClientError> {
        loop {
            if let Some(raw) = self.parser.next() {
                return self.message(raw).map(Some);
            }
            match tokio::time::timeout(SILENCE, self.chunks.next()).await {
                Err(_) => return Err(self.broke("nothing came for a minute")),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(self.broke(&root(&error))),
                Ok(Some(Ok(chunk))) => {
                    if !self.parser.feed(&chunk) {
                        return Err(self.broke("a message is too large"));
                    }
                }
            }
        }
    }

    fn message(&self, raw: Raw) -> Result<SseMessage<T>, ClientError> {
        let wrong = |error: serde_json::Error| self.broke(&error.to_string());
        if raw.event == "problem" {
            let problem = serde_json::from_str(&raw.data).map_err(wrong)?;
            return Err(ClientError::Problem(Box::new(problem)));
        }
        let data = serde_json::from_str(&raw.data).map_err(wrong)?;
        Ok(SseMessage { id: raw.id, data })
    }

    fn broke(&self, reason: &str) -> ClientError {
        ClientError::StreamBroke {
            server: self.server.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// The first cause: what is above it only says that a body could not be read.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// A message as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Raw {
    id: Option<String>,
    event: String,
    data: String,
}

/// Bytes to messages, in the grammar of the HTML standard (9.2.6), except
/// that a lone CR does not end a line: no server of ours sends one.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
    last_id: Option<String>,
    event: String,
    data: Option<String>,
}

impl Parser {
    /// Takes bytes; says whether it can hold them.
    fn feed(&mut self, chunk: &[u8]) -> bool {
        self.buffer.extend_from_slice(chunk);
        self.buffer.len() + self.data.as_ref().map_or(0, String::len) <= LARGEST
    }

    fn next(&mut self) -> Option<Raw> {
        let mut start = 0;
        let mut found = None;
        while let Some(end) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.buffer[start..start + end]).into_owned();
            start += end + 1;
            found = self.line(line.strip_suffix('\r').unwrap_or(&line));
            if found.is_some() {
                break;
            }
        }
        self.buffer.drain(..start);
        found
    }

    fn line(&mut self, line: &str) -> Option<Raw> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return self.data.take().map(|data| Raw {
                id: self.last_id.clone(),
                event,
                data,
            });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.event),
            "id" => self.last_id = Some(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&str]) -> Vec<Raw> {
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for chunk in chunks {
            assert!(parser.feed(chunk.as_bytes()));
            while let Some(raw) = parser.next() {
                found.push(raw);
            }
        }
        found
    }

    fn raw(id: Option<&str>, event: &str, data: &str) -> Raw {
        Raw {
            id: id.map(str::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn messages_in_any_pieces() {
        let text = ": hello\n\nid: 1.0\nevent: change\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\n";
        let expected = vec![
            raw(Some("1.0"), "change", "{\"a\":\n1}"),
            raw(Some("1.0"), "", "x"),
        ];
        assert_eq!(parse(&[text]), expected);
        let bytes: Vec<String> = text.chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(parse(&bytes), expected);
    }

    #[test]
    fn a_message_without_data_is_none() {
        assert_eq!(parse(&["id: 5\n\n"]), vec![]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; LARGEST];
        assert!(parser.feed(&chunk));
        assert!(!parser.feed(b"y"));
    }
}
