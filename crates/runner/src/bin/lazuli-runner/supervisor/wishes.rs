//! Commands that programs on this machine ask for (`juju-exec`).
//!
//! What a command may see is the controller's, so the supervisor wishes for a
//! run and waits until the controller asks for it. The controller is not
//! called: it comes when it has something to do here, or it does not come in
//! time, and the program is told so.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lazuli_runner::frames::{Exit, LocalDone, LocalExec, Outcome, Report, RunId, write_frame};

use super::service::Supervisor;
use crate::charm::UnitState;
use crate::error::Error;
use crate::files;
use crate::journal::Owner;
use crate::paths::unit_tag;

/// How long a wish waits for its run to begin.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked whether the program is still there.
const LOOK: Duration = Duration::from_millis(200);

/// The most wishes at a time: far fewer than there may be connections.
const WISHES_MAX: usize = 16;

/// The wishes that are not fulfilled yet.
#[derive(Debug, Default)]
pub(crate) struct Wishes(Mutex<BTreeMap<RunId, Arc<Wish>>>);

#[derive(Debug)]
struct Wish {
    owner: Owner,
    exec: LocalExec,
    done: Mutex<Option<LocalDone>>,
    changed: Condvar,
}

impl Wishes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<RunId, Arc<Wish>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to tell an owner's new connection.
    pub(super) fn reports(&self, owner: &Owner) -> Vec<Report> {
        let all = self.all();
        let own = all.iter().filter(|(_, wish)| wish.owner == *owner);
        own.map(|(run, wish)| report(run, wish)).collect()
    }

    /// A run has ended: if somebody wished for it, they hear of it.
    pub(crate) fn fulfilled(&self, outcome: &Outcome) {
        let brought = outcome.task.as_deref().cloned().unwrap_or_default();
        let mut done = LocalDone {
            stdout: brought.stdout,
            stderr: brought.stderr,
            ..LocalDone::default()
        };
        match &outcome.exit {
            Exit::Code { code } => done.code = u8::try_from(*code).unwrap_or(1),
            Exit::Signal { signal } => done.code = u8::try_from(128 + signal).unwrap_or(1),
            Exit::Missing => {}
            Exit::NotStarted { reason }
            | Exit::Interrupted { reason }
            | Exit::Killed { reason } => done.refused = Some(reason.clone()),
        }
        self.end(&outcome.run, done);
    }

    /// The controller will not have it.
    pub(super) fn declined(&self, run: &RunId, reason: String) {
        let done = LocalDone {
            refused: Some(reason),
            ..LocalDone::default()
        };
        self.end(run, done);
    }

    fn end(&self, run: &RunId, done: LocalDone) {
        if let Some(wish) = self.all().get(run) {
            let mut slot = wish.done.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert(done);
            wish.changed.notify_all();
        }
    }
}

fn report(run: &RunId, wish: &Wish) -> Report {
    Report::Wish {
        run: run.clone(),
        exec: wish.exec.clone(),
    }
}

/// Serves a program that wants a command to be run in a unit's context.
pub(super) fn serve(
    supervisor: &Arc<Supervisor>,
    mut stream: UnixStream,
    exec: LocalExec,
) -> Result<(), Error> {
    let done = match begin(supervisor, exec)? {
        Ok((run, wish)) => {
            let done = wait(supervisor, &mut stream, &run, &wish);
            supervisor.wishes.all().remove(&run);
            done
        }
        Err(reason) => Some(LocalDone {
            refused: Some(reason),
            ..LocalDone::default()
        }),
    };
    match done {
        Some(done) => Ok(write_frame(&mut stream, &done)?),
        // The program is gone.
        None => Ok(()),
    }
}

type Begun = Result<(RunId, Arc<Wish>), String>;

fn begin(supervisor: &Arc<Supervisor>, exec: LocalExec) -> Result<Begun, Error> {
    let paths = &supervisor.paths;
    let Some(tag) = unit_tag(&exec.unit) else {
        return Ok(Err(format!("invalid unit name {:?}", exec.unit)));
    };
    let uuid = UnitState::load(paths, &tag)?.uuid;
    let owner = UnitState::owner(paths, &tag)?.filter(|_| !uuid.is_empty());
    let Some(owner) = owner else {
        return Ok(Err(format!(
            "unit {:?} not found on this machine",
            exec.unit
        )));
    };
    let number = u64::from_str_radix(&files::random_hex(7)?, 16).unwrap_or_default();
    let run = RunId::of_wish(uuid, number);
    let wish = Arc::new(Wish {
        owner,
        exec,
        done: Mutex::default(),
        changed: Condvar::new(),
    });
    {
        let mut all = supervisor.wishes.all();
        if all.len() >= WISHES_MAX {
            return Ok(Err(format!("{WISHES_MAX} commands wait already")));
        }
        all.insert(run.clone(), Arc::clone(&wish));
    }
    if let Some(connection) = supervisor.attached(&wish.owner) {
        connection.report(report(&run, &wish));
    }
    Ok(Ok((run, wish)))
}

/// Waits for the end of the run; none when the program went away, which ends
/// the run too.
fn wait(
    supervisor: &Supervisor,
    stream: &mut UnixStream,
    run: &RunId,
    wish: &Wish,
) -> Option<LocalDone> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        {
            let slot = wish.done.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut slot, _) = wish
                .changed
                .wait_timeout_while(slot, LOOK, |done| done.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(done) = slot.take() {
                return Some(done);
            }
        }
        let begun = supervisor.state().runs.get(run).cloned();
        if is_gone(stream) {
            if let Some(begun) = begun {
                let reason = "the program that wanted it is gone".to_owned();
                begun.change(|live| live.kill.get_or_insert(reason).len());
            }
            return None;
        }
        if begun.is_none() && Instant::now() >= deadline {
            let reason = format!(
                "the controller did not come within {} s: it connects when it has something to do \
                 on this machine",
                PATIENCE.as_secs()
            );
            return Some(LocalDone {
                refused: Some(reason),
                ..LocalDone::default()
            });
        }
    }
}

fn is_gone(stream: &mut UnixStream) -> bool {
    let looked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.read(&mut [0]));
    // The answer is written in one piece, however long that takes.
    let blocking = stream.set_nonblocking(false);
    matches!(looked, Ok(0)) || blocking.is_err()
}
