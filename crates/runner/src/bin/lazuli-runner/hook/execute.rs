//! A run from its start to its outcome.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{
    Exit, HookKind, Lock, Outcome, Output, Report, RunRequest, TaskResult,
};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::account;
use super::command;
use super::environment::environment;
use super::handler::{self, Handler};
use super::lock::MachineLock;
use super::output::{Capture, Streams};
use super::prepare::prepare;
use super::reboot;
use super::storage;
use super::tools::ToolServer;
use crate::charm;
use crate::clock;
use crate::error::{Error, describe};
use crate::files;
use crate::journal::Started;
use crate::paths::unit_tag;
use crate::process::{Family, Process};
use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;

/// The level at which a hook's standard output is logged.
const STDOUT: &str = "DEBUG";

/// The level at which its standard error is.
const STDERR: &str = "WARNING";

/// How long a hook has to end after TERM, before KILL.
const GRACE: Duration = Duration::from_secs(5);

/// How often processes are looked for while a hook is being ended.
const SWEEP: Duration = Duration::from_millis(50);

/// How long processes have to be gone after KILL, at most.
const GONE: Duration = Duration::from_secs(10);

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
    output: Output,
    streams: Streams,
    started_ms: u64,
    duration: Duration,
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

fn killed(run: &Run) -> Exit {
    Exit::Killed {
        reason: run.live().kill.clone().unwrap_or_default(),
    }
}

fn locked(supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Ended {
    match start(supervisor, run) {
        Ok(Ok(started)) => released(supervisor, run, started.wait(supervisor, run)),
        Ok(Err(exit)) => {
            account::log(supervisor, run, "", &exit);
            released(supervisor, run, Ended::unstarted(exit))
        }
        Err(error) => {
            let exit = Exit::NotStarted {
                reason: describe(&error),
            };
            account::log(supervisor, run, "", &exit);
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

/// A hook's process at work.
struct Running {
    child: Child,
    capture: Arc<Capture>,
    /// What the log calls the file that runs.
    via: &'static str,
    /// None for a command on the machine itself.
    tools: Option<ToolServer>,
    started_ms: u64,
    since: Instant,
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
        return spawned(supervisor, run, (command, stdin), ("", None));
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
    let tools_dir = prepare(paths, &supervisor.prepared, &tag)?;
    let charm_dir = paths.charm_dir(&tag);
    let (mut command, via) = match request.hook.kind {
        HookKind::Command => (command::shell(), ""),
        HookKind::Hook | HookKind::Action => match handler::choose(&charm_dir, &request.hook) {
            Handler::File(file) => (Command::new(&file), account::via(&file)),
            Handler::Missing => return Ok(Err(Exit::Missing)),
            Handler::Broken(reason) => return Ok(Err(Exit::NotStarted { reason })),
        },
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
    spawned(supervisor, run, (command, stdin), (via, Some(tools)))
}

/// Starts the process of a run, and listens to it.
fn spawned(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    (mut command, stdin): (Command, Stdio),
    (via, tools): (&'static str, Option<ToolServer>),
) -> Result<Result<Running, Exit>, Error> {
    command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let file = Path::new(command.get_program()).display().to_string();
            tools.map_or(Ok(()), |tools| tools.close())?;
            return Ok(Err(Exit::NotStarted {
                reason: format!("fork/exec {file}: {error}"),
            }));
        }
    };
    // The script is the child's now.
    drop(command);
    let started_ms = clock::now_ms();
    let since = Instant::now();
    note_start(supervisor, run, &child, started_ms);
    let stdout = child.stdout.take().map(|pipe| (STDOUT, pipe.into()));
    let stderr = child.stderr.take().map(|pipe| (STDERR, pipe.into()));
    let pipes = stdout.into_iter().chain(stderr).collect();
    let capture = Capture::start(supervisor, run, pipes);
    match capture {
        Ok(capture) => Ok(Ok(Running {
            child,
            capture,
            via,
            tools,
            started_ms,
            since,
        })),
        Err(error) => {
            // A hook that nobody listens to does not go on.
            let family = Family {
                leader: i32::try_from(child.id()).ok(),
                context: &run.intent.context_id,
            };
            end_family(run, &family);
            drop(child.wait());
            tools.map_or(Ok(()), |tools| tools.close())?;
            Err(error)
        }
    }
}

/// Gives this thread a working directory of its own and goes there; says
/// whether that is allowed here. A process that begins where the thread is can
/// be started without a copy of the supervisor's memory, which to change its
/// directory would take.
fn enter(dir: &Path) -> bool {
    unshare(CloneFlags::CLONE_FS).is_ok() && env::set_current_dir(dir).is_ok()
}

fn note_start(supervisor: &Arc<Supervisor>, run: &Arc<Run>, child: &Child, at_ms: u64) {
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let started = Started {
        pid,
        start: Process::find(pid).map_or(0, |process| process.start),
        at_ms,
    };
    // Without this record leftovers are still found by their context.
    if let Some(Err(error)) = run.record().map(|record| record.started(&started)) {
        supervisor.note(&describe(&error));
    }
    run.change(|live| live.started = true);
    supervisor.report(
        run,
        Report::Started {
            run: run.id().clone(),
            attempt: run.intent.attempt,
        },
    );
}

impl Running {
    /// Waits for the process, ends it at its deadline or when asked to, and
    /// collects what it left.
    fn wait(mut self, supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Ended {
        let pid = i32::try_from(self.child.id()).unwrap_or_default();
        watch(supervisor, run, pid);
        let limits = &run.intent.request.limits;
        let deadline = limits
            .timeout_s
            .map(|seconds| (seconds, self.since + Duration::from_secs(seconds)));
        let over = loop {
            let wait = deadline.map_or(Duration::MAX, |(_, at)| {
                at.saturating_duration_since(Instant::now())
            });
            // The longest wait that the system takes is surely long enough.
            let wait = wait.min(Duration::from_secs(1 << 30));
            if !run.wait(wait, |live| live.exited || live.kill.is_some())
                && let Some((seconds, _)) = deadline
            {
                let reason = format!("it ran for longer than {seconds} s");
                run.change(|live| live.kill.get_or_insert(reason).len());
            }
            let live = run.live();
            if live.exited {
                break false;
            }
            if live.kill.is_some() {
                break true;
            }
        };
        if over {
            let family = Family {
                leader: Some(pid),
                context: &run.intent.context_id,
            };
            end_family(run, &family);
        }
        let duration = self.since.elapsed();
        // Reaped only now: until here its id could not be used again.
        let status = self.child.wait();
        run.change(|live| live.closed = true);
        supervisor.abort_asks(run);
        if let Some(Err(error)) = self.tools.take().map(|tools| tools.close()) {
            supervisor.note(&describe(&error));
        }
        let (output, streams) = self.capture.finish(supervisor);
        let exit = if over { killed(run) } else { exit(status) };
        account::log(supervisor, run, self.via, &exit);
        Ended {
            exit,
            output,
            streams,
            started_ms: self.started_ms,
            duration,
        }
    }
}

/// Notices the end of the process without reaping it.
fn watch(supervisor: &Arc<Supervisor>, run: &Arc<Run>, pid: i32) {
    let watcher = {
        let run = Arc::clone(run);
        supervisor.pool.spawn(move || {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            while waitid(Id::Pid(Pid::from_raw(pid)), flags) == Err(nix::Error::EINTR) {}
            run.change(|live| live.exited = true);
        })
    };
    if let Err(error) = watcher {
        // Nothing notices its end, so it is ended.
        supervisor.note(&format!("failed to start a thread: {error}"));
        run.change(|live| live.kill = Some("the machine is short of threads".to_owned()));
    }
}

/// TERM, then KILL, until nothing of the hook runs.
fn end_family(run: &Run, family: &Family<'_>) {
    family.signal(Signal::SIGTERM);
    let deadline = Instant::now() + GRACE;
    while !family.members().is_empty() && Instant::now() < deadline {
        run.wait(SWEEP, |_| false);
    }
    let deadline = Instant::now() + GONE;
    while family.signal(Signal::SIGKILL) > 0 && Instant::now() < deadline {
        run.wait(SWEEP, |_| false);
    }
}

fn exit(status: std::io::Result<ExitStatus>) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code { code },
            (None, signal) => Exit::Signal {
                signal: signal.unwrap_or_default(),
            },
        },
        Err(error) => Exit::Interrupted {
            reason: format!("failed to learn how it ended: {error}"),
        },
    }
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
