//! Juju's guarantees, held against everything that units ran, whatever users
//! did meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::id::{RelationId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::state::{Application, Row};
use proptest::prelude::*;

use crate::world::World;

/// What an oracle remembers of a unit's relation.
#[derive(Default)]
struct InRelation {
    joined: BTreeSet<UnitId>,
    departed: BTreeSet<UnitId>,
    /// The remote unit whose changed is owed, after its joined.
    owed: Option<UnitId>,
    broken: bool,
}

/// Holds a unit's history against the law.
#[track_caller]
fn assert_lawful(unit: &str, history: &[(Hook, bool)]) {
    // A hook that failed runs again, or is skipped: then it counts. What it
    // was about may have gone meanwhile: then it does not.
    let told: Vec<&Hook> = history
        .iter()
        .enumerate()
        .filter(|(n, (hook, success))| {
            let rest = &history[n + 1..];
            *success || (rest.first().is_none_or(|(next, _)| next != hook) && counts(hook, rest))
        })
        .map(|(_, (hook, _))| hook)
        .collect();
    let position = |wanted: &Hook| told.iter().position(|hook| *hook == wanted);
    let count = |wanted: &Hook| told.iter().filter(|hook| **hook == wanted).count();
    let lawful = |holds: bool, law: &str| assert!(holds, "{unit}: {law}: {told:#?}");
    if told.is_empty() {
        return;
    }
    lawful(position(&Hook::Install) == Some(0), "install comes first");
    lawful(count(&Hook::Install) == 1, "install runs once");
    lawful(count(&Hook::Stop) <= 1, "stop runs once");
    let start = position(&Hook::Start);
    if let Some(start) = start {
        let config = position(&Hook::ConfigChanged);
        lawful(
            config.is_some_and(|config| config < start),
            "config-changed comes before start",
        );
    }
    if let Some(stop) = position(&Hook::Stop) {
        lawful(start.is_some(), "only what started is stopped");
        lawful(
            told[stop + 1..] == [&Hook::Remove] || told[stop + 1..].is_empty(),
            "after stop comes remove",
        );
    }
    if let Some(remove) = position(&Hook::Remove) {
        lawful(remove + 1 == told.len(), "remove comes last");
    }
    let mut relations: BTreeMap<RelationId, InRelation> = BTreeMap::new();
    for (n, hook) in told.iter().enumerate() {
        if let Hook::Relation(hook) = hook {
            let begun = start.is_some_and(|start| start < n);
            assert_lawful_in(unit, &mut relations, hook, begun, &told);
        }
    }
}

/// Whether a hook that was skipped counted as done, by what came after it.
fn counts(skipped: &Hook, rest: &[(Hook, bool)]) -> bool {
    let Hook::Relation(skipped) = skipped else {
        return true;
    };
    let next = rest.iter().find_map(|(hook, _)| match hook {
        Hook::Relation(hook) if hook.relation == skipped.relation => Some(hook),
        _ => None,
    });
    let changed = |next: &RelationHook| {
        next.kind == RelationHookKind::Changed && next.remote == skipped.remote
    };
    skipped.kind != RelationHookKind::Joined || next.is_some_and(changed)
}

fn assert_lawful_in(
    unit: &str,
    relations: &mut BTreeMap<RelationId, InRelation>,
    hook: &RelationHook,
    begun: bool,
    told: &[&Hook],
) {
    let lawful = |holds: bool, law: &str| assert!(holds, "{unit}: {law}: {hook:?} in {told:#?}");
    if hook.kind == RelationHookKind::Created {
        lawful(!relations.contains_key(&hook.relation), "created runs once");
        relations.insert(hook.relation, InRelation::default());
        return;
    }
    let Some(seen) = relations.get_mut(&hook.relation) else {
        lawful(false, "created comes first");
        return;
    };
    lawful(!seen.broken, "broken comes last");
    if let Some(owed) = seen.owed.take() {
        lawful(
            hook.kind == RelationHookKind::Changed && hook.remote == Some(owed),
            "joined is followed by its changed",
        );
    }
    match (hook.kind, hook.remote) {
        (RelationHookKind::Joined, Some(remote)) => {
            lawful(begun, "joined comes after start");
            lawful(seen.joined.insert(remote), "joined runs once");
            seen.owed = Some(remote);
        }
        (RelationHookKind::Changed, Some(remote)) => {
            lawful(seen.joined.contains(&remote), "changed comes after joined");
            lawful(
                !seen.departed.contains(&remote),
                "nothing comes after departed",
            );
        }
        (RelationHookKind::Changed, None) => lawful(begun, "changed comes after start"),
        (RelationHookKind::Departed, Some(remote)) => {
            lawful(seen.joined.contains(&remote), "departed comes after joined");
            lawful(seen.departed.insert(remote), "departed runs once");
            lawful(hook.departing.is_some(), "departed names who goes");
        }
        (RelationHookKind::Broken, None) => {
            lawful(seen.joined == seen.departed, "all departed before broken");
            seen.broken = true;
        }
        _ => lawful(false, "a hook about a unit names it"),
    }
}

/// Every unit knows its relations as they are: nothing was lost.
fn assert_informed(world: &World) {
    let state = &world.state;
    for unit in state.units() {
        for relation in state.relations_of(unit.application) {
            let Some(seen) = state.relation_seen(unit.id, relation.id) else {
                continue;
            };
            assert!(seen.created && !seen.broken, "{}: {seen:?}", unit.name);
            for member in state.relation_units(relation.id) {
                let other = state.unit(member.unit).expect("who is gone is forgotten");
                let across = relation
                    .remote(unit.application)
                    .is_some_and(|end| end.application == other.application);
                let sees = across
                    && other.id != unit.id
                    && (!relation.is_container_scoped() || unit.is_beside(other));
                let shown = state.remote_seen(unit.id, relation.id, other.id);
                assert_eq!(
                    shown.map(|shown| shown.version),
                    sees.then_some(member.version),
                    "{} of {}",
                    unit.name,
                    other.name
                );
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    AddUnit(usize),
    RemoveUnit(usize),
    Relate,
    Unrelate,
    Attach(usize),
    Detach(usize),
    Fail(&'static str),
    Configure(usize),
    Reboot(usize),
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    let hooks = prop::sample::select(vec![
        "install",
        "start",
        "stop",
        "site-relation-joined",
        "back-relation-departed",
        "ring-relation-changed",
        "host-relation-created",
        "host-relation-broken",
    ]);
    prop_oneof![
        3 => (0_usize..4).prop_map(Step::AddUnit),
        3 => (0_usize..8).prop_map(Step::RemoveUnit),
        3 => Just(Step::Relate),
        2 => Just(Step::Unrelate),
        3 => (0_usize..2).prop_map(Step::Attach),
        2 => (0_usize..2).prop_map(Step::Detach),
        2 => hooks.prop_map(Step::Fail),
        1 => (0_usize..3).prop_map(Step::Configure),
        1 => (0_usize..4).prop_map(Step::Reboot),
        3 => Just(Step::Pause),
    ]
}

fn play(steps: &[Step]) -> World {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    let side = world.deploy_subordinate("side");
    let principals = [web, proxy];
    let mut related = None;
    let mut attached = [None, None];
    let mut boots = 1;
    for step in steps {
        match step {
            Step::AddUnit(pick) => world.add_unit(principals[pick % 2]),
            Step::RemoveUnit(pick) => {
                let names: Vec<_> = world
                    .state
                    .units()
                    .filter(|unit| unit.principal.is_none())
                    .map(|unit| unit.name.to_string())
                    .collect();
                if names.len() > 1 {
                    world.kill_unit(&names[pick % names.len()]);
                }
            }
            Step::Relate if related.is_none() => related = Some(world.relate(web, proxy)),
            Step::Unrelate => {
                if let Some(relation) = related.take() {
                    world.kill_relation(relation);
                }
            }
            Step::Attach(pick) if attached[*pick].is_none() => {
                let ends = ((principals[*pick], "juju-info"), (side, "host"));
                attached[*pick] = Some(world.attach(ends.0, ends.1));
            }
            Step::Detach(pick) => {
                if let Some(relation) = attached[*pick].take() {
                    world.kill_relation(relation);
                }
            }
            Step::Fail(hook) => drop(world.failing.insert((*hook).to_owned(), 2)),
            Step::Configure(pick) => {
                let application = [web, proxy, side][*pick];
                let row = world.state.application(application).expect("a row").clone();
                world.put(Row::Application(Application {
                    trust: !row.trust,
                    ..row
                }));
            }
            Step::Reboot(pick) => {
                let machines: Vec<_> = world
                    .state
                    .machines()
                    .map(|machine| machine.id)
                    .filter(|id| {
                        let known = world.state.machine_state(*id);
                        known.is_some_and(|known| known.facts.is_some())
                    })
                    .collect();
                if let Some(machine) = machines.get(pick % machines.len().max(1)) {
                    boots += 1;
                    world.boot(*machine, &format!("boot-{boots}"));
                }
            }
            Step::Pause => world.settle(),
            Step::Relate | Step::Attach(_) => {}
        }
    }
    world.settle();
    // Failures end, in time.
    let failed = |world: &World| {
        let mut units = world.state.units();
        units.any(|unit| {
            let done = world.state.unit_state(unit.id);
            done.is_some_and(|done| done.error.is_some())
        })
    };
    for _ in 0..200 {
        if !failed(&world) {
            break;
        }
        world.wait();
    }
    assert!(!failed(&world), "failures do not end");
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever users do, and whatever fails meanwhile: the model settles,
    /// every unit ran its hooks in a lawful order, and knows what is so.
    #[test]
    fn any_history_is_lawful(steps in prop::collection::vec(step(), 1..30)) {
        let world = play(&steps);
        world.assert_settled();
        for (unit, history) in &world.history {
            assert_lawful(unit, history);
        }
        assert_informed(&world);
        for unit in world.state.units() {
            assert_eq!(unit.life, Life::Alive, "{} does not go", unit.name);
            let done = world.state.unit_state(unit.id).expect("a state");
            assert!(done.started, "{} did not start", unit.name);
        }
    }
}
