//! Hook tools as processes: their socket, its authentication, their input.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

use lazuli_runner::frames::{Exit, RelationContext, RunRequest, Write, read_frame, write_frame};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Machine, is_alive, pid_in, request, wait_until};

fn related(mut asked: RunRequest) -> RunRequest {
    asked.context.relations = vec![RelationContext {
        id: 1,
        endpoint: "db".to_owned(),
        remote_app: "b".to_owned(),
        ..RelationContext::default()
    }];
    asked
}

fn settings(writes: &[Write]) -> Vec<(String, Option<String>)> {
    match writes {
        [Write::RelationSet { settings, .. }] => settings.clone().into_iter().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_and_standard_input_are_read_by_the_tool() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nset -e\ncd ..\necho 'f: from file' > settings.yaml\n\
         relation-set -r db:1 --file settings.yaml\n\
         config-get | relation-set -r db:1 --file -\n\
         (sleep 0.05; echo '{\"s\": \"slow\"}') | (relation-set -r db:1 --file -) &\n\
         juju-log meanwhile\nwait $!\n\
         relation-get -r db:1 - a/0 -o out.txt\n\
         head -c 100000000 /dev/zero | relation-set -r db:1 --file - 2> big.txt || echo $? >> big.txt\n",
    )]);
    let mut asked = related(request(&charm, 1, "install"));
    asked
        .context
        .config
        .insert("c".to_owned(), "from config".into());
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&asked);
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{:?}", outcome.output);
    let expected = [("c", "from config"), ("f", "from file"), ("s", "slow")]
        .map(|(key, value)| (key.to_owned(), Some(value.to_owned())));
    assert_eq!(settings(&outcome.writes), expected);
    let agent = machine.charm_dir().join("..");
    assert_eq!(
        fs::read_to_string(agent.join("out.txt")).unwrap(),
        "c: from config\nf: from file\ns: slow\n"
    );
    assert_eq!(
        fs::read_to_string(agent.join("big.txt")).unwrap(),
        "ERROR standard input is over the limit of 4194304 bytes\n1\n"
    );
}

#[test]
fn contexts_cannot_be_forged() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nenv | grep ^JUJU > ../env\necho $$ > ../pid\n\
         while [ ! -e ../go ]; do sleep 0.01; done\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let agent = machine.charm_dir().join("..");
    let hook = pid_in(&agent.join("pid"));
    let env = fs::read_to_string(agent.join("env")).unwrap();
    let variable = |name: &str| {
        let value = env
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap().to_owned()
    };
    let (context, socket) = (
        variable("JUJU_CONTEXT_ID"),
        variable("JUJU_AGENT_SOCKET_ADDRESS"),
    );
    let random = context.strip_prefix("a/0-install-").unwrap();
    assert_eq!(random.len(), 64);
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(
        mode(machine.path("run/lazuli/tools").to_str().unwrap()),
        0o700
    );

    let tools = machine.path("var/lib/juju/tools/unit-a-0");
    let call = |context: Option<&str>| {
        let mut command = Command::new(tools.join("status-set"));
        command
            .env_clear()
            .env("JUJU_AGENT_SOCKET_ADDRESS", &socket)
            .args(["active", "forged"]);
        if let Some(context) = context {
            command.env("JUJU_CONTEXT_ID", context);
        }
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let unset = (1, "ERROR JUJU_CONTEXT_ID not set\n".to_owned());
    assert_eq!(call(None), unset);
    assert_eq!(call(Some("")), unset);
    let last = if context.ends_with('0') { '1' } else { '0' };
    let near = format!("{}{last}", &context[..context.len() - 1]);
    for wrong in ["a/0-install-", near.as_str(), &format!("{context}0"), "x"] {
        let (code, text) = call(Some(wrong));
        assert_eq!(
            (code, text),
            (
                1,
                format!("ERROR bad request: wrong context ID; got {wrong:?}\n")
            )
        );
    }
    // A tool of a later release.
    let mut stream = UnixStream::connect(&socket).unwrap();
    let call_unknown = serde_json::json!({"context": context, "tool": "fly", "args": []});
    write_frame(&mut stream, &call_unknown).unwrap();
    let reply: serde_json::Value = read_frame(&mut stream).unwrap();
    assert_eq!(reply["done"]["code"], 1);
    assert_eq!(
        reply["done"]["stderr"],
        "ERROR bad request: unknown command: fly\n"
    );
    // A foreign process that knows it may: that is how grandchildren work.
    assert_eq!(call(Some(&context)), (0, String::new()));
    fs::write(agent.join("go"), "").unwrap();
    let outcome = host.finished();
    assert_eq!(outcome.immediate, 1);
    assert!(!is_alive(hook));
    let (code, text) = call(Some(&context));
    assert_eq!(code, 1);
    assert!(text.contains("has the hook ended?"), "{text}");
    assert!(!fs::exists(&socket).unwrap());
}

#[test]
fn tools_are_links_that_charms_can_find() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nset -e\nfor tool in config-get status-set is-leader relation-set; do\n\
         which $tool\ndone\nsh -c 'sh -c \"config-get --help; is-leader\"'\n",
    )]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{:?}", outcome.output);
    let tools = machine.path("var/lib/juju/tools/unit-a-0");
    let head = outcome.output.head;
    assert!(head.contains(tools.join("is-leader").to_str().unwrap()));
    assert!(
        head.contains("Usage: config-get [options] [<key>]\n"),
        "{head}"
    );
    assert!(head.ends_with("False\n"), "{head}");
}

#[test]
fn tools_at_work_when_the_hook_ends_end_with_it() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\n(sleep 600 | relation-set -r db:1 --file - 2> ../said; touch ../over) &\n\
         (sleep 600 | relation-set -r db:1 --file -) &\necho $! > ../left\nsleep 0.1\n",
    )]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&related(request(&charm, 1, "install")));
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    // The tool still reads its input, which belongs to the charm; nothing of
    // the hook waits for it.
    let record = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    wait_until("the record to go", || !record.exists());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let dir = entry.path();
        let Ok(environ) = fs::read(dir.join("environ")) else {
            continue;
        };
        let ours = machine.path("var/lib/juju/tools");
        if String::from_utf8_lossy(&environ).contains(ours.to_str().unwrap())
            && let Some(pid) = dir.file_name().unwrap().to_str().unwrap().parse().ok()
        {
            // It may end by itself before this.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
