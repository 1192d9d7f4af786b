//! Durability: an append log of transactions, one JSON line each, compacted
//! into a snapshot when it has grown to a multiple of the state. A write costs
//! one line and its share of one `fdatasync`; a torn last line is a
//! transaction that was never acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::state::{Change, Cloud};

/// Transactions waiting to be written.
const QUEUE: usize = 4096;
/// The log is compacted when it holds this many lines more than rows.
const SLACK: usize = 20_000;

const NAME: &str = "state.log";
const NEXT: &str = "state.log.next";

enum Message {
    Append(Vec<Change>, oneshot::Sender<()>),
    Compact(Vec<Change>),
}

/// Where transactions go; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    sender: SyncSender<Message>,
}

impl Store {
    /// Reads the cloud from `dir` and begins to write to it.
    pub(crate) fn open(dir: &Path, seed: u64, sync: bool) -> Result<(Self, Cloud), Error> {
        let mut cloud = Cloud::new(seed);
        load(&dir.join(NAME), &mut cloud)?;
        let mut log = Log {
            dir: dir.to_owned(),
            sync,
            file: None,
        };
        log.replace(&cloud.snapshot())?;
        let (sender, receiver) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("state-log".to_owned())
            .spawn(move || log.run(&receiver))
            .map_err(Error::file("start the writer of", dir.join(NAME)))?;
        Ok((Self { sender }, cloud))
    }

    /// Queues a transaction; the receiver hears when it is durable, and is
    /// dropped if it cannot be. Callers hold the cloud's lock, so that the log
    /// has the transactions in the order in which they happened.
    pub(crate) fn append(&self, changes: Vec<Change>) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        // A writer that is gone drops `done`, which the receiver sees.
        let _gone = self.sender.send(Message::Append(changes, done));
        receiver
    }

    /// Replaces the log by a snapshot.
    pub(crate) fn compact(&self, snapshot: Vec<Change>) {
        let _gone = self.sender.send(Message::Compact(snapshot));
    }
}

/// Whether a log with `lines` for a state of `rows` is worth a compaction.
pub(crate) fn worth_compacting(lines: usize, rows: usize) -> bool {
    lines > rows.saturating_mul(2).saturating_add(SLACK)
}

fn load(path: &Path, cloud: &mut Cloud) -> Result<(), Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("open", path)(error)),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0_usize;
    loop {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(Error::file("read", path))?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(());
        }
        number += 1;
        let changes: Vec<Change> =
            serde_json::from_slice(&line).map_err(|error| Error::Damaged {
                path: path.to_owned(),
                reason: format!("line {number}: {error}"),
            })?;
        for change in changes {
            cloud.apply(change);
        }
    }
}

struct Log {
    dir: PathBuf,
    sync: bool,
    file: Option<File>,
}

impl Log {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut batch = vec![first];
            while batch.len() < QUEUE
                && let Ok(more) = receiver.try_recv()
            {
                batch.push(more);
            }
            if let Err(error) = self.write(batch) {
                // Nothing is acknowledged any more: every later append sees a
                // closed channel, and the engine answers with errors.
                tracing::error!(
                    error = %error,
                    "the state log cannot be written; free space and restart azure-sim"
                );
                return;
            }
        }
    }

    fn write(&mut self, batch: Vec<Message>) -> Result<(), Error> {
        let path = self.dir.join(NAME);
        let mut buffer = Vec::new();
        let mut waiting = Vec::new();
        for message in batch {
            match message {
                Message::Append(changes, done) => {
                    line(&path, &changes, &mut buffer)?;
                    waiting.push(done);
                }
                Message::Compact(snapshot) => {
                    // The snapshot holds what is in `buffer`.
                    buffer.clear();
                    self.replace(&snapshot)?;
                }
            }
        }
        if let Some(file) = &mut self.file
            && !buffer.is_empty()
        {
            file.write_all(&buffer)
                .map_err(Error::file("append to", &path))?;
            if self.sync {
                file.sync_data().map_err(Error::file("sync", &path))?;
            }
        }
        for done in waiting {
            // Whoever asked may have gone.
            let _gone = done.send(());
        }
        Ok(())
    }

    fn replace(&mut self, snapshot: &[Change]) -> Result<(), Error> {
        let next = self.dir.join(NEXT);
        let path = self.dir.join(NAME);
        let mut buffer = Vec::new();
        for change in snapshot {
            line(&path, std::slice::from_ref(change), &mut buffer)?;
        }
        // It holds custom data, and with it secrets.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&next)
            .map_err(Error::file("create", &next))?;
        file.write_all(&buffer)
            .map_err(Error::file("write", &next))?;
        if self.sync {
            file.sync_all().map_err(Error::file("sync", &next))?;
        }
        std::fs::rename(&next, &path).map_err(Error::file("replace", &path))?;
        if self.sync {
            File::open(&self.dir)
                .and_then(|dir| dir.sync_all())
                .map_err(Error::file("sync", &self.dir))?;
        }
        self.file = Some(
            OpenOptions::new()
                .append(true)
                .open(&path)
                .map_err(Error::file("open", &path))?,
        );
        Ok(())
    }
}

fn line(path: &Path, changes: &[Change], buffer: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(&mut *buffer, changes).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    buffer.push(b'\n');
    Ok(())
}
