//! The process of a run: started, listened to, ended at its deadline or when
//! asked to.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{Exit, Report};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::account::{self, Via};
use super::execute::{Ended, killed};
use super::output::Capture;
use super::tools::ToolServer;
use crate::clock;
use crate::error::{Error, describe};
use crate::journal::Started;
use crate::process::{Family, Process};
use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;

/// The level at which a hook's standard output is logged.
pub(super) const STDOUT: &str = "DEBUG";

/// The level at which its standard error is.
const STDERR: &str = "WARNING";

/// How long a hook has to end after TERM, before KILL.
const GRACE: Duration = Duration::from_secs(5);

/// How often processes are looked for while a hook is being ended.
const SWEEP: Duration = Duration::from_millis(50);

/// How long processes have to be gone after KILL, at most.
const GONE: Duration = Duration::from_secs(10);

/// A hook's process at work.
pub(super) struct Running {
    child: Child,
    capture: Arc<Capture>,
    /// What runs.
    via: Via,
    /// None for a command on the machine itself.
    tools: Option<ToolServer>,
    started_ms: u64,
    since: Instant,
}

/// Starts the process of a run, and listens to it.
pub(super) fn spawned(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    (mut command, stdin): (Command, Stdio),
    (via, tools): (Via, Option<ToolServer>),
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
pub(super) fn enter(dir: &Path) -> bool {
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
    pub(super) fn wait(mut self, supervisor: &Arc<Supervisor>, run: &Arc<Run>) -> Ended {
        let pid = i32::try_from(self.child.id()).unwrap_or_default();
        watch(supervisor, run, pid);
        let limits = &run.intent.request.limits;
        // A person is not hurried.
        let deadline = limits
            .timeout_s
            .filter(|_| self.via != Via::Person)
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
        account::log(run, self.via, &exit);
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
