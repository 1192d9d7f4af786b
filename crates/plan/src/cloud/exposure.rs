//! Public addresses of machines that are exposed.

use lazuli_model::id::{self, ApplicationId, EffectId};
use lazuli_model::state::{
    Change, Effect, EffectSpec, EffectState, Machine, MachineState, ModelState, Row,
};

use super::machine::instance;
use super::step::{Wish, step, wait};
use crate::types::{Inputs, SubjectPlan};

/// Whether a unit of an application that is exposed to the outside is on the
/// machine, so that it needs an address that is reached from there. One that is
/// exposed to spaces alone is reached within the network.
fn is_exposed(state: &ModelState, machine: &Machine) -> bool {
    let exposed = |id: ApplicationId| {
        let rules = state.application(id).and_then(|row| row.exposed.as_ref());
        let mut rules = rules.into_iter().flat_map(|rules| rules.values());
        rules.any(|rule| rule.spaces.is_empty() || !rule.cidrs.is_empty())
    };
    state
        .units_on(machine.id)
        .any(|unit| exposed(unit.application))
}

/// Gives the machine a public address while it is exposed, and takes it away
/// afterwards; one that it was made with stays.
pub(super) fn public_address(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    machine: &Machine,
    known: &MachineState,
) {
    let Some(vm) = instance(inputs.state, known) else {
        return;
    };
    let refused = machine.constraints.allocate_public_ip == Some(false);
    let inline = matches!(&vm.spec, EffectSpec::VirtualMachine(vm) if vm.public_address);
    let exposed = is_exposed(inputs.state, machine);
    if exposed && refused {
        wait(
            plan,
            "it is exposed, but allocate-public-ip=false refuses it a public address".to_owned(),
            None,
        );
    }
    let name = format!("{}-address", vm.name);
    let address_id = id::derived(inputs.state.model().id, &name);
    let link_id = id::derived(inputs.state.model().id, &format!("{name}-link"));
    let address = inputs.state.effect(address_id);
    let link = inputs.state.effect(link_id);
    let ready = vm.state == EffectState::Present;
    if exposed && !refused && !inline && ready {
        let spec = EffectSpec::PublicAddress {
            region: inputs.state.model().region.clone(),
        };
        if want(inputs, plan, machine, address, (address_id, &name), spec) {
            let spec = EffectSpec::Association {
                address: name.clone(),
                machine: vm.name.clone(),
            };
            want(
                inputs,
                plan,
                machine,
                link,
                (link_id, &format!("{name}-link")),
                spec,
            );
        }
    } else if !exposed {
        let unlinked =
            link.is_none_or(|link| step(inputs, plan, link, Wish::Gone, "public address"));
        if let (true, Some(address)) = (unlinked, address) {
            step(inputs, plan, address, Wish::Gone, "public address");
        }
    }
}

/// One step towards a row that may not be there yet, or was taken away.
fn want(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    machine: &Machine,
    effect: Option<&Effect>,
    (id, name): (EffectId, &str),
    spec: EffectSpec,
) -> bool {
    match effect {
        Some(effect) if effect.state != EffectState::Gone => {
            step(inputs, plan, effect, Wish::Present, "public address")
        }
        before => {
            plan.decisions.push(Change::Put(Row::Effect(Effect {
                id,
                machine: Some(machine.id),
                parent: None,
                name: name.to_owned(),
                spec,
                state: EffectState::Planned,
                cloud_id: None,
                failure: None,
                created_at: before.map_or(inputs.now, |effect| effect.created_at),
                changed_at: inputs.now,
            })));
            false
        }
    }
}
