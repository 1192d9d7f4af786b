//! What the log says of a hook that ran, in Juju's words.

use std::path::Path;

use lazuli_runner::frames::{Exit, HookKind};

use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;

/// Where Juju's agent says such things.
const MODULE: &str = "juju.worker.uniter.operation";

/// How the file that is executed came to be it.
pub(super) fn via(file: &Path) -> &'static str {
    match file.file_name() {
        Some(name) if name == "dispatch" => "hook dispatching script: dispatch",
        _ => "explicit, bespoke hook script",
    }
}

/// Logs that a hook ran, or why it did not; nothing of one that the charm does
/// not have. Actions and commands have results of their own. `via` is empty
/// where nothing was executed. The outcome follows, and takes it along.
pub(super) fn log(run: &Run, via: &str, exit: &Exit) {
    let hook = &run.intent.request.hook;
    if hook.kind == HookKind::Hook
        && let Some((level, text)) = line(&hook.name, via, exit)
    {
        Supervisor::log_with_next(run, level, MODULE, &text);
    }
}

fn line(name: &str, via: &str, exit: &Exit) -> Option<(&'static str, String)> {
    let via = match via {
        "" => String::new(),
        via => format!(" (via {via})"),
    };
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
            via(Path::new("/c/hooks/start")),
            via(Path::new("/c/dispatch")),
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
            line("data-storage-attached", "", &Exit::NotStarted { reason }),
            Some(("ERROR", expected))
        );
        assert_eq!(line("stop", "", &Exit::Missing), None);
    }
}
