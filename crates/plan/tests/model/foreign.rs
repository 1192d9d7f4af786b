//! What machines say of hooks that their units cannot have had.

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind, SecretHook, SecretHookKind};
use lazuli_model::secret::SecretId;
use lazuli_model::state::SealedContent;
use lazuli_plan::{
    Ended, Exit, HookWrite, Levels, SecretFields, SecretWrite, commit_outcome, is_foreign,
};

use crate::world::{World, id};

#[test]
fn an_outcome_of_another_units_hook_changes_nothing() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    world.deploy("other", 1);
    let relation = world.relate(web, proxy);
    world.settle();
    let secret = SecretId::from_random([1; 12]);
    let add = SecretWrite::Add {
        id: secret,
        application: true,
        fields: SecretFields {
            content: Some(SealedContent {
                sealed: b"one".to_vec().into(),
                checksum: "one".to_owned(),
            }),
            ..SecretFields::default()
        },
    };
    assert_eq!(world.did("web/0", vec![HookWrite::Secret(add)]), None);
    world.settle();
    let told = Hook::Secret(SecretHook {
        kind: SecretHookKind::Remove,
        secret,
        revision: 1,
    });
    let joined = Hook::Relation(RelationHook {
        relation,
        kind: RelationHookKind::Created,
        remote: None,
        departing: None,
    });
    for hook in [told, joined] {
        let own = world.unit("web/0");
        assert!(!is_foreign(&world.state, &own, &hook));
        let unit = world.unit("other/0");
        assert!(is_foreign(&world.state, &unit, &hook));
        let seq = world.state.unit_state(unit.id).expect("a row").hook_seq + 1;
        let ended = Ended {
            unit: unit.id,
            seq,
            levels: Levels {
                hook,
                charm: id(3),
                config: None,
                leader_version: 0,
                remote_version: 0,
                app_version: 0,
                boot: None,
                resources: None,
            },
            exit: Exit::Success,
            writes: Vec::new(),
        };
        assert_eq!(commit_outcome(&world.state, &ended, world.now), []);
    }
    world.assert_settled();
}
