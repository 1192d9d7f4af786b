//! Sizes, zones, and what the cloud has none of.

use lazuli_model::charm::StorageKind;
use lazuli_model::id::{MachineId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Effect, EffectSpec, EffectState, Machine, MachineSource, Row, Space, Storage, StorageProvider,
    StorageState, Unit,
};

use super::{NOW, World, id, machine};
use crate::types::SubjectPlan;

/// A machine with a unit of `web`.
fn add(world: &mut World, number: u128, constraints: &str) {
    let machine_id = id::<MachineId>(100 + number);
    world.put(Row::Machine(Machine {
        id: machine_id,
        name: number.to_string().parse().expect("a name"),
        constraints: constraints.parse().expect("constraints"),
        ..machine(Life::Alive)
    }));
    world.put(Row::Unit(Unit {
        id: id::<UnitId>(200 + number),
        name: format!("web/{number}").parse().expect("a name"),
        application: id(20),
        machine: machine_id,
        principal: None,
        life: Life::Alive,
        force: false,
        resolve: None,
        created_at: NOW,
    }));
}

/// Where the machines are, by number.
fn places(world: &World) -> Vec<String> {
    let mut places: Vec<_> = world
        .state
        .effects()
        .filter(|effect| effect.state == EffectState::Present)
        .filter_map(|effect| match &effect.spec {
            EffectSpec::VirtualMachine(vm) => Some(format!(
                "{} {}@{}",
                effect.name,
                vm.size,
                vm.zone.as_deref().unwrap_or("-")
            )),
            _ => None,
        })
        .collect();
    places.sort();
    places
}

fn failures(world: &World) -> usize {
    let failed = |call: &&String| call.starts_with('!');
    world.calls.iter().filter(failed).count()
}

#[test]
fn an_application_is_spread_over_the_zones_that_it_asks_for() {
    let mut world = World::new();
    world.expose(false);
    for number in 0..5 {
        add(&mut world, number, "zones=1,3");
    }
    add(&mut world, 5, "");
    world.settle();
    assert_eq!(
        places(&world),
        [
            "m-0-g1 Standard_B2s@1",
            "m-1-g1 Standard_B2s@3",
            "m-2-g1 Standard_B2s@1",
            "m-3-g1 Standard_B2s@3",
            "m-4-g1 Standard_B2s@1",
            "m-5-g1 Standard_B2s@-",
        ]
    );
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn another_zone_is_tried_before_another_size_and_others_learn_from_it() {
    let mut world = World::new();
    world.expose(false);
    world.dry = vec!["Standard_B2s@1", "Standard_B2s@2"];
    add(&mut world, 0, "zones=1,2,3");
    world.settle();
    assert_eq!(places(&world), ["m-0-g3 Standard_B2s@3"]);
    assert_eq!(failures(&world), 2);

    // The next machine does not ask for what there was none of a moment ago.
    add(&mut world, 1, "zones=1,2");
    world.settle();
    assert_eq!(
        places(&world),
        ["m-0-g3 Standard_B2s@3", "m-1-g1 Standard_D2s_v5@1"]
    );
    assert_eq!(failures(&world), 2);
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn a_zone_of_a_placement_is_the_only_one_and_is_named_when_there_is_nothing() {
    let mut world = World::new();
    world.expose(false);
    add(&mut world, 0, "");
    let mut placed = world.state.machine(id(100)).expect("a row").clone();
    placed.source = MachineSource::Cloud {
        zone: Some("2".to_owned()),
    };
    world.put(Row::Machine(placed.clone()));
    world.settle();
    assert_eq!(places(&world), ["m-0-g1 Standard_B2s@2"]);

    let mut world = World::new();
    world.expose(false);
    add(&mut world, 0, "");
    for offer in &mut world.offers {
        offer.zones = vec!["1".to_owned()];
    }
    world.put(Row::Machine(placed));
    world.settle();
    let known = world.state.machine_state(id(100)).expect("a row");
    let failure = known.failure.clone().expect("a failure");
    assert_eq!(
        failure.message,
        "no size in westeurope satisfies \"\" in zone 2: set other constraints, remove this \
         machine and add another"
    );
}

#[test]
fn the_image_and_the_kind_of_root_disk_are_what_is_asked_for() {
    let mut world = World::new();
    world.expose(false);
    add(
        &mut world,
        0,
        "image-id=Canonical:ubuntu-24_04-lts:minimal:latest root-disk-source=Premium_LRS",
    );
    world.settle();
    let vm = world.state.effects().find_map(|effect| match &effect.spec {
        EffectSpec::VirtualMachine(vm) => Some(vm.clone()),
        _ => None,
    });
    let vm = vm.expect("a virtual machine");
    assert_eq!(vm.image.sku, "minimal");
    assert_eq!(vm.disk_type.as_deref(), Some("Premium_LRS"));

    for (constraints, says) in [
        (
            "image-id=ami-1",
            "image-id \"ami-1\" is not PUBLISHER:OFFER:SKU:VERSION",
        ),
        (
            "root-disk-source=fast",
            "root-disk-source \"fast\" is neither a storage pool of the provider azure nor one \
             of Standard_LRS",
        ),
        (
            "root-disk-source=tmpfs",
            "root-disk-source \"tmpfs\" is neither a storage pool of the provider azure",
        ),
    ] {
        let mut world = World::new();
        world.expose(false);
        add(&mut world, 0, constraints);
        world.settle();
        let known = world.state.machine_state(id(100)).expect("a row");
        let failure = known.failure.clone().expect("a failure");
        assert!(failure.message.starts_with(says), "{}", failure.message);
    }
}

#[test]
fn a_subnet_that_is_full_is_passed_over() {
    let mut world = World::new();
    world.expose(false);
    let mut model = world.state.model().clone();
    let subnets = [("10.64.32.0/29", "small"), ("10.64.32.8/29", "other")];
    let space = Space {
        number: 1,
        subnets: subnets
            .map(|(range, name)| (range.to_owned(), name.to_owned()))
            .into(),
    };
    model.spaces.insert("db".to_owned(), space);
    world.put(Row::Model(model));
    for number in 0..7 {
        add(&mut world, number, "");
        let mut row = world
            .state
            .machine(id(100 + number))
            .expect("a row")
            .clone();
        row.spaces = vec!["db".to_owned()];
        world.put(Row::Machine(row));
    }
    world.settle();
    let mut counts = std::collections::BTreeMap::new();
    for effect in world.state.effects() {
        if let EffectSpec::VirtualMachine(vm) = &effect.spec {
            *counts.entry(vm.subnets.join(" ")).or_insert(0) += 1;
        }
    }
    let wanted = [("small", 3), ("other", 3)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts, wanted.into());
    let known = world.state.machine_state(id(106)).expect("a row");
    let failure = known.failure.clone().expect("a failure");
    assert!(
        failure.message.starts_with("space \"db\" is full: "),
        "{}",
        failure.message
    );
}

#[test]
fn a_machine_goes_where_its_disks_are_if_it_may() {
    for (zone, place) in [
        ("3", "m-0-g1 Standard_B2s@3"),
        ("2", "m-0-g1 Standard_B2s@1"),
    ] {
        let mut world = World::new();
        world.expose(false);
        add(&mut world, 0, "zones=1,3");
        let storage = Storage {
            id: id(40),
            name: "data/0".parse().expect("a name"),
            kind: StorageKind::Filesystem,
            pool: "azure".to_owned(),
            provider: StorageProvider::Azure,
            size: 1024,
            source: None,
            unit: None,
            life: Life::Alive,
            force: false,
            created_at: NOW,
        };
        let name = super::super::disks::disk_name(&storage);
        let known = StorageState {
            machine: Some(id(100)),
            ..StorageState::detached(storage.id, NOW)
        };
        world.put(Row::Effect(Effect {
            id: lazuli_model::id::derived(world.state.model().id, &name),
            machine: None,
            parent: None,
            name,
            spec: EffectSpec::Disk {
                region: "westeurope".to_owned(),
                zone: Some(zone.to_owned()),
                size: 1,
                source: None,
                sku: "Standard_LRS".to_owned(),
                storage: storage.id,
                number: 0,
            },
            state: EffectState::Present,
            cloud_id: None,
            failure: None,
            created_at: NOW,
            changed_at: NOW,
        }));
        world.put(Row::Storage(storage));
        world.put(Row::StorageState(known));
        world.settle();
        assert_eq!(places(&world), [place]);
    }
}
