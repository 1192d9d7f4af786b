//! The records of runs on disk.
//!
//! A run has a directory: `request.json` before anything starts,
//! `process.json` once its process runs, `writes.log` for immediate writes
//! (one JSON line each, acknowledged to the tool only when it is here),
//! `acknowledged.json` for how many of them the controller has, and
//! `outcome.json`, which appears by rename when the hook has ended. The
//! directory goes when the controller acknowledged the outcome.
//!
//! Crash points: without `request.json` nothing was started. With it and
//! without `outcome.json` the hook may have done anything, so it counts as
//! interrupted.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lazuli_runner::frames::{Outcome, PROTOCOL, RunId, RunRequest, Write};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::paths::{Paths, is_run};

/// The longest line of `writes.log` that is read back, in bytes.
const LINE_MAX: u64 = 32 << 20;

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

#[derive(Serialize, Deserialize)]
struct NumberedWrite {
    n: u64,
    write: Write,
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

/// The directory of one run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    dir: PathBuf,
    sync: bool,
}

impl Record {
    /// Records what is about to be started.
    pub(crate) fn begin(paths: &Paths, intent: &Intent) -> Result<Self, Error> {
        let run = &intent.request.run;
        let record = Self {
            dir: paths.record(run),
            sync: intent.request.limits.sync,
        };
        let unit_dir = paths.journal().join(&run.unit);
        files::make_dir(&unit_dir, 0o700)?;
        // A leftover of an acknowledged attempt that was not wholly removed.
        files::remove_tree(&record.dir)?;
        files::make_dir(&record.dir, 0o700)?;
        files::write_json(&record.dir.join("request.json"), intent, record.sync)?;
        if record.sync {
            files::sync_dir(&unit_dir)?;
            files::sync_dir(&paths.journal())?;
        }
        Ok(record)
    }

    /// Records the process. Not synced: after a power cut the boot is another.
    pub(crate) fn started(&self, started: &Started) -> Result<(), Error> {
        files::write_json(&self.dir.join("process.json"), started, false)
    }

    /// Records an immediate write.
    pub(crate) fn write(&self, n: u64, write: &Write) -> Result<(), Error> {
        let path = self.dir.join("writes.log");
        let mut line = serde_json::to_vec(&serde_json::json!({ "n": n, "write": write })).map_err(
            |source| Error::Document {
                path: path.clone(),
                source,
            },
        )?;
        line.push(b'\n');
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| {
                let before = file.metadata()?.len();
                let written = file.write_all(&line).and_then(|()| {
                    if self.sync {
                        file.sync_data()?;
                    }
                    Ok(())
                });
                if written.is_err() {
                    // Half a line would swallow the next one.
                    file.set_len(before)?;
                }
                written
            })
            .map_err(Error::file("write", &path))
    }

    /// Records up to which number the controller has the immediate writes;
    /// `all` says that none is left, so that their file may go.
    pub(crate) fn acknowledged(&self, upto: u64, all: bool) -> Result<(), Error> {
        files::write_json(&self.dir.join("acknowledged.json"), &upto, false)?;
        if all {
            files::remove_file(&self.dir.join("writes.log"))?;
        }
        Ok(())
    }

    /// Records how the hook ended.
    pub(crate) fn end(&self, outcome: &Outcome) -> Result<(), Error> {
        files::write_json(&self.dir.join("outcome.json"), outcome, self.sync)
    }

    /// Removes the record.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        // The request first: what remains without it is nothing.
        files::remove_file(&self.dir.join("request.json"))?;
        files::remove_tree(&self.dir)
    }
}

/// All records on disk, in order. What is not a record is removed; what is not
/// understood is reported and left alone.
pub(crate) fn load(paths: &Paths, mut note: impl FnMut(&Error)) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for unit in files::names(&paths.journal())? {
        let unit_dir = paths.journal().join(&unit);
        for seq in files::names(&unit_dir)? {
            let Ok(seq) = seq.parse() else { continue };
            let run = RunId {
                unit: unit.clone(),
                seq,
            };
            if !is_run(&run) {
                continue;
            }
            match load_one(&paths.record(&run)) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => files::remove_tree(&paths.record(&run))?,
                Err(error) => note(&error),
            }
        }
    }
    Ok(found)
}

fn load_one(dir: &Path) -> Result<Option<Found>, Error> {
    let Some(intent) = files::read_json::<Intent>(&dir.join("request.json"))? else {
        return Ok(None);
    };
    if intent.protocol > PROTOCOL {
        return Err(Error::Refused(format!(
            "the record {} is of protocol {}, which this release does not know",
            dir.display(),
            intent.protocol
        )));
    }
    let acknowledged: u64 = files::read_json(&dir.join("acknowledged.json"))?.unwrap_or_default();
    let writes = load_writes(&dir.join("writes.log"))?;
    Ok(Some(Found {
        record: Record {
            dir: dir.to_owned(),
            sync: intent.request.limits.sync,
        },
        started: files::read_json(&dir.join("process.json"))?,
        immediate: writes.last().map_or(acknowledged, |(n, _)| *n),
        writes: writes
            .into_iter()
            .filter(|(n, _)| *n > acknowledged)
            .collect(),
        outcome: files::read_json(&dir.join("outcome.json"))?,
        intent,
    }))
}

/// The writes up to the first line that is not whole: that one was never
/// acknowledged to a tool.
fn load_writes(path: &Path) -> Result<Vec<(u64, Write)>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    let mut reader = BufReader::new(file);
    let mut writes = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        reader
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .map_err(Error::file("read", path))?;
        match serde_json::from_slice::<NumberedWrite>(&line) {
            Ok(entry) if line.ends_with(b"\n") => writes.push((entry.n, entry.write)),
            _ => return Ok(writes),
        }
    }
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{CharmRef, Context, Exit, Hook, HookKind, Limits, Output};

    use super::*;

    fn intent() -> Intent {
        Intent {
            protocol: PROTOCOL,
            owner: Owner {
                controller: "c".into(),
                model: "m".into(),
            },
            attempt: 1,
            context_id: "a/0-install-00".into(),
            boot_id: "boot".into(),
            request: RunRequest {
                run: RunId {
                    unit: "u".into(),
                    seq: 3,
                },
                digest: "d".into(),
                unit: "a/0".into(),
                hook: Hook {
                    kind: HookKind::Hook,
                    name: "install".into(),
                },
                charm: CharmRef {
                    url: "local:a-0".into(),
                    sha256: "0".repeat(64),
                },
                levels: serde_json::Value::Null,
                context: Context::default(),
                limits: Limits {
                    sync: false,
                    ..Limits::default()
                },
            },
        }
    }

    fn version(version: &str) -> Write {
        Write::WorkloadVersion {
            version: version.into(),
        }
    }

    fn temporary(name: &str) -> Paths {
        let root =
            std::env::temp_dir().join(format!("lazuli-runner-{name}-{}", std::process::id()));
        files::remove_tree(&root).unwrap();
        let paths = Paths::below(root);
        files::make_dir(&paths.journal(), 0o700).unwrap();
        paths
    }

    #[test]
    fn a_record_is_read_back_at_each_point() {
        let paths = temporary("journal-points");
        let load = || load(&paths, |error| panic!("{error}")).unwrap();
        assert!(load().is_empty());

        let record = Record::begin(&paths, &intent()).unwrap();
        let found = load();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].intent.request, intent().request);
        assert_eq!(found[0].started, None);

        let started = Started {
            pid: 1,
            start: 2,
            at_ms: 3,
        };
        record.started(&started).unwrap();
        record.write(1, &version("1")).unwrap();
        record.write(2, &version("2")).unwrap();
        record.acknowledged(1, false).unwrap();
        let found = load();
        assert_eq!(found[0].started, Some(started));
        assert_eq!(found[0].writes, [(2, version("2"))]);
        assert_eq!((found[0].immediate, &found[0].outcome), (2, &None));

        let outcome = Outcome {
            run: intent().request.run,
            digest: "d".into(),
            unit: "a/0".into(),
            hook: intent().request.hook,
            levels: serde_json::Value::Null,
            attempt: 1,
            exit: Exit::Missing,
            writes: Vec::new(),
            immediate: 2,
            output: Output::default(),
            started_ms: 0,
            duration_ms: 0,
        };
        record.end(&outcome).unwrap();
        assert_eq!(load()[0].outcome, Some(outcome));

        record.remove().unwrap();
        assert!(load().is_empty());
        files::remove_tree(paths.root()).unwrap();
    }

    #[test]
    fn a_torn_line_is_not_a_write() {
        let paths = temporary("journal-torn");
        let record = Record::begin(&paths, &intent()).unwrap();
        record.write(1, &version("1")).unwrap();
        let log = record.dir.join("writes.log");
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.extend_from_slice(br#"{"n":2,"write":{"w":"workload-version","vers"#);
        std::fs::write(&log, bytes).unwrap();
        let found = load(&paths, |error| panic!("{error}")).unwrap();
        assert_eq!(found[0].writes, [(1, version("1"))]);
        files::remove_tree(paths.root()).unwrap();
    }
}
