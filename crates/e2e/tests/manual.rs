//! A machine that exists: enlisted by hand, used, given back.

use lazuli_e2e::Lazuli;

#[test]
fn a_machine_that_exists_is_enlisted_used_and_given_back() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    // Somebody else's machine: one of another model.
    lazuli.ok(&["add-model", "theirs"]);
    lazuli.ok(&["add-machine"]);
    let status = lazuli.until("it runs", |status| status.machine("0").0 == "started");
    let address = status.0["machines"]["0"]["ip-addresses"][0].clone();
    let address = address.as_str().expect("an address").to_owned();
    let key = lazuli.ok(&["ssh", "0", "cat", "/etc/ssh/ssh_host_ed25519_key.pub"]);

    lazuli.ok(&["add-model", "ours"]);
    let place = format!("ssh:ubuntu@{address}");
    // It is in a network that this program cannot reach.
    lazuli.shows(
        &format!("add-machine {place}"),
        "
        ! ERROR ADDRESS port 22 shows no ed25519 host key
        ! Check the address, and that an SSH server runs there. If it cannot be reached from here, \
         give its key with --host-key.
        [exit 1]",
    );
    let said = lazuli.run(&["add-machine", &place, "--host-key", key.trim()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.starts_with("created machine 0\n"), "{said:?}");
    let line = said
        .err
        .lines()
        .find(|line| line.starts_with("ssh-ed25519 "));
    let line = line.expect("the model's key is said").to_owned();
    assert!(lazuli.ok(&["ssh-keys", "--full"]).contains(&line));
    lazuli.ok(&["deploy", "./charms/recorder", "app", "--to", "0"]);
    let status = lazuli.until("it says what is missing", |status| {
        status.machine("0").1.starts_with("waiting for SSH")
    });
    assert_eq!(
        status.machine("0"),
        (
            "pending".to_owned(),
            format!(
                "waiting for SSH: ubuntu@{address}:22 does not accept the model's SSH key; it has \
                 to be in the authorized_keys of ubuntu"
            )
        )
    );

    let allow = format!("echo '{line}' >> .ssh/authorized_keys");
    lazuli.ok(&["ssh", "-m", "theirs", "0", &allow]);
    lazuli.until("its unit is active", |status| status.all_active(1));
    lazuli.shows(
        "status",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        ours  dev  azure-sim/westeurope  3.6.28  TIME

        App  Version  Status  Scale  Charm  Channel  Rev  Exposed  Message
        app  active  1  recorder  0  no  recording

        Unit  Workload  Agent  Machine  Public address  Ports  Message
        app/0*  active  idle  0  ADDRESS  recording

        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  manual:ADDRESS  ubuntu@24.04  Manually provisioned machine",
    );
    lazuli.shows(
        "ssh app/0 -- 'tail -n 1 /var/log/hooks/app-0'",
        "start leader=True",
    );
    lazuli.shows(
        "remove-machine --no-prompt 0",
        "
        ! ERROR machine 0 has unit \"app/0\" assigned; --force removes it as well
        [exit 1]",
    );
    lazuli.ok(&["remove-unit", "--no-prompt", "app/0"]);
    lazuli.until("the unit is gone", |status| status.units().count() == 0);
    lazuli.shows("remove-machine --no-prompt 0", "! will remove machine 0");
    lazuli.until("the machine is gone", |status| {
        status.machines().count() == 0
    });

    // It is theirs as before.
    let hooks = lazuli.ok(&["ssh", "-m", "theirs", "0", "cat", "/var/log/hooks/app-0"]);
    assert!(hooks.ends_with("stop\nremove\n"), "{hooks}");
    lazuli.ok(&["destroy-model", "--no-prompt", "ours"]);
    lazuli.ok(&["switch", "theirs"]);
    lazuli.until("it runs still", |status| status.machine("0").0 == "started");
    lazuli.destroy("theirs");
}
