//! What the log says of a hook that ran, in Juju's words.

use std::path::Path;
use std::sync::Arc;

use lazuli_runner::frames::{Exit, HookKind};

use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;

/// Where Juju's agent says such things.
const MODULE: &str = "juju.worker.uniter.operation";

/// What was executed for a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// Nothing, or what is no hook.
    Nothing,
    /// The charm's program for all hooks.
    Dispatch,
    /// The hook's own file.
    Script,
    /// What a person did in its place, however long that took.
    Person,
}

impl Via {
    /// How the file that is executed came to be it.
    pub(super) fn of(file: &Path) -> Self {
        match file.file_name() {
            Some(name) if name == "dispatch" => Self::Dispatch,
            _ => Self::Script,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Dispatch => " (via hook dispatching script: dispatch)",
            Self::Script => " (via explicit, bespoke hook script)",
            Self::Person => " (via a debug session)",
        }
    }
}

/// Logs that a hook ran, or why it did not; nothing of one that the charm does
/// not have. Actions and commands have results of their own. The outcome
/// follows, and takes it along.
pub(super) fn log(run: &Run, via: Via, exit: &Exit) {
    let hook = &run.intent.request.hook;
    if hook.kind == HookKind::Hook
        && let Some((level, text)) = line(&hook.name, via, exit)
    {
        Supervisor::log_with_next(run, level, MODULE, &text);
    }
}

/// Logs at once that nothing goes on until a person is done.
pub(super) fn attended(supervisor: &Supervisor, run: &Arc<Run>) {
    let hook = &run.intent.request.hook.name;
    let text = format!("{hook:?} waits for a person in a debug session");
    supervisor.log(run, "INFO", MODULE, &text);
}

fn line(name: &str, via: Via, exit: &Exit) -> Option<(&'static str, String)> {
    let via = via.words();
    let why = match exit {
        Exit::Missing => return None,
        Exit::Code { code: 0 } => return Some(("INFO", format!("ran {name:?} hook{via}"))),
        Exit::Code { code } => format!("exit status {code}"),
        Exit::Signal { signal } => format!("signal {signal}"),
        Exit::Killed { reason } | Exit::Interrupted { reason } | Exit::NotStarted { reason } => {
            reason.clone()
        }
    };
    Some(("ERROR", format!("hook {name:?}{via} failed: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_a_hook_ran_and_how_it_failed() {
        let (script, dispatch) = (
            Via::of(Path::new("/c/hooks/start")),
            Via::of(Path::new("/c/dispatch")),
        );
        assert_eq!(
            line("start", script, &Exit::Code { code: 0 }),
            Some((
                "INFO",
                "ran \"start\" hook (via explicit, bespoke hook script)".to_owned()
            ))
        );
        assert_eq!(
            line("stop", dispatch, &Exit::Code { code: 3 }),
            Some((
                "ERROR",
                "hook \"stop\" (via hook dispatching script: dispatch) failed: exit status 3"
                    .to_owned()
            ))
        );
        let reason = "mkfs.ext4 is not installed on this machine".to_owned();
        let expected = format!("hook \"data-storage-attached\" failed: {reason}");
        assert_eq!(
            line(
                "data-storage-attached",
                Via::Nothing,
                &Exit::NotStarted { reason }
            ),
            Some(("ERROR", expected))
        );
        assert_eq!(line("stop", Via::Nothing, &Exit::Missing), None);
    }
}
