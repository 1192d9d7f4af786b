//! `juju-reboot`: the machine reboots when the hook has ended.
//!
//! The outcome is recorded first and told afterwards, by the supervisor of the
//! next boot: until then the run counts as under way, so that nothing else is
//! started on a machine that is about to go down. When it does not go down,
//! the outcome is told after all.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{Exit, Outcome, Report, Write};

use super::environment::PATH;
use super::execute::Ended;
use crate::error::describe;
use crate::paths::Paths;
use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;
use crate::tools::Reboot;

/// Why a hook is ended that asked for a reboot at once.
pub(super) const NOW: &str = "the machine is rebooted at once (juju-reboot --now)";

/// How long a machine may take to go down.
const GOING_DOWN: Duration = Duration::from_secs(300);

/// How often the command that reboots is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Whether the machine is to be rebooted now that the hook has ended so: as
/// asked for, if it succeeded or was ended for that.
pub(super) fn is_due(run: &Run, exit: &Exit) -> bool {
    match run.session().reboot() {
        None => false,
        Some(Reboot::After) => exit.is_success(),
        Some(Reboot::Now) => {
            exit.is_success() || matches!(exit, Exit::Killed { reason } if reason == NOW)
        }
    }
}

/// A hook that was ended for a reboot did not fail: it runs again.
pub(super) fn interrupted(mut ended: Ended) -> Ended {
    ended.exit = match ended.exit {
        Exit::Killed { reason } => Exit::Interrupted { reason },
        other => other,
    };
    ended
}

/// Records the outcome, says that the machine goes down, and reboots it.
/// Returns only when that did not work.
pub(super) fn carry_out(supervisor: &Arc<Supervisor>, run: &Arc<Run>, outcome: Outcome) {
    let module = format!("unit.{}.juju-reboot", run.intent.request.unit);
    supervisor.log(run, "INFO", &module, "rebooting the machine");
    let now = matches!(outcome.exit, Exit::Interrupted { .. });
    let mut outcome = outcome;
    match run.write(Write::Reboot { now }) {
        Ok(report) => supervisor.report(run, report),
        Err(error) => supervisor.note(&describe(&error)),
    }
    outcome.immediate = run.immediate();
    supervisor.wishes.fulfilled(&outcome);
    if let Err(error) = run.end(outcome.clone()) {
        supervisor.note(&describe(&error));
    }
    // Whatever the journal's setting: the disk is to know it after this.
    nix::unistd::sync();
    let failure = reboot(&supervisor.paths);
    let text = format!("the machine does not reboot: {failure}");
    supervisor.log(run, "ERROR", &module, &text);
    supervisor.note(&text);
    supervisor.wishes.fulfilled(&outcome);
    supervisor.report(run, Report::Finished(Box::new(outcome)));
}

/// Tells the machine to reboot, and waits for it; why it does not.
fn reboot(paths: &Paths) -> String {
    let (program, arguments) = paths.reboot_command();
    let told = Command::new(&program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match told {
        Ok(child) => child,
        Err(error) => return format!("failed to run {}: {error}", program.display()),
    };
    let deadline = Instant::now() + GOING_DOWN;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) if !status.success() => {
                return format!("{}: {status}", program.display());
            }
            Ok(_) => std::thread::sleep(LOOK),
            Err(error) => return format!("failed to wait for {}: {error}", program.display()),
        }
    }
    format!("it was told to {} s ago", GOING_DOWN.as_secs())
}
