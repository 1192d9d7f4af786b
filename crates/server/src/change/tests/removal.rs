use super::*;

#[test]
fn removals_reach_what_belongs_to_it() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    world.integrate("web", "pg:server").unwrap();
    let how = Removal::default();
    assert_eq!(
        world.refused(|draft| remove_machine(draft, "0", &how)),
        "machine 0 has unit \"web/0\" assigned; --force removes it as well"
    );
    assert_eq!(
        world.refused(|draft| remove_unit(draft, "web/9", &how)),
        "unit \"web/9\" not found"
    );
    assert_eq!(
        world
            .ask(|draft| remove_unit(draft, "web-0", &how))
            .unwrap(),
        ["removed unit web/0 on machine 0"]
    );
    let lines = world
        .ask(|draft| remove_application(draft, "web", &how))
        .unwrap();
    assert_eq!(
        lines,
        [
            "removed application web",
            "removed relation 0 web:ring",
            "removed relation 1 web:db pg:server",
        ]
    );
    world.ask(|draft| destroy_model(draft, &how)).unwrap();
    let refused = world.refused(|draft| deploy(draft, &some("local:nrpe-0")));
    assert_eq!(refused, "model \"dev\" is being destroyed");
}

#[test]
fn only_errors_are_resolved() {
    let mut world = World::new();
    world.deploy("web");
    let retry = Resolved { retry: true };
    assert_eq!(
        world.refused(|draft| resolve(draft, "web/0", retry)),
        "unit \"web/0\" is not in an error state"
    );
    let id = unit(&world.state, "web/0").unwrap().id;
    let mut done = UnitState::new(id);
    done.resolved = 3;
    done.error = Some(HookError {
        hook: Hook::Install,
        attempts: 1,
        reason: String::new(),
        since: NOW,
        next_try: None,
    });
    world.state.apply(Change::Put(Row::UnitState(done)));
    world.ask(|draft| resolve(draft, "web/0", retry)).unwrap();
    let asked = unit(&world.state, "web/0").unwrap().resolve.unwrap();
    assert_eq!((asked.seq, asked.retry), (4, true));
    assert_eq!(
        world.refused(|draft| resolve(draft, "web/0", retry)),
        "cannot set resolved mode for unit \"web/0\": already resolved"
    );
    // Changing one's mind is possible.
    world
        .ask(|draft| resolve(draft, "web/0", Resolved { retry: false }))
        .unwrap();
}
