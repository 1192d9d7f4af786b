//! Being told to end.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn a_start_that_waits_for_the_database_ends_when_it_is_told_to() {
    // Takes connections and says nothing.
    let database = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(at("key"), "7".repeat(64)).unwrap();
    std::fs::write(at("secret"), "secret").unwrap();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n\
         database_url = \"postgres://lazuli@{}/lazuli\"\n\
         key_file = {:?}\n\
         state_dir = {:?}\n\
         [cloud]\n\
         subscription = \"s\"\n\
         tenant = \"t\"\n\
         client_id = \"c\"\n\
         client_secret_file = {:?}\n",
        database.local_addr().unwrap(),
        at("key"),
        at("state"),
        at("secret"),
    );
    std::fs::write(at("lazulid.toml"), config).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_lazulid"))
        .args(["serve", "--config", &at("lazulid.toml")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (connection, _) = database.accept().unwrap();
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = daemon.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            daemon.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{status}");
    drop(connection);
}
