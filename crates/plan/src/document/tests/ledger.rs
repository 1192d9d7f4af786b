//! `cloud ledger`.

use lazuli_model::document::ledger::{CloudResource, LedgerResource as Resource};
use lazuli_model::id::EffectId;
use lazuli_model::state::{Change, ChildKind, Effect, EffectSpec, EffectState, Row};

use super::{NOW, id, world};
use crate::document::ledger;

#[test]
fn the_ledger_is_balanced_against_what_the_cloud_lists() {
    let mut state = world();
    let machine = state.machines().next().unwrap().clone();
    let row = |n: u128, name: &str, spec: EffectSpec, state: EffectState| Effect {
        id: id(n),
        machine: Some(machine.id),
        parent: None,
        name: name.to_owned(),
        spec,
        state,
        cloud_id: Some(format!("/vms/{name}")),
        failure: None,
        created_at: NOW,
        changed_at: NOW,
    };
    let disk = || EffectSpec::Child {
        kind: ChildKind::Disk,
    };
    state.apply(Change::Put(Row::Effect(row(
        1,
        "there",
        disk(),
        EffectState::Present,
    ))));
    state.apply(Change::Put(Row::Effect(row(
        2,
        "went",
        disk(),
        EffectState::Gone,
    ))));
    let listed = |name: &str, tagged: Option<u128>| CloudResource {
        id: format!("/VMS/{name}"),
        kind: "Microsoft.Compute/disks".to_owned(),
        tagged: tagged.map(|n| id::<EffectId>(n).to_string()),
    };
    let later = NOW + time::Duration::hours(1);
    let summary = |found: &[CloudResource], now| {
        let ledger = ledger(&state, Some(found), now);
        let troubles = ledger.resources.iter().map(|row| {
            let Resource { name, trouble, .. } = row;
            format!("{name}: {trouble}")
        });
        let troubles: Vec<_> = troubles.collect();
        (ledger.balanced, troubles, ledger.unaccounted.len())
    };
    let fine = || vec!["there: ".to_owned()];
    assert_eq!(summary(&[listed("There", None)], later), (true, fine(), 0));
    // Tags say it as well, before the cloud's id is known.
    assert_eq!(
        summary(&[listed("renamed", Some(1))], later),
        (true, fine(), 0)
    );
    // What belongs to others is shown, what nobody accounts for is a leak.
    let both = [listed("there", None), listed("other", None)];
    assert_eq!(summary(&both, later), (true, fine(), 1));
    let leak = [listed("there", None), listed("leak", Some(9))];
    assert_eq!(summary(&leak, later), (false, fine(), 1));
    // Lists lag.
    assert_eq!(summary(&[], NOW), (true, fine(), 0));
    let missing = vec!["there: the cloud does not list it".to_owned()];
    assert_eq!(summary(&[], later), (false, missing, 0));
    let (balanced, troubles, _) = summary(&[listed("there", None), listed("went", None)], later);
    assert!(!balanced);
    assert_eq!(
        troubles[1],
        "went: it was deleted, and the cloud lists it still"
    );
    let ledger = ledger(&state, None, NOW);
    assert_eq!(ledger.resources[0].owner, "machine 0: web/0");
}
