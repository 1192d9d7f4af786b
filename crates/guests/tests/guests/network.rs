//! Reach, egress and security groups, by connecting.

use std::net::Ipv4Addr;

use crate::support::{World, possible, said};
use lazuli_guests::{
    Access, Direction, Egress, Interface, InterfacePolicy, Namespace, NetworkPolicy, OUTSIDE,
    Ports, Prefix, Protocol, Rule, SecurityGroup, Stop, VnetSpec,
};

const FABRIC: Namespace<'_> = Namespace::Fabric;
const INTERNET: Namespace<'_> = Namespace::Internet;

fn rule(priority: u16, sources: &[Prefix], port: u16, access: Access) -> Rule {
    Rule {
        direction: Direction::Inbound,
        priority,
        protocol: Protocol::Tcp,
        sources: sources.to_vec(),
        source_ports: Vec::new(),
        destinations: Vec::new(),
        destination_ports: vec![Ports::one(port)],
        access,
    }
}

fn policy(public: &str, rules: Vec<Rule>) -> NetworkPolicy {
    NetworkPolicy {
        public_address: Some(public.parse().unwrap()),
        egress: Egress::None,
        groups: vec![SecurityGroup { rules }],
        others: Vec::new(),
    }
}

#[test]
fn a_guest_may_have_several_interfaces() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let mut first = world.spec("a", "net", "10.1.0.4/24");
    first.interfaces = vec![Interface {
        address: "10.1.1.4/24".parse().unwrap(),
        mac: Some([0x00, 0x0d, 0x3a, 1, 2, 3]),
    }];
    let second = world.spec("b", "net", "10.1.1.5/24");
    let third = world.spec("c", "net", "10.1.1.4/24");
    let mut results = world.fabric().create_many(vec![first, second, third]);
    let taken = results.pop().unwrap().unwrap_err().to_string();
    assert!(taken.contains("10.1.1.4 belongs to the guest"), "{taken}");
    for result in results {
        result.unwrap();
    }
    let mac = "cat /sys/class/net/eth1/address";
    assert_eq!(world.run("10.1.0.4", mac).trim(), "00:0d:3a:01:02:03");
    let banner = |address: &str| format!("timeout 2 nc -w1 {address} 22 </dev/null | head -c 7");
    // In its own subnet the second address answers by its own wire.
    assert_eq!(world.run("10.1.1.5", &banner("10.1.1.4")), "SSH-2.0");
    // What would leave by the other's wire needs a route of its own, as on
    // Azure.
    assert!(!world.connects(FABRIC, "10.1.1.4", 22));
    assert_eq!(world.run("10.1.1.5", &banner("10.1.0.4")), "");
    said(&world.exec(
        "a",
        "ip route add default via 10.1.1.1 dev eth1 table 9 && ip rule add from 10.1.1.4 lookup 9 \
         && ip route add default via 10.1.0.1 dev eth0 table 8 && ip rule add from 10.1.0.4 lookup 8",
    ));
    assert!(world.connects(FABRIC, "10.1.1.4", 22));
    assert_eq!(world.run("10.1.1.5", &banner("10.1.0.4")), "SSH-2.0");
    // A security group holds for the interface that it is of.
    let closed = InterfacePolicy {
        groups: vec![SecurityGroup {
            rules: vec![rule(100, &[Prefix::Any], 22, Access::Deny)],
        }],
        ..InterfacePolicy::default()
    };
    let policy = NetworkPolicy {
        others: vec![closed],
        ..NetworkPolicy::default()
    };
    world
        .fabric()
        .set_policy(&[("a".to_owned(), policy)])
        .unwrap();
    assert!(!world.connects(FABRIC, "10.1.1.4", 22));
    assert!(world.connects(FABRIC, "10.1.0.4", 22));
    // The wires come back with the guest.
    world.fabric().restart("a", Stop::Kill).unwrap();
    assert_eq!(world.run("10.1.0.4", mac).trim(), "00:0d:3a:01:02:03");
    world.end();
}

#[test]
fn rules_decide_who_may_connect() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let mut first = world.spec("a", "net", "10.1.0.4/24");
    first.policy = policy("20.0.0.4", Vec::new());
    let mut second = world.spec("b", "net", "10.1.1.5/24");
    second.policy = policy("20.0.0.5", Vec::new());
    for result in world.fabric().create_many(vec![first, second]) {
        result.unwrap();
    }

    // Azure's defaults: the network may connect, the outside may not.
    assert!(world.connects(FABRIC, "10.1.0.4", 22));
    assert!(!world.connects(FABRIC, "20.0.0.4", 22));
    assert!(!world.connects(INTERNET, "20.0.0.4", 22));
    let banner = "timeout 2 nc -w1 10.1.1.5 22 </dev/null | head -c 7";
    assert_eq!(world.run("10.1.0.4", banner), "SSH-2.0");

    // The outside cannot use private addresses, whatever is routed where.
    assert!(!world.connects(INTERNET, "10.1.0.4", 22));

    // A rule for everybody outside; the other guest stays closed.
    let change = |rules: Vec<Rule>| {
        let change = ("a".to_owned(), policy("20.0.0.4", rules));
        world.fabric().set_policy(&[change]).unwrap();
    };
    change(vec![rule(100, &[Prefix::Internet], 22, Access::Allow)]);
    assert!(world.connects(INTERNET, "20.0.0.4", 22));
    assert!(world.connects(FABRIC, "20.0.0.4", 22));
    assert!(!world.connects(INTERNET, "20.0.0.5", 22));

    // A rule for one address: the controller's public one.
    let controller = lazuli_guests::CONTROLLER_PUBLIC;
    let only = Prefix::Net(lazuli_guests::Net::host(controller));
    change(vec![rule(100, &[only], 22, Access::Allow)]);
    assert!(world.connects(FABRIC, "20.0.0.4", 22));
    assert!(!world.connects(INTERNET, "20.0.0.4", 22));

    // The lowest number decides, also against the network itself.
    change(vec![
        rule(200, &[Prefix::Any], 22, Access::Allow),
        rule(100, &[Prefix::VirtualNetwork], 22, Access::Deny),
    ]);
    assert!(!world.connects(FABRIC, "10.1.0.4", 22));
    assert!(world.connects(INTERNET, "20.0.0.4", 22));

    // Two groups, of subnet and interface: both must allow.
    let open = SecurityGroup {
        rules: vec![rule(100, &[Prefix::Any], 22, Access::Allow)],
    };
    let mut both = policy("20.0.0.4", Vec::new());
    both.groups = vec![open, SecurityGroup::default()];
    world
        .fabric()
        .set_policy(&[("a".to_owned(), both)])
        .unwrap();
    assert!(!world.connects(INTERNET, "20.0.0.4", 22));

    // A public address goes with the policy; another guest may have it then.
    change(Vec::new());
    let taken = policy("20.0.0.4", Vec::new());
    assert!(
        world
            .fabric()
            .set_policy(&[("b".to_owned(), taken)])
            .is_err()
    );
    world.end();
}

#[test]
fn egress_is_enforced() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    world
        .fabric()
        .create(world.spec("a", "net", "10.1.0.4/24"))
        .unwrap();
    let listener = world
        .fabric()
        .in_namespace(INTERNET, || std::net::TcpListener::bind((OUTSIDE, 8080)))
        .unwrap();
    // Whoever connects is told its address.
    std::thread::spawn(move || {
        use std::io::Write;
        for connection in listener.incoming().flatten() {
            let peer = connection.peer_addr().map(|peer| peer.ip().to_string());
            drop((&connection).write_all(peer.unwrap_or_default().as_bytes()));
        }
    });
    let seen = || {
        let script = format!("timeout 1 nc {OUTSIDE} 8080 </dev/null; true");
        said(&world.exec("a", &script))
    };
    let set = |egress, public: Option<&str>| {
        let policy = NetworkPolicy {
            egress,
            public_address: public.map(|address| address.parse::<Ipv4Addr>().unwrap()),
            groups: Vec::new(),
            others: Vec::new(),
        };
        world
            .fabric()
            .set_policy(&[("a".to_owned(), policy)])
            .unwrap();
    };
    assert!(seen().starts_with("198.18."), "the NAT gateway's");
    set(Egress::None, None);
    assert_eq!(seen(), "");
    set(Egress::Public, Some("20.0.0.4"));
    assert_eq!(seen(), "20.0.0.4");
    set(Egress::Public, None);
    assert_eq!(seen(), "");
    world.end();
}

#[test]
fn networks_are_apart_and_may_overlap() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("one", "10.1.0.0/16");
    world.vnet("two", "10.1.0.0/16");
    let private = VnetSpec {
        name: "three".to_owned(),
        ranges: vec!["10.3.0.0/16".parse().unwrap()],
        direct: false,
        nat_address: None,
    };
    world.fabric().ensure_vnet(&private).unwrap();
    for (name, vnet, address) in [
        ("a", "one", "10.1.0.4/24"),
        ("b", "two", "10.1.0.4/24"),
        ("c", "three", "10.3.0.4/24"),
    ] {
        world
            .fabric()
            .create(world.spec(name, vnet, address))
            .unwrap();
    }
    // The older of two networks with one range is the one that is reached.
    assert_eq!(world.run("10.1.0.4", "hostname"), "a");
    // A network that is not peered is not reached.
    assert!(!world.connects(FABRIC, "10.3.0.4", 22));
    let script = "timeout 1 nc -z 10.3.0.4 22 && echo open; true";
    assert_eq!(said(&world.exec("a", script)), "");
    // Peered, it is; and the younger one takes over when the older goes.
    let direct = VnetSpec {
        direct: true,
        ..private
    };
    world.fabric().ensure_vnet(&direct).unwrap();
    assert!(world.connects(FABRIC, "10.3.0.4", 22));
    assert!(world.fabric().delete_vnet("one").is_err());
    world.fabric().delete("a").unwrap();
    world.fabric().delete_vnet("one").unwrap();
    assert_eq!(world.run("10.1.0.4", "hostname"), "b");
    world.end();
}

#[test]
fn a_guest_cannot_speak_in_another_ones_name() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    world
        .fabric()
        .create(world.spec("a", "net", "10.1.0.4/24"))
        .unwrap();
    world
        .fabric()
        .create(world.spec("b", "net", "10.1.0.5/24"))
        .unwrap();
    world
        .fabric()
        .create(world.spec("c", "net", "10.1.0.6/24"))
        .unwrap();
    let ping = |source: &str| {
        let script =
            format!("ping -c1 -W1 -I {source} 10.1.0.5 >/dev/null 2>&1 && echo answered; true");
        said(&world.exec("a", &script))
    };
    assert_eq!(ping("10.1.0.4"), "answered");
    said(&world.exec("a", "ip address add 10.1.0.6/32 dev eth0"));
    // Count what arrives: an answer would go to the true owner anyway.
    let count = "nstat -asz IcmpInEchos | awk '/InEchos/ {print $2}'";
    let before = said(&world.exec("b", count));
    assert_eq!(ping("10.1.0.6"), "");
    assert_eq!(said(&world.exec("b", count)), before);
    world.end();
}
