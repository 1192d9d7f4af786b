//! A VM whose guest is real: to SSH, through a restart, to nothing. Needs root
//! and the guests' init; skips with a word otherwise.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{DEADLINE, Sim, settings, start_with, vm_body};
use lazuli_azure_sim::GuestHosts;
use reqwest::Method;
use serde_json::{Value, json};

/// The hosts, or why there are none.
fn hosts(dir: &Path) -> Option<Arc<GuestHosts>> {
    match GuestHosts::open(&dir.join("fabric")) {
        Ok(hosts) => Some(Arc::new(hosts)),
        Err(error) => {
            println!("skipped: {}", error.chain());
            None
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs `command` in the guest at `address`, from within a namespace.
fn ssh(netns: &Path, key: &Path, address: &str, command: &str) -> String {
    let mut ssh = Command::new("nsenter");
    ssh.arg(format!("--net={}", netns.display()))
        .args(["ssh", "-i"])
        .arg(key)
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args([
            "-o",
            "LogLevel=ERROR",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=2",
        ])
        .arg(format!("ubuntu@{address}"))
        .arg(command);
    run(&mut ssh)
}

/// Tries until the answer is as expected.
fn until(what: &str, expected: &str, mut ask: impl FnMut() -> String) {
    let began = Instant::now();
    loop {
        let answer = ask();
        if answer.trim() == expected {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{what}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn address(sim: &Sim, name: &str) -> String {
    let inventory = sim.control(Method::GET, "inventory", None).await;
    let vm = inventory["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["guest"].is_string())
        .cloned()
        .unwrap_or(Value::Null);
    vm[name].as_str().unwrap().to_owned()
}

/// Ends what a failed test leaves behind.
struct Sweeper<'a>(&'a Path);

impl Drop for Sweeper<'_> {
    fn drop(&mut self) {
        let fabric = self.0.join("fabric");
        if fabric.exists()
            && let Err(error) = GuestHosts::destroy(&fabric)
        {
            println!("guests are left in {}: {}", fabric.display(), error.chain());
        }
    }
}

#[test]
fn a_machine_answers_ssh_survives_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    if let Some(hosts) = hosts(dir.path()) {
        let _sweeper = Sweeper(dir.path());
        // Gone before the sweeper comes, and with it whoever holds the fabric.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(from_ssh_to_nothing(dir.path(), hosts));
    }
}

async fn from_ssh_to_nothing(dir: &Path, hosts: Arc<GuestHosts>) {
    let key = dir.join("key");
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key));
    let public_key = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let sim = start_with(settings(dir), hosts).await;
    let netns = sim.simulator.endpoint().fabric_netns.clone().unwrap();
    let internet = sim.simulator.endpoint().internet_netns.clone().unwrap();
    let subnet = sim.with_network("rg").await;
    let nsg = sim.network("rg", "networkSecurityGroups/nsg");
    sim.create(&nsg, json!({"location": "eastus"})).await;
    let mut body = vm_body(&subnet, true);
    body["properties"]["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"][0]["keyData"] =
        json!(public_key.trim());
    body["properties"]["networkProfile"]["networkInterfaceConfigurations"][0]["properties"]["networkSecurityGroup"] =
        json!({"id": nsg});
    let vm = sim.vm("rg", "m");
    sim.create(&vm, body).await;
    let (private, public) = (
        address(&sim, "address").await,
        address(&sim, "public_address").await,
    );
    until("ssh at the private address", "m1", || {
        ssh(&netns, &key, &private, "hostname")
    });

    // The outside gets in once a rule lets it.
    assert_ne!(ssh(&internet, &key, &public, "hostname").trim(), "m1");
    sim.create(
        &format!("{nsg}/securityRules/ssh"),
        json!({"properties": {
            "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 200,
            "sourceAddressPrefix": "Internet", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "22",
        }}),
    )
    .await;
    until("ssh from outside", "m1", || {
        ssh(&internet, &key, &public, "hostname")
    });

    // Ended and started again: files are kept, the guest comes back powered on.
    ssh(&netns, &key, &private, "echo kept > ~/mark; sync");
    sim.simulator.stop().await;
    let Some(hosts) = self::hosts(dir) else {
        panic!("the fabric is not there any more");
    };
    let sim = start_with(settings(dir), hosts).await;
    until("the file after a restart", "kept", || {
        ssh(&netns, &key, &private, "cat mark")
    });
    assert_eq!(
        sim.act(&format!("{vm}/powerOff")).await["status"],
        "Succeeded"
    );
    assert_ne!(ssh(&netns, &key, &private, "true; echo up").trim(), "up");
    assert_eq!(sim.act(&format!("{vm}/start")).await["status"], "Succeeded");
    until("ssh after a start", "kept", || {
        ssh(&netns, &key, &private, "cat mark")
    });

    sim.remove(&sim.group("rg")).await;
    sim.simulator.stop().await;
    let left = GuestHosts::destroy(&dir.join("fabric")).unwrap();
    assert_eq!(left, Vec::<String>::new());
}
