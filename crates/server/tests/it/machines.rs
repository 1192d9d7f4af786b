use lazuli_api::{AccessLevel, AddMachines, Code, EntityKind, ManualHost};
use lazuli_model::state::{Change, MachineState, Row};
use lazuli_store::load;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::common::{World, code};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

#[tokio::test]
async fn machines_are_added_and_known_by_their_keys() {
    let world = World::new().await;
    let id = world.model("dev").await;
    let model = world.admin.model("dev");
    let two = AddMachines {
        count: 2,
        constraints: Some("cores=2".to_owned()),
        placement: Some("zone=1".to_owned()),
        ..AddMachines::default()
    };
    let added = model.add_machines(&two).await.unwrap();
    assert_eq!(
        added.added(EntityKind::Machine).collect::<Vec<_>>(),
        ["0", "1"]
    );
    let shown = model.machine("1").await.unwrap();
    assert_eq!(shown.constraints, "cores=2");
    assert_eq!(code(model.machine("7").await), Some(Code::NotFound));
    let loaded = load(world.store.pool(), id).await.unwrap();
    let row = loaded.state.machines().find(|row| row.name == "0").unwrap();
    let known = MachineState {
        address: Some("10.64.0.4".parse().unwrap()),
        public_address: Some("20.0.0.1".parse().unwrap()),
        host_keys: vec![KEY.to_owned()],
        ..MachineState::new(row.id)
    };
    world
        .commit(id, vec![Change::Put(Row::MachineState(known))])
        .await;
    let keys = model.host_keys("0").await.unwrap();
    let alias = format!("lazuli-{id}-machine-0");
    assert_eq!(
        (keys.user.as_str(), keys.alias.as_str()),
        ("ubuntu", alias.as_str())
    );
    assert_eq!(
        keys.known_hosts,
        [format!("{alias},20.0.0.1,10.64.0.4 {KEY}")]
    );
    assert!(model.host_keys("1").await.unwrap().known_hosts.is_empty());
}

#[tokio::test]
async fn whoever_enlists_a_machine_is_told_which_key_to_let_in() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let own = model.ssh_keys().await.unwrap().model_key;
    let host = AddMachines {
        manual: Some(ManualHost {
            user: "me".to_owned(),
            host: "10.9.9.9".to_owned(),
            port: 22,
            host_keys: vec![KEY.to_owned()],
        }),
        ..AddMachines::default()
    };
    let would = model.clone().dry_run(true).add_machines(&host).await;
    assert_eq!(would.unwrap().written, None);
    let added = model.add_machines(&host).await.unwrap();
    let [notice] = &added.notices[..] else {
        panic!("{:?}", added.notices);
    };
    assert!(notice.ends_with(&own), "{notice}");
    assert!(
        notice.contains("me's ~/.ssh/authorized_keys on 10.9.9.9"),
        "{notice}"
    );
    let known = model.host_keys("0").await.unwrap();
    assert_eq!(
        (known.user.as_str(), &known.host_keys[..]),
        ("me", &[KEY.to_owned()][..])
    );
    let again = model.clone().dry_run(true).add_machines(&host).await;
    assert_eq!(code(again), Some(Code::AlreadyExists));
}

#[tokio::test]
async fn a_tunnel_leads_to_a_machine_of_the_model_and_nowhere_else() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let host = |port: u16| AddMachines {
        manual: Some(ManualHost {
            user: "ubuntu".to_owned(),
            host: "10.9.9.9".to_owned(),
            port,
            host_keys: vec![KEY.to_owned()],
        }),
        ..AddMachines::default()
    };
    model.add_machines(&host(2222)).await.unwrap();
    model.add_machines(&host(23)).await.unwrap();
    model.add_machines(&AddMachines::default()).await.unwrap();
    let mut tunnel = model.tunnel("0").await.unwrap();
    let said = "ssh-2.0-hello ".repeat(20_000);
    let (mut from, mut to) = tokio::io::split(&mut tunnel);
    let sending = async {
        to.write_all(said.as_bytes()).await.unwrap();
        to.flush().await.unwrap();
    };
    let mut heard = vec![0; said.len()];
    let hearing = from.read_exact(&mut heard);
    let ((), heard_all) = tokio::join!(sending, hearing);
    heard_all.unwrap();
    assert!(
        said.to_ascii_uppercase().as_bytes() == heard,
        "not the same bytes"
    );
    tunnel.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    assert_eq!(
        world.dialed.lock().unwrap()[..],
        ["10.9.9.9:2222".parse().unwrap()]
    );
    let refused = |machine: &'static str| {
        let model = model.clone();
        async move {
            let error = model.tunnel(machine).await.err().unwrap();
            Code::from_text(&error.problem().unwrap().code)
        }
    };
    assert_eq!(refused("1").await, Some(Code::Unreachable));
    assert_eq!(
        refused("2").await,
        Some(Code::Conflict),
        "it has no address yet"
    );
    assert_eq!(refused("9").await, Some(Code::NotFound));
    let bob = world.user("bob").await;
    model.grant("bob", AccessLevel::Write).await.unwrap();
    let error = bob.model("admin/dev").tunnel("0").await.err().unwrap();
    assert!(error.problem().unwrap().is(Code::Forbidden));
}
