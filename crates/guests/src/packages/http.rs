//! As much HTTP/1.1 as apt speaks.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};

/// A request line and its headers may have this many bytes.
const MAX_HEAD: u64 = 16 * 1024;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) close: bool,
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    Bytes(&'a [u8]),
    File(File),
    Error(u16, &'static str),
}

/// The next request; none when the other side has ended.
pub(super) fn read(connection: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = connection.take(MAX_HEAD);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next(), words.next());
    let (Some(method), Some(path)) = (method, path) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        close: words.next() == Some("HTTP/1.0"),
    };
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some(request));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("connection") {
            request.close |= value.trim().eq_ignore_ascii_case("close");
        }
    }
}

/// Undoes percent-encoding, once; none if it is broken.
pub(super) fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Writes an answer.
pub(super) fn write(
    connection: &mut impl Write,
    answer: Answer<'_>,
    has_body: bool,
) -> io::Result<()> {
    let (status, length) = match &answer {
        Answer::Bytes(bytes) => ("200 OK".to_owned(), bytes.len() as u64),
        Answer::File(file) => ("200 OK".to_owned(), file.metadata()?.len()),
        Answer::Error(code, reason) => (format!("{code} {reason}"), 0),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    match answer {
        Answer::Bytes(bytes) if has_body => connection.write_all(bytes)?,
        Answer::File(file) if has_body => {
            io::copy(&mut file.take(length), connection)?;
        }
        _ => {}
    }
    connection.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_may_follow_each_other() {
        let text = "GET /./Release HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
        let mut input = text.as_bytes();
        let first = read(&mut input).unwrap().unwrap();
        assert_eq!(first.path, "/./Release");
        assert!(read(&mut input).unwrap().unwrap().close);
        assert_eq!(read(&mut input).unwrap(), None);
    }

    #[test]
    fn paths_are_decoded_once() {
        assert_eq!(decode("a_1%253a2%2b3").as_deref(), Some("a_1%3a2+3"));
        assert_eq!(decode("a%2"), None);
        assert_eq!(decode("a%zz"), None);
    }

    #[test]
    fn endless_heads_are_refused() {
        let text = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
        assert!(read(&mut text.as_bytes()).is_err());
    }
}
