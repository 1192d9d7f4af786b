//! The far end of the host's channel: it proves that the channel is clean,
//! finds the supervisor or starts it, and relays bytes until either side ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{self, PROTOCOL};

use crate::build;
use crate::error::Error;
use crate::launch;
use crate::paths::Paths;
use crate::supervisor::GREETING_MAX;

/// The longest first line, in bytes.
const HELLO_MAX: u64 = 256;

/// How long a supervisor may take to answer; the one before may have to let
/// go, and hooks of a dead one have to be ended.
const START_WAIT: Duration = Duration::from_secs(30);

/// How long a supervisor that was started may take before it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Serves until the host or the supervisor ends the connection.
pub(crate) fn serve(paths: &Paths) -> Result<(), Error> {
    // The buffer of stdin is one for the process: the relay finds in it what
    // follows the first line.
    let nonce = hello(&mut io::stdin().lock())?;
    let stream = attach(paths)?;
    let mut stdout = io::stdout();
    stdout
        .write_all(frames::answer(&nonce, PROTOCOL).as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Error::system("answer the host"))?;
    relay(stream)
}

fn hello(stdin: &mut impl BufRead) -> Result<String, Error> {
    let mut line = String::new();
    stdin
        .take(HELLO_MAX)
        .read_line(&mut line)
        .map_err(Error::system("read the first line"))?;
    line.strip_suffix('\n')
        .and_then(|line| line.strip_prefix("hello "))
        .filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .ok_or_else(|| Error::Refused("the first line must be: hello NONCE".to_owned()))
}

/// Connects to the supervisor, which is started when there is none.
pub(crate) fn attach(paths: &Paths) -> Result<UnixStream, Error> {
    let deadline = Instant::now() + START_WAIT;
    let mut launched: Option<Instant> = None;
    let mut attempt = 0;
    let mut failure = String::new();
    loop {
        if let Some(stream) = greet(paths)? {
            return Ok(stream);
        }
        if Instant::now() >= deadline {
            return Err(Error::Refused(format!(
                "no supervisor answers at {} after {} s{failure}; see {}",
                paths.socket().display(),
                START_WAIT.as_secs(),
                paths.log().display()
            )));
        }
        if launched.is_none_or(|at| at.elapsed() >= RETRY) {
            if let Err(error) = launch::launch(paths, attempt) {
                failure = format!(": {}", crate::error::describe(&error));
            }
            attempt += 1;
            launched = Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Connects and exchanges builds; none when there is no supervisor, or one
/// that makes way for another.
fn greet(paths: &Paths) -> Result<Option<UnixStream>, Error> {
    let Ok(stream) = UnixStream::connect(paths.socket()) else {
        return Ok(None);
    };
    stream
        .set_read_timeout(Some(START_WAIT))
        .map_err(Error::system("set a time limit"))?;
    let exchanged = (|| -> io::Result<bool> {
        let mut reader = BufReader::with_capacity(1, &stream);
        let mut line = String::new();
        (&mut reader).take(GREETING_MAX).read_line(&mut line)?;
        if !line.starts_with("lazuli ") {
            return Ok(false);
        }
        (&stream).write_all(format!("{}\n", build::greeting()).as_bytes())?;
        line.clear();
        reader.take(GREETING_MAX).read_line(&mut line)?;
        Ok(line == "ok\n")
    })();
    if !exchanged.unwrap_or_default() {
        return Ok(None);
    }
    stream
        .set_read_timeout(None)
        .map_err(Error::system("set a time limit"))?;
    Ok(Some(stream))
}

/// Copies both ways. Whichever side ends, the other is told; the supervisor
/// goes on.
fn relay(stream: UnixStream) -> Result<(), Error> {
    let mut from_host = stream
        .try_clone()
        .map_err(Error::system("use the connection"))?;
    thread::Builder::new()
        .spawn(move || {
            drop(io::copy(&mut io::stdin().lock(), &mut from_host));
            drop(from_host.shutdown(Shutdown::Both));
        })
        .map_err(Error::system("start a thread"))?;
    let mut stdout = io::stdout();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match (&stream).read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => count,
        };
        let written = stdout
            .write_all(&buffer[..count])
            .and_then(|()| stdout.flush());
        if written.is_err() {
            // The channel is cut. The supervisor learns it from the socket.
            return Ok(());
        }
    }
}
