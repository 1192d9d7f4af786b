//! Debug sessions, from the command line to a window on the machine.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::process::{Child, Command, Stdio};

use lazuli_e2e::{Lazuli, charm};

/// `lazuli` at a terminal.
struct Terminal(Child);

impl Terminal {
    fn of(lazuli: &Lazuli, words: &[&str]) -> Self {
        let wanted = lazuli.command(words);
        let line: Vec<_> = std::iter::once(wanted.get_program())
            .chain(wanted.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut command = Command::new("script");
        command.args(["-qfec", &line.join(" "), "/dev/null"]);
        for (name, value) in wanted.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("script, of util-linux");
        Self(child)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.0.kill().expect("a signal");
        self.0.wait().expect("an end");
    }
}

/// Checklist of real charms: `debug-hooks` and `debug-code`.
#[test]
fn a_person_stands_in_for_hooks_until_the_terminal_closes() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web"), "app"]);
    lazuli.until("it is active", |status| status.all_active(1));
    let (code, text) = {
        let said = lazuli.run(&["debug-hooks", "app/0", "no-such"]);
        (said.code, said.err)
    };
    assert_eq!(code, 1);
    assert!(
        text.starts_with("ERROR unit \"app/0\" contains neither hook nor action \"no-such\", "),
        "{text}"
    );

    let tmux = |words: &str| {
        let line = format!("sudo tmux -S $(sudo find /run/lazuli/debug -name tmux) {words}");
        lazuli.run(&["ssh", "app/0", &line])
    };
    let terminal = Terminal::of(&lazuli, &["debug-hooks", "app/0", "config-changed"]);
    lazuli.eventually("the session is there", || {
        tmux("has-session -t =app/0").code == 0
    });
    lazuli.ok(&["config", "app", "word=howdy"]);
    lazuli.eventually("the hook's window is there", || {
        let shown = tmux("capture-pane -p -t =app/0:=config-changed");
        shown.out.contains("app/0:hooks/config-changed %")
    });
    assert!(
        lazuli
            .ok(&["debug-log", "--limit", "50"])
            .contains("\"config-changed\" waits for a person in a debug session")
    );
    let keys = "'status-set blocked \"by hand: $(config-get word)\"; exit' Enter";
    drop(tmux(&format!("send-keys -t =app/0:=config-changed {keys}")).ok());
    lazuli.until("what was typed holds", |status| {
        status.workload("app/0") == ("blocked".to_owned(), "by hand: howdy".to_owned())
    });
    lazuli.eventually("it is in the log", || {
        let log = lazuli.ok(&["debug-log", "--limit", "50"]);
        log.contains("ran \"config-changed\" hook (via a debug session)")
    });

    lazuli.ok(&["config", "app", "word=again"]);
    lazuli.eventually("the next window is there", || {
        let shown = tmux("list-windows -t =app/0 -F '#W'");
        shown.out.contains("config-changed")
    });
    drop(terminal);
    lazuli.until("the hook runs by itself", |status| status.all_active(1));
    lazuli.destroy("m");
}
