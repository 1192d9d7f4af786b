//! What a host asks for.

use std::sync::Arc;

use lazuli_runner::frames::{
    Exit, HookKind, PROTOCOL, Refusal, Report, Request, RunId, RunRequest,
};

use super::connection::Connection;
use super::run::Run;
use super::service::Supervisor;
use crate::charm::{self, UnitState};
use crate::error::{Error, describe};
use crate::files;
use crate::hook;
use crate::journal::{Intent, Owner, Record};
use crate::paths::{is_hook, is_run, is_sha256, unit_tag};

/// The most runs that wait to be acknowledged.
const RUNS_MAX: usize = 1_000;

/// Carries out a request of the newest connection of an owner.
pub(super) fn carry_out(
    supervisor: &Arc<Supervisor>,
    owner: &Owner,
    connection: &Arc<Connection>,
    request: Request,
) {
    let own = |id: &RunId| {
        supervisor
            .state()
            .runs
            .get(id)
            .filter(|run| run.owner() == owner)
            .cloned()
    };
    match request {
        Request::Attach(_) => connection.report(Report::Refused {
            run: None,
            refusal: invalid("attached already"),
        }),
        Request::Run(request) => {
            let id = request.run.clone();
            match start(supervisor, owner, *request) {
                Ok(Begun::New(run)) => hook::spawn(supervisor, &run),
                Ok(Begun::Known(run)) => {
                    for report in run.reports() {
                        connection.report(report);
                    }
                }
                Ok(Begun::Stopping) => connection.close(),
                Err(refusal) => connection.report(Report::Refused {
                    run: Some(id),
                    refusal,
                }),
            }
        }
        Request::Ack { run } => {
            if let Some(run) = own(&run) {
                acknowledge(supervisor, &run);
            }
        }
        Request::AckWrites { run, upto } => {
            if let Some(run) = own(&run)
                && let Err(error) = run.acknowledge_writes(upto)
            {
                supervisor.note(&describe(&error));
            }
        }
        Request::Answer { run, ask, answer } => supervisor.asks.answer(&run, ask, answer),
        Request::Decline { run, reason } => supervisor.wishes.declined(&run, reason),
        Request::Exec(_) => connection.report(Report::Refused {
            run: None,
            refusal: invalid("a host runs commands as runs"),
        }),
        Request::Grant { run, millis } => {
            if let Some(run) = own(&run) {
                run.grant(Some(millis));
            }
        }
        Request::Kill { run, reason } => {
            if let Some(run) = own(&run) {
                run.change(|live| live.kill.get_or_insert(reason).truncate(4096));
            }
        }
        Request::Forget { unit } => {
            if let Err(refusal) = forget(supervisor, owner, &unit) {
                connection.report(Report::Refused { run: None, refusal });
            }
        }
    }
}

fn invalid(reason: impl Into<String>) -> Refusal {
    Refusal::Invalid {
        reason: reason.into(),
    }
}

enum Begun {
    /// Its hook is to be started.
    New(Arc<Run>),
    /// It was asked for before.
    Known(Arc<Run>),
    /// Another supervisor will do it.
    Stopping,
}

fn start(
    supervisor: &Arc<Supervisor>,
    owner: &Owner,
    request: RunRequest,
) -> Result<Begun, Refusal> {
    let tag = validate(&request).map_err(invalid)?;
    {
        let state = supervisor.state();
        if let Some(run) = state.runs.get(&request.run) {
            let recorded = &run.intent.request.digest;
            return if *recorded == request.digest && run.owner() == owner {
                Ok(Begun::Known(Arc::clone(run)))
            } else {
                Err(Refusal::Digest {
                    recorded: recorded.clone(),
                })
            };
        }
        // Names are their owner's: what another one left under this name is
        // never acknowledged here, and must not be waited for. A machine's own
        // commands wait for nobody.
        let same_unit = |run: &&Arc<Run>| {
            if request.unit.is_empty() {
                return false;
            }
            let same_name = run.intent.request.unit == request.unit;
            run.id().unit == request.run.unit || (same_name && run.owner() == owner)
        };
        if let Some(other) = state.runs.values().find(same_unit) {
            return Err(Refusal::Busy {
                run: other.id().clone(),
            });
        }
        if state.runs.len() >= RUNS_MAX {
            return Err(invalid(format!("{RUNS_MAX} runs wait to be acknowledged")));
        }
        if state.stopping || state.retiring {
            return Ok(Begun::Stopping);
        }
    }
    let before = (owner.clone(), request.unit.clone());
    if tag.is_some() && supervisor.state().departed.remove(&before) {
        // The unit of this name that went has ended only now.
        forget(supervisor, owner, &request.unit)?;
    }
    let refuse = |error: Error| invalid(describe(&error));
    let paths = &supervisor.paths;
    let mut attempt = 1;
    if let Some(tag) = &tag {
        let state = UnitState::load(paths, tag).map_err(refuse)?;
        let sha256 = &request.charm.sha256;
        let deployed = charm::is_deployed(paths, tag, &state, &request.run.unit, sha256);
        if !deployed && !paths.charm(sha256).is_file() {
            return Err(Refusal::NoCharm {
                sha256: sha256.clone(),
            });
        }
        attempt = state.next_attempt(&request.run);
        UnitState::remember_owner(paths, tag, owner).map_err(refuse)?;
    }
    let late = late(supervisor, &request);
    let intent = Intent {
        protocol: PROTOCOL,
        owner: owner.clone(),
        attempt,
        context_id: hook::context_id(&request).map_err(refuse)?,
        boot_id: supervisor.identity.boot_id.clone(),
        request,
    };
    let (record, mut failure) = match Record::begin(paths, &intent) {
        Ok(record) => (Some(record), None),
        Err(error) => (
            None,
            Some(Exit::NotStarted {
                reason: describe(&error),
            }),
        ),
    };
    failure = failure.or(late);
    let run = Run::new(intent, record);
    let mut state = supervisor.state();
    // A hook that an owner without connection left is in the directory that
    // is to be this unit's, and holds the machine's lock.
    for left in state.runs.values().filter(|left| {
        tag.is_some()
            && left.intent.request.unit == run.intent.request.unit
            && left.owner() != owner
            && !state.attached.contains_key(left.owner())
    }) {
        let reason = "a unit of the same name in another model takes its place";
        left.change(|live| live.kill.get_or_insert_with(|| reason.to_owned()).len());
    }
    state.runs.insert(run.id().clone(), Arc::clone(&run));
    drop(state);
    let Some(exit) = failure else {
        return Ok(Begun::New(run));
    };
    // Without a record nothing is started: a full disk must not lead to a
    // hook that nobody remembers.
    hook::end_unstarted(supervisor, &run, exit);
    Ok(Begun::Known(run))
}

/// A task belongs to the boot that it was asked for in: in a later one it may
/// have run before, on a machine that has forgotten it.
fn late(supervisor: &Supervisor, request: &RunRequest) -> Option<Exit> {
    let task = request.context.task.as_ref()?;
    let boot = task.boot.as_ref()?;
    (*boot != supervisor.identity.boot_id).then(|| Exit::Interrupted {
        reason: "the machine was restarted before it ran".to_owned(),
    })
}

/// The tag of its unit; none for a command on the machine itself.
fn validate(request: &RunRequest) -> Result<Option<String>, String> {
    let own = request.hook.kind == HookKind::Command && request.unit.is_empty();
    let tag = match own {
        true => None,
        false => Some(
            unit_tag(&request.unit)
                .ok_or_else(|| format!("{:?} is not the name of a unit", request.unit))?,
        ),
    };
    if !is_run(&request.run) {
        return Err(format!("{:?} is not a unit's uuid", request.run.unit));
    }
    if !is_hook(&request.hook.name) {
        return Err(format!(
            "{:?} is not the name of a hook or an action",
            request.hook.name
        ));
    }
    if !own && !is_sha256(&request.charm.sha256) {
        return Err(format!(
            "{:?} is not a sha-256 in hex",
            request.charm.sha256
        ));
    }
    if request.digest.len() > 128 {
        return Err("the digest is longer than 128 bytes".to_owned());
    }
    let bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
    let context = &request.context;
    if let Some(name) = context.env.keys().find(bad) {
        return Err(format!("{name:?} is not the name of a variable"));
    }
    if context.env.values().any(|value| value.contains('\0')) {
        return Err("a variable's value holds a zero byte".to_owned());
    }
    Ok(tag)
}

fn acknowledge(supervisor: &Supervisor, run: &Arc<Run>) {
    let interrupted = match &run.live().outcome {
        // It runs: there is nothing to acknowledge.
        None => return,
        Some(outcome) => matches!(outcome.exit, Exit::Interrupted { .. }),
    };
    let request = &run.intent.request;
    let remembered = match unit_tag(&request.unit) {
        // Only hooks are run again.
        Some(tag) if interrupted && request.run.task().is_none() && !request.run.is_wish() => {
            UnitState::interrupted(&supervisor.paths, &tag, &request.run, run.intent.attempt)
        }
        _ => Ok(()),
    };
    let removed = remembered.and_then(|()| run.record().map_or(Ok(()), Record::remove));
    if let Err(error) = removed {
        // The record is reported once more after a restart, which is safe.
        supervisor.note(&describe(&error));
    }
    supervisor.state().runs.remove(run.id());
}

/// Forgets units whose last hook has ended since they went.
pub(super) fn forget_departed(supervisor: &Supervisor) {
    if supervisor.state().departed.is_empty() {
        return;
    }
    let _requests = supervisor
        .requests
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let departed = std::mem::take(&mut supervisor.state().departed);
    for (owner, unit) in departed {
        if let Err(Refusal::Invalid { reason }) = forget(supervisor, &owner, &unit) {
            supervisor.note(&format!("cannot forget {unit}: {reason}"));
        }
    }
}

/// Removes everything of a unit that is gone. A hook of it that runs is ended,
/// and the rest follows when it has. What another owner's unit of the same name
/// has is not touched.
fn forget(supervisor: &Supervisor, owner: &Owner, unit: &str) -> Result<(), Refusal> {
    let Some(tag) = unit_tag(unit) else {
        return Err(invalid(format!("{unit:?} is not the name of a unit")));
    };
    let runs: Vec<Arc<Run>> = supervisor
        .state()
        .runs
        .values()
        .filter(|run| run.intent.request.unit == unit && run.owner() == owner)
        .cloned()
        .collect();
    let mut running = runs.iter().filter(|run| !run.is_finished()).peekable();
    if running.peek().is_some() {
        for run in running {
            run.change(|live| {
                live.kill
                    .get_or_insert_with(|| "the unit is gone".into())
                    .len()
            });
        }
        let mut state = supervisor.state();
        state.departed.insert((owner.clone(), unit.to_owned()));
        return Ok(());
    }
    let paths = &supervisor.paths;
    let removed = (|| {
        for run in &runs {
            run.record().map_or(Ok(()), Record::remove)?;
            supervisor.state().runs.remove(run.id());
        }
        let whose = UnitState::owner(paths, &tag)?;
        if whose.is_some_and(|whose| whose != *owner) {
            return Ok(());
        }
        let state = UnitState::load(paths, &tag)?;
        if is_run(&RunId {
            unit: state.uuid.clone(),
            seq: 1,
        }) {
            files::remove_tree(&paths.journal().join(&state.uuid))?;
        }
        files::remove_tree(&paths.tools(&tag))?;
        files::remove_tree(&paths.agent(&tag))?;
        UnitState::remove(paths, &tag)
    })();
    removed.map_err(|error| invalid(describe(&error)))
}
