//! A real guest: first boot, `sudo`, a network that fails, a power cut.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lazuli_guests::{
    Admin, Fabric, FabricOptions, Flavour, GuestSpec, Namespace, NetworkPolicy, Stop, VnetSpec,
    ensure_tools, leftovers,
};
use lazuli_host::keys::{Identity, KeyPair};
use lazuli_host::{Dialer, HostEvent, Target, Tuning};
use lazuli_runner::frames::Exit;
use tempfile::TempDir;

use crate::common::{Archives, World, ack, identity, pair, quick, request, run, runner, target};

const GUEST: &str = "m-0";
const VNET: &str = "net";
const ADDRESS: &str = "10.64.0.4";

struct Site {
    fabric: Option<Fabric>,
    folder: TempDir,
    host_key: KeyPair,
    user_key: KeyPair,
}

impl Site {
    /// None, with a word about it, when guests are not possible here.
    fn new() -> Option<Self> {
        let own = std::env::current_exe().unwrap();
        let beside = own.parent().unwrap().parent().unwrap().join("guest-init");
        let init = std::env::var_os("LAZULI_GUEST_INIT").map_or(beside, PathBuf::from);
        if !init.is_file() {
            eprintln!("SKIPPED: needs the static guest-init (scripts/build, or LAZULI_GUEST_INIT)");
            return None;
        }
        if let Err(error) = ensure_tools() {
            eprintln!("SKIPPED: {error}");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("lazuli-host-")
            .tempdir_in("/var/tmp")
            .unwrap();
        let options = FabricOptions {
            cache: None,
            init: Some(init),
        };
        let fabric = Fabric::open(&folder.path().join("fabric"), &options).unwrap();
        let site = Self {
            fabric: Some(fabric),
            folder,
            host_key: pair("host"),
            user_key: pair("user"),
        };
        site.create();
        Some(site)
    }

    fn create(&self) {
        let vnet = VnetSpec {
            name: VNET.to_owned(),
            ranges: vec!["10.64.0.0/18".parse().unwrap()],
            direct: true,
            nat_address: None,
        };
        self.fabric().ensure_vnet(&vnet).unwrap();
        let private = self
            .host_key
            .private
            .expose()
            .trim()
            .replace('\n', "\n    ");
        let custom_data = format!(
            "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n    {private}\n\
             \x20 ed25519_public: {}\nruncmd:\n- [sleep, '1']\n- [touch, /set-up]\n",
            self.host_key.public
        );
        let spec = GuestSpec {
            name: GUEST.to_owned(),
            vnet: VNET.to_owned(),
            address: format!("{ADDRESS}/24").parse().unwrap(),
            mac: None,
            interfaces: Vec::new(),
            flavour: Flavour::Lean,
            hostname: GUEST.to_owned(),
            instance_id: "instance".to_owned(),
            admin: Some(Admin {
                name: "ubuntu".to_owned(),
                ssh_keys: vec![self.user_key.public.clone()],
            }),
            custom_data: custom_data.into_bytes(),
            policy: NetworkPolicy::default(),
        };
        self.fabric().create(spec).unwrap();
    }

    fn fabric(&self) -> &Fabric {
        self.fabric.as_ref().unwrap()
    }

    fn target(&self) -> Target {
        Target {
            waits_for_cloud_init: true,
            ..target(
                format!("{ADDRESS}:22").parse().unwrap(),
                "ubuntu",
                &self.host_key,
            )
        }
    }

    fn identity(&self) -> Identity {
        identity(&self.user_key)
    }

    /// Drops all that passes the network's router, or lets it pass again.
    fn partition(&self, on: bool) {
        let rules = if on {
            "add table inet cut; add chain inet cut swallow \
             { type filter hook forward priority -500; policy drop; }"
        } else {
            "delete table inet cut"
        };
        let namespace = self.fabric().namespace(Namespace::Vnet(VNET));
        let status = Command::new("nsenter")
            .arg(format!("--net={}", namespace.display()))
            .args(["nft", rules])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(fabric) = self.fabric.take() {
            drop(fabric.destroy());
        }
        let left = leftovers(&self.folder.path().join("fabric"));
        if !std::thread::panicking() {
            assert_eq!(left, [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_boots_runs_hooks_and_comes_back() {
    let Some(program) = runner() else {
        return;
    };
    let Some(site) = Site::new() else {
        return;
    };
    let mut archives = Archives::default();
    let charm = archives.charm(&[
        ("install", "#!/bin/sh\ntest -e /set-up\nwhoami\n"),
        ("start", "#!/bin/sh\nsleep 600\n"),
    ]);
    let dialer = Dialer::new(Some(site.fabric().namespace(Namespace::Fabric)));
    let tuning = Tuning {
        keepalive: Duration::from_millis(300),
        connect: Duration::from_secs(2),
        ..quick()
    };
    let mut world = World::new(dialer, tuning, archives, program, Duration::from_secs(600));

    let facts = world.hosts.boot(&site.target(), &site.identity()).await;
    let facts = facts.unwrap();
    assert_eq!(facts.hostname, GUEST);
    assert_eq!(facts.boot_errors, [""; 0]);

    let machine = world.attach(site.target(), &site.identity(), 1);
    run(&machine, &request(&charm, 1, "install"));
    let HostEvent::Reached { boot_id } = world.next().await else {
        panic!("not reached");
    };
    let outcome = world.finished().await;
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{outcome:?}");
    assert_eq!(outcome.output.head, "root\n");
    ack(&machine, &outcome.run);

    // The network swallows everything; the hook goes on.
    run(&machine, &request(&charm, 2, "start"));
    assert_eq!(world.started().await, 1);
    site.partition(true);
    let trouble = world.trouble().await;
    assert!(trouble.contains("silent"), "{trouble}");
    let trouble = world.trouble().await;
    assert!(trouble.contains("did not answer"), "{trouble}");
    site.partition(false);
    let event = world.next().await;
    assert!(matches!(event, HostEvent::Reached { .. }), "{event:?}");
    assert_eq!(world.started().await, 1);

    // Power is cut and comes back: the hook is gone, and that is known.
    site.fabric().restart(GUEST, Stop::Kill).unwrap();
    let again = world
        .find(|event| match event {
            HostEvent::Reached { boot_id } => Some(boot_id.clone()),
            _ => None,
        })
        .await;
    assert_ne!(again, boot_id);
    let outcome = world.finished().await;
    assert!(
        matches!(outcome.exit, Exit::Interrupted { .. }),
        "{outcome:?}"
    );
    ack(&machine, &outcome.run);
    run(&machine, &request(&charm, 2, "install"));
    let outcome = world.finished().await;
    assert_eq!((outcome.attempt, outcome.exit), (2, Exit::Code { code: 0 }));
    ack(&machine, &outcome.run);
    world.hosts.shutdown().await;
}
