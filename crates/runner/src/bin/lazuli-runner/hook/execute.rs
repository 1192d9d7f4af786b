//! A run from its start to its outcome.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lazuli_runner::frames::{
    Exit, HookKind, Lock, Outcome, Output, Report, RunRequest, TaskResult,
};

use super::account::{self, Via};
use super::command;
use super::environment::environment;
use super::handler::{self, Handler};
use super::lock::MachineLock;
use super::output::Streams;
use super::prepare::prepare;
use super::reboot;
use super::running::{Running, STDOUT, enter, spawned};
use super::storage;
use super::tools::ToolServer;
use crate::charm;
use crate::clock;
use crate::debug::{self, Session};
use crate::error::{Error, describe};
use crate::files;
use crate::paths::unit_tag;
use crate::routes;
use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;

/// A new context id: `UNIT-HOOK-` and 256 random bits; of a command (Juju's
/// words) `UNIT-run-commands-`.
pub(crate) fn context_id(request: &RunRequest) -> Result<String, Error> {
    let name = match request.hook.kind {
        HookKind::Hook | HookKind::Action => request.hook.name.as_str(),
        HookKind::Command => "run-commands",
    };
    Ok(format!(
        "{}-{name}-{}",
        request.unit,
        files::random_hex(32)?
    ))
}

/// Starts a run in a thread of its own.
pub(crate) fn spawn(supervisor: &Arc<Supervisor>, run: &Arc<Run>) {
    let thread = {
        let (owned, run) = (Arc::clone(supervisor), Arc::clone(run));
        supervisor.pool.spawn(move || execute(&owned, &run))
    };
    if let Err(error) = thread {
        let reason = format!("failed to start a thread: {error}");
        end_unstarted(supervisor, run, Exit::NotStarted { reason });
    }
}

/// Ends a run whose process was never started.
pub(crate) fn end_unstarted(supervisor: &Arc<Supervisor>, run: &Arc<Run>, exit: Exit) {
    finish(supervisor, run, Ended::unstarted(exit));
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) output: Output,
    pub(super) streams: Streams,
    pub(super) started_ms: u64,
    pub(super) duration: Duration,
}

impl Ended {
    fn unstarted(exit: Exit) -> Self {
        Self {
            exit,
            output: Output::default(),
            streams: Streams::new(),
            started_ms: clock::now_ms(),
            duration: Duration::ZERO,
        }
    }
}

fn execute(supervisor: &Arc<Supervisor>, run: &Arc<Run>) {
    let ended = match &run.intent.request.limits.lock {
        Lock::Machine => under(&supervisor.machine_lock, supervisor, run),
        Lock::Group(group) => under(&supervisor.group_locks.of(group), supervisor, run),
        Lock::None => to_its_end(supervisor, run),
    };
    if let Some(ended) = ended {
        finish(supervisor, run, ended);
    }
}

/// Waits for a lock, which is held from the charm's deployment to the end of
/// the process, and while the machine reboots.
fn under(lock: &MachineLock, supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Option<Ended> {
    let ended = match lock.acquire(|| run.live().kill.is_none()) {
        Ok(Some(_held)) => return to_its_end(supervisor, run),
        Ok(None) => Ended::unstarted(killed(run)),
        Err(error) => Ended::unstarted(Exit::NotStarted {
            reason: describe(&error),
        }),
    };
    Some(ended)
}

/// Runs it; none when the machine goes down for it.
fn to_its_end(supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Option<Ended> {
    let ended = locked(supervisor, run);
    if !reboot::is_due(run, &ended.exit) {
        return Some(ended);
    }
    let outcome = outcome(run, reboot::interrupted(ended));
    reboot::carry_out(supervisor, run, outcome);
    None
}

pub(super) fn killed(run: &Run) -> Exit {
    Exit::Killed {
        reason: run.live().kill.clone().unwrap_or_default(),
    }
}

fn locked(supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Ended {
    match start(supervisor, run) {
        Ok(Ok(started)) => released(supervisor, run, started.wait(supervisor, run)),
        Ok(Err(exit)) => {
            account::log(run, Via::Nothing, &exit);
            released(supervisor, run, Ended::unstarted(exit))
        }
        Err(error) => {
            let exit = Exit::NotStarted {
                reason: describe(&error),
            };
            account::log(run, Via::Nothing, &exit);
            Ended::unstarted(exit)
        }
    }
}

/// Storage that leaves is unmounted once the hook that says so succeeded; it
/// failed if that does.
fn released(supervisor: &Supervisor, run: &Run, mut ended: Ended) -> Ended {
    let context = &run.intent.request.context;
    let leaving = context.hook_storage.as_ref().filter(|hook| hook.detaching);
    let storage = leaving.and_then(|hook| context.storage.iter().find(|row| row.id == hook.id));
    if ended.exit.is_success()
        && let Some(storage) = storage
        && let Err(error) = storage::release(&supervisor.paths, storage)
    {
        ended.exit = Exit::NotStarted {
            reason: format!("storage {} cannot leave: {}", storage.id, describe(&error)),
        };
    }
    ended
}

fn start(supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Result<Result<Running, Exit>, Error> {
    let request = &run.intent.request;
    let paths = &supervisor.paths;
    let stdin = match (&request.hook.kind, &request.context.task) {
        (HookKind::Command, Some(task)) => command::script(&paths.run(), &task.command)?.into(),
        _ => Stdio::null(),
    };
    if request.unit.is_empty() {
        let command = command::shell_on_machine(&run.intent);
        return spawned(supervisor, run, (command, stdin), (Via::Nothing, None));
    }
    let tag = unit_tag(&request.unit)
        .ok_or_else(|| Error::Refused(format!("{:?} is not a unit", request.unit)))?;
    charm::deploy(
        paths,
        &tag,
        &request.run.unit,
        &request.charm.sha256,
        request.limits.sync,
    )?;
    let mut storage_location = String::new();
    for storage in &request.context.storage {
        storage::bring(paths, storage)?;
        let location = storage::location(paths, storage)?;
        let about = request.context.hook_storage.as_ref();
        if about.is_some_and(|about| about.id == storage.id) {
            storage_location.clone_from(&location);
        }
        run.session().found_storage(&storage.id, location);
    }
    if let Err(error) = routes::ensure(paths, &request.context.network) {
        supervisor.note(&describe(&error));
    }
    let tools_dir = prepare(paths, &supervisor.prepared, &tag)?;
    let charm_dir = paths.charm_dir(&tag);
    let session = match request.hook.kind {
        HookKind::Command => None,
        HookKind::Hook | HookKind::Action => {
            debug::attending(paths, &request.unit, &request.hook.name)
        }
    };
    let (mut command, via) = match program(request, &charm_dir, session.as_ref())? {
        Ok(program) => program,
        Err(exit) => return Ok(Err(exit)),
    };
    let socket = paths
        .tool_sockets()
        .join(format!("{}.sock", files::random_hex(8)?));
    let tools = ToolServer::start(supervisor, run, socket)?;
    if !enter(&charm_dir) {
        command.current_dir(&charm_dir);
    }
    command.env_clear().envs(environment(
        &run.intent,
        &charm_dir,
        &tools_dir,
        tools.path(),
        &storage_location,
    ));
    if let Some(session) = session {
        command.envs(session.variables());
        account::attended(supervisor, run);
    }
    spawned(supervisor, run, (command, stdin), (via, Some(tools)))
}

/// What to execute: the charm's program, or what a person in a debug session
/// does in its place.
fn program(
    request: &RunRequest,
    charm: &Path,
    session: Option<&Session>,
) -> Result<Result<(Command, Via), Exit>, Error> {
    if request.hook.kind == HookKind::Command {
        return Ok(Ok((command::shell(), Via::Nothing)));
    }
    let handler = handler::choose(charm, &request.hook);
    Ok(match (session, handler) {
        (Some(session), _) if !session.runs_hooks() => Ok((session.command(None)?, Via::Person)),
        (Some(session), Handler::File(file)) => Ok((session.command(Some(&file))?, Via::Person)),
        (None, Handler::File(file)) => Ok((Command::new(&file), Via::of(&file))),
        (_, Handler::Missing) => Err(Exit::Missing),
        (_, Handler::Broken(reason)) => Err(Exit::NotStarted { reason }),
    })
}

/// What a task set and printed.
fn brought(run: &Run, streams: Streams) -> TaskResult {
    let (results, failed) = run.session().results();
    let mut result = TaskResult {
        results,
        failed,
        ..TaskResult::default()
    };
    for (level, printed) in streams {
        match level {
            STDOUT => result.stdout = printed,
            _ => result.stderr = printed,
        }
    }
    result
}

/// Records the outcome and tells it.
fn finish(supervisor: &Arc<Supervisor>, run: &Arc<Run>, ended: Ended) {
    let outcome = outcome(run, ended);
    supervisor.wishes.fulfilled(&outcome);
    if let Err(error) = run.end(outcome.clone()) {
        supervisor.note(&describe(&error));
    }
    supervisor.report(run, Report::Finished(Box::new(outcome)));
}

/// What became of a run; its tools are refused from now on.
fn outcome(run: &Run, ended: Ended) -> Outcome {
    run.change(|live| live.closed = true);
    let request = &run.intent.request;
    let writes = if ended.exit.is_success() {
        run.session().buffered()
    } else {
        Vec::new()
    };
    let task = request.context.task.as_ref();
    Outcome {
        task: task.map(|_| Box::new(brought(run, ended.streams))),
        run: request.run.clone(),
        digest: request.digest.clone(),
        unit: request.unit.clone(),
        hook: request.hook.clone(),
        levels: request.levels.clone(),
        attempt: run.intent.attempt,
        exit: ended.exit,
        writes,
        immediate: run.immediate(),
        output: ended.output,
        started_ms: ended.started_ms,
        duration_ms: u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX),
    }
}
