//! What the supervisor before left: records on disk and, if it died, hooks
//! that still run.
//!
//! A hook without an outcome may have done anything. Whatever of it still
//! runs is ended, and it is reported as interrupted; the controller decides
//! to run it again.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use lazuli_runner::frames::{Exit, Outcome, Output};
use nix::sys::signal::Signal;

use super::run::Run;
use super::service::Supervisor;
use crate::error::{Error, describe};
use crate::files;
use crate::journal::{self, Found};
use crate::process::{Family, Process};

/// How long processes have to end after TERM, before KILL.
const GRACE: Duration = Duration::from_secs(3);

/// How long processes have to be gone after KILL.
const GONE: Duration = Duration::from_secs(5);

/// How long an archive that no unit has deployed is kept.
const ARCHIVE_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Takes over what is on disk.
pub(super) fn recover(supervisor: &Arc<Supervisor>) -> Result<(), Error> {
    let found = journal::load(&supervisor.paths, |error| {
        supervisor.note(&describe(error));
    })?;
    for one in found {
        let interrupted = one.outcome.is_none().then(|| interrupt(supervisor, &one));
        let run = Run::found(one);
        if let Some(outcome) = interrupted
            && let Err(error) = run.end(outcome)
        {
            supervisor.note(&describe(&error));
        }
        supervisor.state().runs.insert(run.id().clone(), run);
    }
    if let Err(error) = tidy(supervisor) {
        supervisor.note(&describe(&error));
    }
    Ok(())
}

/// Ends what still runs of an interrupted hook.
fn interrupt(supervisor: &Supervisor, found: &Found) -> Outcome {
    let intent = &found.intent;
    let rebooted = intent.boot_id != supervisor.identity.boot_id;
    let reason = if rebooted {
        "the machine was restarted while the hook ran"
    } else {
        end_family(supervisor, found);
        "the supervisor of the machine ended while the hook ran"
    };
    Outcome {
        run: intent.request.run.clone(),
        digest: intent.request.digest.clone(),
        unit: intent.request.unit.clone(),
        hook: intent.request.hook.clone(),
        levels: intent.request.levels.clone(),
        attempt: intent.attempt,
        exit: Exit::Interrupted {
            reason: reason.to_owned(),
        },
        writes: Vec::new(),
        immediate: found.immediate,
        output: Output::default(),
        started_ms: found.started.as_ref().map_or(0, |started| started.at_ms),
        duration_ms: 0,
        task: None,
    }
}

fn end_family(supervisor: &Supervisor, found: &Found) {
    // Only a process of the same pid and start is the hook. When it is gone,
    // members of its group are known by the context they were started with.
    let leader = found.started.as_ref().and_then(|started| {
        Process::find(started.pid)
            .filter(|process| process.start == started.start)
            .map(|process| process.pid)
    });
    let group = found.started.as_ref().map(|started| started.pid);
    let family = Family {
        leader,
        context: &found.intent.context_id,
    };
    let living = || {
        family
            .members()
            .into_iter()
            // A daemon that made itself independent is left alone once the
            // hook is gone: the hook may have been finished with it.
            .filter(|process| leader.is_some() || Some(process.group) == group)
            .count()
    };
    if living() == 0 {
        return;
    }
    supervisor.note(&format!(
        "ending the processes of {}, which the supervisor before left",
        found.intent.request.run
    ));
    let signal = |signal| match leader {
        Some(_) => family.signal(signal),
        None => family.signal_group(group, signal),
    };
    signal(Signal::SIGTERM);
    let deadline = Instant::now() + GRACE;
    while living() > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    let deadline = Instant::now() + GONE;
    while living() > 0 && Instant::now() < deadline {
        signal(Signal::SIGKILL);
        thread::sleep(Duration::from_millis(20));
    }
}

/// Removes archives that nobody deployed for long, and halves of uploads.
fn tidy(supervisor: &Supervisor) -> Result<(), Error> {
    let paths = &supervisor.paths;
    let mut used = Vec::new();
    for name in files::names(&paths.units())? {
        if let Ok(Some(state)) =
            files::read_json::<crate::charm::UnitState>(&paths.units().join(&name))
        {
            used.push(format!("{}.zip", state.sha256));
        }
    }
    for name in files::names(&paths.charms())? {
        let path = paths.charms().join(&name);
        let age = path
            .metadata()
            .and_then(|found| found.modified())
            .map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
        if !used.contains(&name) && age.is_ok_and(|age| age > ARCHIVE_AGE) {
            files::remove_file(&path)?;
        }
    }
    Ok(())
}
