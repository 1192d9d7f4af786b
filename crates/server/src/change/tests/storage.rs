//! Storage: what charms ask for, what users make of it.

use super::*;

const STORES: &str = "storage:
  data: {type: filesystem, location: /srv/data, minimum-size: 100M}
  cache: {type: filesystem, multiple: {range: 0-2}}";

fn world() -> World {
    let mut world = World::new();
    world.charm("box", STORES);
    world
}

fn storage(items: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    items.iter().map(owned).collect()
}

fn refresh_to(charm: &str) -> Refresh {
    Refresh {
        charm: charm.to_owned(),
        ..Refresh::default()
    }
}

impl World {
    fn create_pool(
        &mut self,
        name: &str,
        provider: &str,
        items: &[(&str, &str)],
    ) -> Result<(), String> {
        let done = self.ask(|draft| create_pool(draft, name, provider, &storage(items)));
        done.map(drop).map_err(|refusal| refusal.detail)
    }
}

#[test]
fn pools_are_made_changed_used_and_removed() {
    let mut world = world();
    let fast = [("account-type", "Premium_LRS")];
    world.create_pool("fast", "azure", &fast).unwrap();
    for (name, provider, settings, expected) in [
        (
            "fast",
            "azure",
            &[][..],
            "storage pool \"fast\" already exists",
        ),
        (
            "tmpfs",
            "tmpfs",
            &[],
            "storage pool \"tmpfs\" already exists",
        ),
        ("7up", "azure", &[], "pool name \"7up\" not valid"),
        ("slow", "ebs", &[], "storage provider \"ebs\" not found"),
        (
            "slow",
            "loop",
            &fast,
            "storage provider \"loop\" has no setting \"account-type\"",
        ),
    ] {
        assert_eq!(
            world.create_pool(name, provider, settings).unwrap_err(),
            expected
        );
    }
    let slower = storage(&[("account-type", "StandardSSD_LRS")]);
    world
        .ask(|draft| update_pool(draft, "fast", &slower))
        .unwrap();
    let pool = world.state.model().storage_pool("fast").unwrap();
    assert_eq!(pool.account_type(), "StandardSSD_LRS");
    assert_eq!(
        world.refused(|draft| update_pool(draft, "azure", &slower)),
        "storage pool \"azure\" is one that every model has: it cannot be changed"
    );

    let request = Deploy {
        storage: storage(&[("data", "fast,2G")]),
        ..some("local:box-0")
    };
    world.ask(|draft| deploy(draft, &request)).unwrap();
    let row = world.state.storages().all().next().unwrap();
    assert_eq!((row.pool.as_str(), row.size), ("fast", 2048));
    assert_eq!(row.provider.as_str(), "azure");
    assert_eq!(
        world.refused(|draft| remove_pool(draft, "fast")),
        "storage pool \"fast\" in use"
    );
    world.create_pool("idle", "rootfs", &[]).unwrap();
    world.ask(|draft| remove_pool(draft, "idle")).unwrap();
    assert_eq!(
        world.refused(|draft| remove_pool(draft, "idle")),
        "pool \"idle\" not found"
    );
}

#[test]
fn another_charm_keeps_directives_and_gives_what_it_requires() {
    let mut world = world();
    let request = Deploy {
        storage: storage(&[("data", "azure,2G")]),
        ..some("local:box-0")
    };
    world.ask(|draft| deploy(draft, &request)).unwrap();
    world.charm("box", &format!("{STORES}\n  logs: {{type: filesystem}}"));
    let request = Refresh {
        storage: storage(&[("data", "3G")]),
        ..refresh_to("local:box-1")
    };
    let lines = world.ask(|draft| refresh(draft, "box", &request)).unwrap();
    assert!(
        lines.contains(&"added storage logs/1".to_owned()),
        "{lines:?}"
    );
    let row = application(&world.state, "box").unwrap();
    let of = |name: &str| row.storage.iter().find(|(store, _)| store.as_str() == name);
    let (_, data) = of("data").unwrap();
    assert_eq!(
        (data.pool.as_str(), data.size, data.count),
        ("azure", 3072, 1)
    );
    assert_eq!(of("logs").unwrap().1.pool, "rootfs");
}

#[test]
fn a_charm_whose_stores_do_not_fit_what_is_there_is_refused() {
    let mut world = world();
    world.deploy("box");
    let cases = [
        (
            "storage: {cache: {type: filesystem, multiple: {range: 0-2}}}",
            "in-use storage \"data\" removed",
        ),
        (
            "storage: {data: {type: block}, cache: {type: filesystem, multiple: {range: 0-2}}}",
            "existing storage \"data\" type changed from \"filesystem\" to \"block\"",
        ),
        (
            "storage: {data: {type: filesystem, location: /srv/data}, \
             cache: {type: filesystem, multiple: {range: 1-2}}}",
            "existing storage \"cache\" range contracted: min increased from 0 to 1",
        ),
        (
            "storage: {data: {type: filesystem, location: /srv/data}, \
             cache: {type: filesystem, multiple: {range: 0-1}}}",
            "existing storage \"cache\" range contracted: max decreased from 2 to 1",
        ),
    ];
    for (n, (stores, expected)) in cases.into_iter().enumerate() {
        world.charm("box", stores);
        let url = format!("local:box-{}", n + 1);
        let text = world.refused(|draft| refresh(draft, "box", &refresh_to(&url)));
        assert_eq!(
            text,
            format!("cannot upgrade application \"box\" to charm {url:?}: {expected}")
        );
    }
    // A store that no unit has storage of may go.
    world.charm(
        "box",
        "storage: {data: {type: filesystem, location: /srv/data}}",
    );
    world
        .ask(|draft| refresh(draft, "box", &refresh_to("local:box-5")))
        .unwrap();
    assert_eq!(application(&world.state, "box").unwrap().storage.len(), 1);
}
