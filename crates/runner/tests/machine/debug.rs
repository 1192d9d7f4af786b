//! Debug sessions: a person at a terminal in the place of hooks. `script` gives
//! the terminal; tmux is driven through its server, as keys would.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use lazuli_runner::frames::{Exit, HookKind, Limits, Report, Request, TaskContext, Write};

use crate::support::{Machine, PROGRAM, is_alive, pid_in, request, wait_until};

/// A terminal with a session of `a/0`.
struct Person {
    terminal: Child,
    keys: Option<ChildStdin>,
    tmux: PathBuf,
}

impl Person {
    fn come(machine: &Machine, names: &str) -> Self {
        let line = format!("{PROGRAM} debug a/0 {names}");
        let mut terminal = Command::new("script")
            .args(["-qfec", &line, "/dev/null"])
            .env("LAZULI_RUNNER_ROOT", machine.path(""))
            .env("TERM", "xterm")
            .env("HOME", machine.path(""))
            .env_remove("TMUX")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let keys = terminal.stdin.take();
        let sessions = machine.path("run/lazuli/debug");
        let mut tmux = PathBuf::new();
        wait_until("the session", || {
            let found = fs::read_dir(&sessions).into_iter().flatten().flatten();
            tmux = found
                .last()
                .map_or(PathBuf::new(), |one| one.path().join("tmux"));
            ask(&tmux, &["has-session", "-t", "=a/0"]).is_some()
        });
        Self {
            terminal,
            keys,
            tmux,
        }
    }

    /// Types a line into the window of this name, once it is there.
    fn types(&self, window: &str, line: &str) {
        let target = format!("=a/0:={window}");
        wait_until("the window's prompt", || {
            let shown = ask(&self.tmux, &["capture-pane", "-p", "-t", &target]);
            shown.is_some_and(|text| text.contains("a/0:"))
        });
        ask(&self.tmux, &["send-keys", "-t", &target, line, "Enter"]).unwrap();
    }

    /// Closes the terminal, as a lost connection does.
    fn leave(mut self) {
        drop(self.keys.take());
        self.terminal.kill().unwrap();
        self.terminal.wait().unwrap();
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        drop(ask(&self.tmux, &["kill-server"]));
        drop(self.terminal.kill());
        drop(self.terminal.wait());
    }
}

fn ask(tmux: &PathBuf, words: &[&str]) -> Option<String> {
    let mut command = Command::new("tmux");
    command.arg("-S").arg(tmux).args(words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

const HOOK: &str = "#!/bin/sh\nstatus-set active \"by itself, ${JUJU_DEBUG_AT-}\"\n";

#[test]
fn a_person_stands_in_for_a_hook_and_its_writes_count() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", HOOK), ("hooks/start", HOOK)]);
    let mut host = machine.attach(1, 1);
    let person = Person::come(&machine, "install");
    let mut install = request(&charm, 1, "install");
    // Nobody is hurried.
    install.limits = Limits {
        timeout_s: Some(0),
        ..install.limits
    };
    host.run(&install);
    person.types(
        "install",
        "relation-ids x; status-set maintenance \"$JUJU_HOOK_NAME, by hand\"; exit",
    );
    let outcome = host.finished();
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{outcome:?}");
    host.ack(&install);
    // It is not about other hooks.
    let outcome = host.complete(&request(&charm, 2, "start"));
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    person.leave();
    let again = host.complete(&request(&charm, 3, "install"));
    assert_eq!(again.exit, Exit::Code { code: 0 });
}

#[test]
fn what_a_person_ends_with_is_how_the_hook_ends() {
    let machine = Machine::new();
    let charm = machine.charm(&[("actions/go", HOOK), ("hooks/start", HOOK)]);
    let mut host = machine.attach(1, 1);
    let person = Person::come(&machine, "");
    let mut go = request(&charm, 1, "go");
    go.hook.kind = HookKind::Action;
    go.context.task = Some(TaskContext {
        id: "7".to_owned(),
        name: "go".to_owned(),
        ..TaskContext::default()
    });
    host.run(&go);
    person.types("go", "action-set by=hand; exit 3");
    let outcome = host.finished();
    assert_eq!(outcome.exit, Exit::Code { code: 3 });
    host.ack(&go);
    host.run(&request(&charm, 2, "start"));
    // Who is not there any more keeps nothing from going on.
    person.types("start", "echo $$ > shell");
    let shell = machine.charm_dir().join("shell");
    let shell = pid_in(&shell);
    person.leave();
    let outcome = host.finished();
    assert_eq!(outcome.exit, Exit::Code { code: 1 });
    wait_until("the shell's end", || !is_alive(shell));
}

#[test]
fn a_hook_that_is_killed_takes_its_window_along() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/start", HOOK)]);
    let mut host = machine.attach(1, 1);
    let person = Person::come(&machine, "start");
    let start = request(&charm, 1, "start");
    host.run(&start);
    person.types("start", "echo $$ > shell");
    let shell = machine.charm_dir().join("shell");
    let shell = pid_in(&shell);
    host.send(&Request::Kill {
        run: start.run.clone(),
        reason: "enough".to_owned(),
    });
    let reason = "enough".to_owned();
    assert_eq!(host.finished().exit, Exit::Killed { reason });
    assert!(!is_alive(shell));
}

#[test]
fn with_breakpoints_the_hook_itself_runs_in_the_window() {
    let machine = Machine::new();
    let asks = "#!/bin/bash\nread -r -p 'a/0: at '\"$JUJU_DEBUG_AT> \" answer\n\
                status-set active \"$answer\"\n[ -n \"$JUJU_DEBUG\" ]\n";
    let charm = machine.charm(&[("hooks/start", asks)]);
    let mut host = machine.attach(1, 1);
    let person = Person::come(&machine, "--at first start");
    host.run(&request(&charm, 1, "start"));
    person.types("start", "continue");
    let status = host.find(|report| match report {
        Report::Immediate {
            write: Write::Status { message, .. },
            ..
        } => Some(message),
        _ => None,
    });
    assert_eq!(status, "continue");
    assert_eq!(host.finished().exit, Exit::Code { code: 0 });
}
