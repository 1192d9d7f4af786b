//! The records of runs on disk.
//!
//! A run has a file of JSON lines: its intent before anything starts, then its
//! process, its immediate writes (acknowledged to the tool only when they are
//! here), how many of them the controller has, and its outcome. The file goes
//! when the controller acknowledged the outcome. Lines are only appended, so a
//! hook costs one new file and no renames; a torn end is as if it had not been
//! written, and is cut off before anything else is. A record that is damaged
//! otherwise, or of a newer release, stays, and its run is not begun again.
//!
//! Crash points: without a whole intent nothing was started. With it and
//! without an outcome the hook may have done anything, so it counts as
//! interrupted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lazuli_runner::frames::{Outcome, PROTOCOL, RunId, RunRequest, Write};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::paths::{Paths, is_run};

/// Bytes of writes that the controller has, and more, after which a record is
/// written anew without them.
const STALE_MAX: usize = 1 << 20;

/// Whose run it is: another controller's attachments do not see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// The controller's uuid.
    pub(crate) controller: String,
    /// The model's uuid.
    pub(crate) model: String,
}

/// What is recorded before a hook starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// The version of this record.
    pub(crate) protocol: u32,
    /// Whose run it is.
    pub(crate) owner: Owner,
    /// From 1.
    pub(crate) attempt: u32,
    /// The context id, by which leftover processes are found.
    pub(crate) context_id: String,
    /// The boot it was to run in.
    pub(crate) boot_id: String,
    /// What was asked.
    pub(crate) request: RunRequest,
}

/// What is recorded once the hook's process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    /// The hook's process, which leads its group.
    pub(crate) pid: i32,
    /// Its start, in ticks since boot.
    pub(crate) start: u64,
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
}

/// A line as it is written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Line<'a> {
    Intent(&'a Intent),
    Started(&'a Started),
    Write { n: u64, write: &'a Write },
    Acknowledged(u64),
    Outcome(&'a Outcome),
}

/// A line as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Entry {
    Intent(Box<Intent>),
    Started(Started),
    Write { n: u64, write: Write },
    Acknowledged(u64),
    Outcome(Box<Outcome>),
}

/// What all versions of the first line have.
#[derive(Deserialize)]
struct Version {
    intent: IntentVersion,
}

#[derive(Deserialize)]
struct IntentVersion {
    protocol: u32,
}

/// A run as it is found on disk.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where its record is.
    pub(crate) record: Record,
    /// What was asked.
    pub(crate) intent: Intent,
    /// Its process, if it got that far.
    pub(crate) started: Option<Started>,
    /// Immediate writes that the controller has not acknowledged.
    pub(crate) writes: Vec<(u64, Write)>,
    /// The number of the last immediate write.
    pub(crate) immediate: u64,
    /// Its outcome, if it ended.
    pub(crate) outcome: Option<Outcome>,
}

/// The file of one run.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    sync: bool,
    /// Bytes of writes since the file was made; locked while it is changed.
    stale: Mutex<usize>,
}

impl Record {
    fn at(path: PathBuf, sync: bool) -> Self {
        Self {
            path,
            sync,
            stale: Mutex::default(),
        }
    }

    /// Records what is about to be started.
    pub(crate) fn begin(paths: &Paths, intent: &Intent) -> Result<Self, Error> {
        let run = &intent.request.run;
        let record = Self::at(paths.record(run), intent.request.limits.sync);
        let line = record.line(&Line::Intent(intent))?;
        let unit_dir = paths.journal().join(&run.unit);
        if record.path.exists() {
            // The leftover of an acknowledged attempt may go. What is not
            // understood may be a run that finished: not done again.
            Contents::read(&record.path)?;
        }
        let create = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&record.path)
        };
        let mut created = create();
        if matches!(&created, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            files::make_dir(&unit_dir, 0o700)?;
            if record.sync {
                files::sync_dir(&paths.journal())?;
            }
            created = create();
        }
        created
            .and_then(|mut file| {
                file.write_all(&line)?;
                if record.sync { file.sync_all() } else { Ok(()) }
            })
            .map_err(Error::file("write", &record.path))?;
        if record.sync {
            files::sync_dir(&unit_dir)?;
        }
        Ok(record)
    }

    /// Records the process. Not synced: after a power cut the boot is another.
    pub(crate) fn started(&self, started: &Started) -> Result<(), Error> {
        self.append(&Line::Started(started), false).map(drop)
    }

    /// Records an immediate write.
    pub(crate) fn write(&self, n: u64, write: &Write) -> Result<(), Error> {
        self.append(&Line::Write { n, write }, self.sync).map(drop)
    }

    /// Records up to which number the controller has the immediate writes;
    /// `all` says that none is left, so that they may go.
    pub(crate) fn acknowledged(&self, upto: u64, all: bool) -> Result<(), Error> {
        let appended = self.append(&Line::Acknowledged(upto), false)?;
        if all && appended > STALE_MAX {
            self.renew()?;
        }
        Ok(())
    }

    /// Records how the hook ended.
    pub(crate) fn end(&self, outcome: &Outcome) -> Result<(), Error> {
        self.append(&Line::Outcome(outcome), self.sync).map(drop)
    }

    /// Removes the record.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        files::remove_file(&self.path)
    }

    fn line(&self, line: &Line<'_>) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec(line).map_err(|source| Error::Document {
            path: self.path.clone(),
            source,
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Adds a line; the bytes that were added since the record was made.
    fn append(&self, line: &Line<'_>, sync: bool) -> Result<usize, Error> {
        let line = self.line(line)?;
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        OpenOptions::new()
            .append(true)
            .open(&self.path)
            .and_then(|mut file| {
                let before = file.metadata()?.len();
                let written = file
                    .write_all(&line)
                    .and_then(|()| if sync { file.sync_data() } else { Ok(()) });
                if written.is_err() {
                    // Half a line would swallow the next one.
                    file.set_len(before)?;
                }
                written
            })
            .map_err(Error::file("write", &self.path))?;
        *stale += line.len();
        Ok(*stale)
    }

    /// Writes the record anew, without the writes that the controller has.
    fn renew(&self) -> Result<(), Error> {
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(contents) = Contents::read(&self.path)? else {
            return Ok(());
        };
        let waiting = contents
            .writes
            .iter()
            .filter(|(n, _)| *n > contents.acknowledged)
            .map(|(n, write)| Line::Write { n: *n, write });
        let lines = std::iter::once(Line::Intent(&contents.intent))
            .chain(contents.started.as_ref().map(Line::Started))
            .chain([Line::Acknowledged(contents.acknowledged)])
            .chain(waiting)
            .chain(contents.outcome.as_ref().map(Line::Outcome));
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend(self.line(&line)?);
        }
        files::write_whole(&self.path, &bytes, self.sync)?;
        *stale = 0;
        Ok(())
    }
}

/// What a record says.
struct Contents {
    intent: Intent,
    started: Option<Started>,
    writes: Vec<(u64, Write)>,
    acknowledged: u64,
    outcome: Option<Outcome>,
    /// Bytes of whole lines.
    whole: usize,
}

impl Contents {
    /// Reads a record up to its torn end; none when not even the intent is
    /// whole.
    ///
    /// # Errors
    /// When it is of a newer release or damaged, so that it is not known what
    /// became of the run.
    fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = fs::read(path).map_err(Error::file("read", path))?;
        let mut lines = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.ends_with(b"\n"));
        let Some(first) = lines.next() else {
            return Ok(None);
        };
        let document = |source| Error::Document {
            path: path.to_owned(),
            source,
        };
        let unknown = |what: &str| {
            Error::Refused(format!(
                "the record {} {what}, so that it is not known what became of the run; the unit's \
                 hooks wait until a release that reads it runs, or until it is removed",
                path.display()
            ))
        };
        let Version { intent: version } = serde_json::from_slice(first).map_err(document)?;
        if version.protocol > PROTOCOL {
            let protocol = version.protocol;
            return Err(unknown(&format!(
                "is of protocol {protocol}, which this release does not know"
            )));
        }
        let Entry::Intent(intent) = serde_json::from_slice(first).map_err(document)? else {
            return Err(unknown("does not begin with what was asked"));
        };
        let mut contents = Self {
            intent: *intent,
            started: None,
            writes: Vec::new(),
            acknowledged: 0,
            outcome: None,
            whole: first.len(),
        };
        let mut torn = false;
        for line in lines {
            let entry = serde_json::from_slice(line);
            // A power cut tears the end, never what was synced before it, and
            // what it leaves is no JSON.
            if entry.is_err() && !is_json(line) {
                torn = true;
                continue;
            }
            if torn {
                return Err(unknown("is damaged in its middle"));
            }
            match entry {
                Ok(Entry::Started(started)) => contents.started = Some(started),
                Ok(Entry::Write { n, write }) => contents.writes.push((n, write)),
                Ok(Entry::Acknowledged(upto)) => contents.acknowledged = upto,
                Ok(Entry::Outcome(outcome)) => contents.outcome = Some(*outcome),
                Ok(Entry::Intent(_)) | Err(_) => {
                    return Err(unknown("has a line that this release does not know"));
                }
            }
            contents.whole += line.len();
        }
        Ok(Some(contents))
    }
}

fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// All records on disk, in order. Halves of records are removed; what is not
/// understood is reported and left alone.
pub(crate) fn load(paths: &Paths, mut note: impl FnMut(&Error)) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for unit in files::names(&paths.journal())? {
        let unit_dir = paths.journal().join(&unit);
        for name in files::names(&unit_dir)? {
            let path = unit_dir.join(&name);
            let run = name.parse().ok().map(|seq| RunId {
                unit: unit.clone(),
                seq,
            });
            let is_record = run.is_some_and(|run| is_run(&run) && paths.record(&run) == path);
            if name.ends_with(".tmp") {
                files::remove_any(&path)?;
                continue;
            }
            if !is_record || path.is_dir() {
                let path = path.display();
                note(&Error::Refused(format!("{path} is no record of a run")));
                continue;
            }
            match load_one(&path) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => files::remove_file(&path)?,
                Err(error) => note(&error),
            }
        }
    }
    // The name of a unit's directory may not be on the disk yet.
    files::sync_dir(&paths.journal())?;
    Ok(found)
}

fn load_one(path: &Path) -> Result<Option<Found>, Error> {
    let Some(contents) = Contents::read(path)? else {
        return Ok(None);
    };
    let intent = contents.intent;
    cut(path, contents.whole).map_err(Error::file("repair", path))?;
    let acknowledged = contents.acknowledged;
    Ok(Some(Found {
        record: Record::at(path.to_owned(), intent.request.limits.sync),
        started: contents.started,
        immediate: contents.writes.last().map_or(acknowledged, |(n, _)| *n),
        writes: contents
            .writes
            .into_iter()
            .filter(|(n, _)| *n > acknowledged)
            .collect(),
        outcome: contents.outcome,
        intent,
    }))
}

/// Cuts off what follows the whole lines.
fn cut(path: &Path, whole: usize) -> io::Result<()> {
    let whole = u64::try_from(whole).map_err(io::Error::other)?;
    let file = File::options().write(true).open(path)?;
    if file.metadata()?.len() > whole {
        file.set_len(whole)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
