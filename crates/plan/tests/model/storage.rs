//! Storage: before install, until the unit goes, and after it.

use lazuli_model::charm::StorageKind;
use lazuli_model::id::{MachineId, StorageInstanceId};
use lazuli_model::life::Life;
use lazuli_model::state::{Effect, EffectSpec, EffectState, Row, Storage, Unit};

use super::world::World;

impl World {
    fn add_storage(&mut self, name: &str, pool: &str, unit: &str) -> StorageInstanceId {
        let provider = self
            .state
            .model()
            .storage_pool(pool)
            .expect("a pool")
            .provider;
        let row = Storage {
            source: None,
            id: self.fresh(),
            name: name.parse().expect("a name"),
            kind: StorageKind::Filesystem,
            pool: pool.to_owned(),
            provider,
            size: 1024,
            unit: Some(self.unit(unit).id),
            life: Life::Alive,
            force: false,
            created_at: self.now,
        };
        let id = row.id;
        self.put(Row::Storage(row));
        id
    }

    fn storage(&self, id: StorageInstanceId) -> Storage {
        self.state.storages().get(id).expect("an instance").clone()
    }

    fn disks(&self) -> Vec<&Effect> {
        let disk = |effect: &&Effect| {
            matches!(effect.spec, EffectSpec::Disk { .. }) && effect.state != EffectState::Gone
        };
        self.state.effects().filter(disk).collect()
    }

    fn listed(&self, machine: MachineId) -> usize {
        let lists = self.state.effects_of(machine);
        lists
            .filter(|effect| effect.state == EffectState::Present)
            .filter_map(|effect| match &effect.spec {
                EffectSpec::DataDisks { disks, .. } => Some(disks.len()),
                _ => None,
            })
            .sum()
    }
}

fn position(hooks: &[String], name: &str) -> usize {
    let found = hooks.iter().position(|hook| hook == name);
    found.unwrap_or_else(|| panic!("{name} did not run: {hooks:?}"))
}

/// Checklist 16 and 25: storage-attached before install, in order of names.
#[test]
fn install_waits_for_all_storage() {
    let mut world = World::new();
    world.deploy("a", 1);
    world.add_storage("logs/1", "tmpfs", "a/0");
    world.add_storage("data/0", "azure", "a/0");
    world.settle();
    world.assert_settled();
    let hooks = world.hooks("a/0");
    assert_eq!(
        hooks[..3],
        ["data-storage-attached", "logs-storage-attached", "install"]
    );
    let machine = world.unit("a/0").machine;
    assert_eq!((world.disks().len(), world.listed(machine)), (1, 1));
}

#[test]
fn later_storage_is_attached_and_goes_alone() {
    let mut world = World::new();
    world.deploy("a", 1);
    world.settle();
    world.hooks("a/0");
    let id = world.add_storage("data/0", "azure", "a/0");
    world.settle();
    assert_eq!(world.hooks("a/0"), ["data-storage-attached"]);
    let machine = world.unit("a/0").machine;
    assert_eq!(world.listed(machine), 1);
    world.put(Row::Storage(Storage {
        unit: None,
        ..world.storage(id)
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("a/0"), ["data-storage-detaching"]);
    assert_eq!((world.disks().len(), world.listed(machine)), (1, 0));
    world.put(Row::Storage(Storage {
        life: Life::Dying,
        ..world.storage(id)
    }));
    world.settle();
    world.assert_settled();
    assert!(world.disks().is_empty() && world.state.storages().is_empty());
}

/// Persistent storage survives its unit and goes to another; the rest dies.
#[test]
fn a_unit_that_goes_leaves_persistent_storage_alone() {
    let mut world = World::new();
    let application = world.deploy("a", 1);
    let kept = world.add_storage("data/0", "azure", "a/0");
    world.add_storage("logs/1", "rootfs", "a/0");
    world.settle();
    world.hooks("a/0");
    world.kill_unit("a/0");
    world.settle();
    world.assert_settled();
    let hooks = world.hooks("a/0");
    let left = position(&hooks, "stop");
    assert!(
        position(&hooks, "data-storage-detaching") < left,
        "{hooks:?}"
    );
    assert!(
        position(&hooks, "logs-storage-detaching") < left,
        "{hooks:?}"
    );
    assert_eq!(world.state.storages().all().count(), 1);
    assert_eq!(world.storage(kept).unit, None);
    assert_eq!(
        (world.disks().len(), world.state.machines().count()),
        (1, 0)
    );

    world.add_unit(application);
    let unit = Some(world.unit("a/1").id);
    world.put(Row::Storage(Storage {
        unit,
        ..world.storage(kept)
    }));
    world.settle();
    world.assert_settled();
    let machine = world.unit("a/1").machine;
    assert_eq!((world.disks().len(), world.listed(machine)), (1, 1));
    assert_eq!(
        world.hooks("a/1")[..2],
        ["data-storage-attached", "install"]
    );
}

/// A storage-detaching that fails blocks with a reason; force passes over it,
/// and the data stays.
#[test]
fn force_passes_over_what_does_not_detach_and_destroys_nothing() {
    let mut world = World::new();
    world.deploy("a", 1);
    let id = world.add_storage("data/0", "azure", "a/0");
    world.settle();
    world
        .failing
        .insert("data-storage-detaching".to_owned(), 99);
    world.kill_unit("a/0");
    world.settle();
    let unit = world.unit("a/0");
    let plan = world.plan(lazuli_plan::Subject::Unit(unit.id));
    let reason = plan.blocked.expect("it waits").reason;
    assert!(reason.contains("data-storage-detaching"), "{reason}");
    world.put(Row::Unit(Unit {
        force: true,
        ..unit
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.state.units().count(), 0);
    assert_eq!(
        (world.disks().len(), world.storage(id).life),
        (1, Life::Alive)
    );
}

#[test]
fn a_unit_that_goes_before_its_machine_is_there_leaves_nothing() {
    let mut world = World::new();
    world.deploy("a", 1);
    let id = world.add_storage("data/0", "azure", "a/0");
    world.put(Row::Storage(Storage {
        life: Life::Dying,
        ..world.storage(id)
    }));
    world.kill_unit("a/0");
    world.settle();
    world.assert_settled();
    assert!(world.disks().is_empty() && world.state.storages().is_empty());
}
