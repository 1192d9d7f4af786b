//! The program itself: its lock, its endpoint file, its end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazuli_azure_sim::Endpoint;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(30);

fn program(verb: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azure-sim"));
    command
        .arg(verb)
        .arg("--data")
        .arg(data)
        .stderr(Stdio::null());
    command
}

/// Waits until a simulator of this process id says where it is.
fn ready(data: &Path, child: &Child) -> Endpoint {
    let began = Instant::now();
    loop {
        let endpoint = std::fs::read(data.join("endpoint.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Endpoint>(&bytes).ok());
        match endpoint {
            Some(endpoint) if endpoint.pid == child.id() => return endpoint,
            _ => assert!(began.elapsed() < DEADLINE, "it does not become ready"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_holds_its_data_until_it_is_told_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut first = program("serve", &data).spawn().unwrap();
    let endpoint = ready(&data, &first);
    assert!(endpoint.https.starts_with("https://localhost:"));
    let url = std::fs::read_to_string(data.join("endpoint")).unwrap();
    assert_eq!(url.trim(), endpoint.https);

    for verb in ["serve", "destroy"] {
        let refused = program(verb, &data).status().unwrap();
        assert_eq!(refused.code(), Some(3), "{verb} of data in use");
    }
    // Killed outright, it leaves nothing that the next one minds.
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = program("serve", &data).spawn().unwrap();
    assert_eq!(ready(&data, &second).https, endpoint.https);
    kill(
        Pid::from_raw(i32::try_from(second.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(0));
    assert!(!data.join("endpoint.json").exists());

    assert_eq!(program("destroy", &data).status().unwrap().code(), Some(0));
    assert!(!data.exists());
    // What is not its own, it does not touch.
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("lock"), "someone else's").unwrap();
    assert_eq!(program("destroy", &data).status().unwrap().code(), Some(1));
    assert!(data.join("lock").exists());
}
