//! Limits of the subscription, before the cloud is asked.

use lazuli_model::life::Life;
use lazuli_model::offer::Limit;
use lazuli_model::state::{FailureClass, Row};

use super::{World, id, machine};
use crate::types::SubjectPlan;

fn limit(used: u64) -> Limit {
    Limit {
        name: "standardBSFamily".to_owned(),
        unit: "cores".to_owned(),
        used,
        limit: 100,
        needs: 2,
        scope: "/subscriptions/s/providers/Microsoft.Compute/locations/westeurope".to_owned(),
    }
}

#[test]
fn a_size_whose_limit_is_used_up_is_passed_over_and_named_when_there_is_no_other() {
    let mut world = World::new();
    world.offers[0].limits = vec![limit(99)];
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let size = |world: &World| -> Option<String> {
        world.state.effects().find_map(|effect| match &effect.spec {
            lazuli_model::state::EffectSpec::VirtualMachine(vm) => Some(vm.size.clone()),
            _ => None,
        })
    };
    assert_eq!(size(&world).as_deref(), Some("Standard_D2s_v5"));

    let mut world = World::new();
    world.offers.truncate(1);
    world.offers[0].limits = vec![limit(99)];
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    assert_eq!(size(&world), None);
    let message = "quota: standardBSFamily has 99 of 100 cores, this needs 2: az quota update --resource-name standardBSFamily --scope /subscriptions/s/providers/Microsoft.Compute/locations/westeurope --limit-object value=101";
    let known = world.state.machine_state(id(7)).expect("a row");
    let failure = known.failure.clone().expect("a failure");
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (FailureClass::Quota, message)
    );
    let blocked: Vec<_> = world
        .plans()
        .into_iter()
        .filter_map(|plan| plan.blocked)
        .collect();
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0].reason, message);

    // A higher limit is found in the next list.
    world.offers[0].limits = vec![limit(98)];
    world.settle();
    assert_eq!(size(&world).as_deref(), Some("Standard_B2s"));
    let known = world.state.machine_state(id(7)).expect("a row");
    assert_eq!(known.failure, None);
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}
