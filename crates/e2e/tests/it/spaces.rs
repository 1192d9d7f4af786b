//! Spaces and bindings, from the command line to the machine's interfaces.

use lazuli_e2e::{Lazuli, charm};

/// Checklist of real charms: bindings, extra bindings, `network-get` for each.
#[test]
fn endpoints_have_the_addresses_of_their_spaces() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.shows(
        "add-space db",
        "! added space \"db\" with subnets ADDRESS/24\n",
    );
    let bound = charm("bound");
    let refused = lazuli.run(&["deploy", &bound, "server", "--bind", "nowhere"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("space \"nowhere\" not found"),
        "{refused:?}"
    );
    lazuli.ok(&["deploy", &bound, "server", "--bind", "alpha data=db"]);
    lazuli.ok(&["deploy", &bound, "client"]);
    lazuli.ok(&["integrate", "server:data", "client:source"]);
    let status = lazuli.until("both have said their addresses", |status| {
        let message = |unit| status.workload(unit).1;
        message("server/0").starts_with("data=10.64.32.")
            && message("client/0").contains("source=10.64.32.")
    });
    // The server is reached at the address of the space, which is not that of
    // its machine's first interface; and answers by the right one.
    let (_, server) = status.workload("server/0");
    assert!(server.contains(" backup=10.64.0."), "{server}");
    let (_, client) = status.workload("client/0");
    assert!(client.ends_with(" SSH-2.0"), "{client}");
    let interfaces = |machine: &str| {
        let (_, machine) = status
            .machines()
            .find(|(name, _)| *name == machine)
            .unwrap_or_default();
        let all = machine["network-interfaces"].as_object();
        all.into_iter()
            .flatten()
            .map(|(name, one)| format!("{name} {}", one["space"].as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(interfaces("0"), ["eth0 alpha", "eth1 db"]);
    assert_eq!(interfaces("1"), ["eth0 alpha"]);

    // The routes are there after a boot, too.
    let boot = || {
        let read = "cat /proc/sys/kernel/random/boot_id";
        lazuli.run(&["ssh", "server/0", read]).out
    };
    let before = boot();
    // The connection is cut.
    lazuli.run(&["ssh", "server/0", "sudo reboot"]);
    lazuli.eventually("it is up again", || {
        let now = boot();
        !now.is_empty() && now != before
    });
    let address = server
        .trim_start_matches("data=")
        .split(' ')
        .next()
        .unwrap_or_default();
    let probe = format!("timeout 2 bash -c 'head -c 7 < /dev/tcp/{address}/22'");
    lazuli.eventually("it answers again", || {
        lazuli.run(&["ssh", "client/0", &probe]).out == "SSH-2.0"
    });

    // What machines are not in cannot be bound to; what they are in can.
    let refused = lazuli.run(&["bind", "client", "source=db"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains(
            "changing binding of endpoint \"source\" to space \"db\" is not feasible: one or \
             more deployed machines lack an address in this space"
        ),
        "{refused:?}"
    );
    let said = lazuli.run(&["bind", "server", "backup=db"]);
    assert!(
        said.err
            .contains("moving endpoint \"backup\" from \"alpha\" to \"db\""),
        "{said:?}"
    );
    lazuli.until("the charm hears of it", |status| {
        status.workload("server/0").1.contains(" backup=10.64.32.")
    });
    lazuli.shows(
        "spaces",
        "Name  Space ID  Subnets\nalpha  0  ADDRESS/19\ndb  1  ADDRESS/24\n",
    );
    let used = lazuli.run(&["remove-space", "db"]);
    assert_eq!(used.code, 1, "{used:?}");
    lazuli.destroy("m");
}
