//! A machine's instance.

use lazuli_model::constraints::Constraints;
use lazuli_model::id::{self, ApplicationId, EffectId};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Effect, EffectSpec, EffectState, FailureClass, Machine, MachineSource, MachineState,
    ModelState, ProvisioningFailure, Row, VirtualMachine,
};
use lazuli_model::status::Status;

use super::shared::{self, SharedNames};
use super::size;
use super::step::{Wish, is_it_there, lacks_capacity, moved, step, trouble, wait};
use crate::types::{Action, Inputs, Look, Subject, SubjectPlan};

/// Sizes that are tried one after the other when the cloud has none to give.
const MAX_GENERATIONS: u32 = 8;

pub(super) fn plan(inputs: Inputs<'_>, machine: &Machine) -> SubjectPlan {
    let mut plan = SubjectPlan::default();
    let Some(known) = inputs.state.machine_state(machine.id) else {
        let mut fresh = MachineState::new(machine.id);
        if let MachineSource::Manual {
            host, host_keys, ..
        } = &machine.source
        {
            fresh.address = Some(*host);
            fresh.host_keys = host_keys.clone();
        }
        plan.decisions.push(Change::Put(Row::MachineState(fresh)));
        return plan;
    };
    let occupied = inputs.state.units_on(machine.id).next().is_some();
    if machine.life != Life::Alive && !occupied {
        unmake(inputs, &mut plan, machine);
        return plan;
    }
    if let MachineSource::Cloud { zone } = &machine.source {
        make(inputs, &mut plan, machine, known, zone.as_deref());
        if plan.decisions.is_empty() {
            public_address(inputs, &mut plan, machine, known);
        }
    }
    if known.facts.is_none() && known.address.is_some() {
        boot(inputs, &mut plan, machine, known);
    }
    plan
}

/// The row of the instance of the machine's present generation.
fn instance<'a>(state: &'a ModelState, known: &MachineState) -> Option<&'a Effect> {
    state.effects_of(known.machine).find(|effect| {
        matches!(effect.spec, EffectSpec::VirtualMachine(_))
            && effect.name.ends_with(&format!("-g{}", known.generation))
    })
}

fn make(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    machine: &Machine,
    known: &MachineState,
    zone: Option<&str>,
) {
    let Some(effect) = instance(inputs.state, known) else {
        if shared::is_ready(inputs) {
            begin(inputs, plan, machine, known, zone);
        } else {
            wait(plan, "waiting for the model's network".to_owned(), None);
            if let Some(blocked) = &mut plan.blocked {
                blocked.on = Some(Subject::Model);
            }
        }
        return;
    };
    let label = label(effect);
    let elsewhere = lacks_capacity(effect)
        && known.generation < MAX_GENERATIONS
        && untried(inputs, machine).is_some()
        && !inputs.flight.effects.contains(&effect.id);
    if elsewhere {
        // The next size; what may exist of this one goes.
        let state = EffectState::Deleting {
            operation: None,
            poll_at: inputs.now,
        };
        let Change::Put(Row::Effect(mut gone)) = moved(effect, state, inputs.now) else {
            return;
        };
        gone.failure.clone_from(&effect.failure);
        plan.decisions.push(Change::Put(Row::Effect(gone)));
        plan.decisions
            .push(Change::Put(Row::MachineState(MachineState {
                generation: known.generation + 1,
                address: None,
                public_address: None,
                mac: None,
                host_keys: Vec::new(),
                ..known.clone()
            })));
        return;
    }
    is_it_there(inputs, plan, effect);
    let present = step(inputs, plan, effect, Wish::Present, &label);
    if present && known.address.is_none() {
        wait(plan, "waiting for its address".to_owned(), None);
    }
    // What an earlier generation left.
    for old in inputs.state.effects_of(machine.id) {
        let deleting = matches!(old.state, EffectState::Deleting { .. });
        if deleting && old.id != effect.id && matches!(old.spec, EffectSpec::VirtualMachine(_)) {
            step(inputs, plan, old, Wish::Gone, "what failed before");
        }
    }
}

/// The cheapest fitting size that did not fail for want of capacity.
fn untried<'a>(inputs: Inputs<'a>, machine: &'a Machine) -> Option<&'a lazuli_model::offer::Offer> {
    size::ranked(inputs.offers, &machine.constraints).find(|offer| {
        !inputs.state.effects_of(machine.id).any(|effect| {
            lacks_capacity(effect)
                && matches!(&effect.spec, EffectSpec::VirtualMachine(vm) if vm.size == offer.size)
        })
    })
}

fn begin(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    machine: &Machine,
    known: &MachineState,
    zone: Option<&str>,
) {
    if inputs.offers.is_empty() {
        wait(plan, "waiting for the list of sizes".to_owned(), None);
        return;
    }
    let any = || size::ranked(inputs.offers, &machine.constraints).next();
    let Some(offer) = untried(inputs, machine).or_else(any) else {
        let message = format!(
            "no size in {} satisfies \"{}\"; change the constraints",
            inputs.state.model().region,
            machine.constraints
        );
        refuse(inputs, plan, known, message);
        return;
    };
    let Some(image) = size::image(&machine.base, &offer.arch) else {
        let message = format!("there is no image for base {}", machine.base);
        refuse(inputs, plan, known, message);
        return;
    };
    let model = inputs.state.model();
    let name = format!("m-{}-g{}", machine.name, known.generation).replace('/', "-");
    let spec = VirtualMachine {
        region: model.region.clone(),
        zone: zone.map(str::to_owned),
        size: offer.size.clone(),
        image,
        disk: machine
            .constraints
            .root_disk
            .map(|mib| mib.div_ceil(1024) as u32),
        network: SharedNames::of(model).network,
        public_address: wants_inline_address(inputs.state, &machine.constraints),
        hostname: format!("{}-{}", model.name, machine.name).replace('/', "-"),
    };
    plan.decisions.push(Change::Put(Row::Effect(Effect {
        id: id::derived(model.id, &name),
        machine: Some(machine.id),
        parent: None,
        name,
        spec: EffectSpec::VirtualMachine(Box::new(spec)),
        state: EffectState::Planned,
        cloud_id: None,
        failure: None,
        created_at: inputs.now,
        changed_at: inputs.now,
    })));
    if known.failure.is_some() {
        plan.decisions
            .push(Change::Put(Row::MachineState(MachineState {
                failure: None,
                ..known.clone()
            })));
    }
}

/// Nothing but a change of what was asked for helps.
fn refuse(inputs: Inputs<'_>, plan: &mut SubjectPlan, known: &MachineState, message: String) {
    let failure = ProvisioningFailure {
        class: FailureClass::Invalid,
        message: message.clone(),
        attempts: 1,
        next_try: None,
    };
    if known.failure.as_ref() != Some(&failure) {
        plan.decisions
            .push(Change::Put(Row::MachineState(MachineState {
                failure: Some(failure),
                ..known.clone()
            })));
    }
    // Offers change: a new look at times needs nobody's help.
    wait(
        plan,
        message,
        Some(inputs.now + time::Duration::minutes(10)),
    );
}

fn wants_inline_address(state: &ModelState, constraints: &Constraints) -> bool {
    constraints.allocate_public_ip.unwrap_or(false)
        || state.model().egress() == lazuli_model::state::Egress::Public
}

fn label(effect: &Effect) -> String {
    match &effect.spec {
        EffectSpec::VirtualMachine(vm) => format!("virtual machine of size {}", vm.size),
        EffectSpec::Group { .. }
        | EffectSpec::Network { .. }
        | EffectSpec::SecurityGroup { .. }
        | EffectSpec::NatGateway { .. }
        | EffectSpec::PublicAddress { .. }
        | EffectSpec::Association { .. }
        | EffectSpec::Child { .. } => "what came with it".to_owned(),
    }
}

/// Has the machine looked at until its first boot is finished.
fn boot(inputs: Inputs<'_>, plan: &mut SubjectPlan, machine: &Machine, known: &MachineState) {
    let until = match inputs.flight.looks.get(&machine.id) {
        Some(Look::UnderWay) => None,
        Some(Look::Failed { next }) if *next > inputs.now => Some(*next),
        Some(Look::Failed { .. }) | None => {
            plan.actions.push(Action::Boot {
                machine: machine.id,
            });
            None
        }
    };
    let reason = match &known.unreachable {
        Some(unreachable) => format!("waiting for SSH: {}", unreachable.reason),
        None => "waiting for the end of its first boot".to_owned(),
    };
    wait(plan, reason, until);
}

/// Whether a unit of an exposed application is on the machine, so that it
/// needs an address that is reached from outside.
fn is_exposed(state: &ModelState, machine: &Machine) -> bool {
    let exposed = |id: ApplicationId| {
        state
            .application(id)
            .is_some_and(|application| application.exposed.is_some())
    };
    state
        .units_on(machine.id)
        .any(|unit| exposed(unit.application))
}

/// Gives the machine a public address while it is exposed, and takes it away
/// afterwards; one that it was made with stays.
fn public_address(
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

/// Deletes the instance first; what came with it usually goes with it, and is
/// looked after by id once it is gone; addresses of ours last.
fn unmake(inputs: Inputs<'_>, plan: &mut SubjectPlan, machine: &Machine) {
    let stage = |spec: &EffectSpec| match spec {
        EffectSpec::VirtualMachine(_) => 0,
        EffectSpec::Association { .. } => 1,
        EffectSpec::Child { .. } => 2,
        EffectSpec::PublicAddress { .. }
        | EffectSpec::Group { .. }
        | EffectSpec::Network { .. }
        | EffectSpec::SecurityGroup { .. }
        | EffectSpec::NatGateway { .. } => 3,
    };
    for current in 0..=3 {
        let mut done = true;
        for effect in inputs.state.effects_of(machine.id) {
            if stage(&effect.spec) != current {
                continue;
            }
            if let (EffectSpec::Association { .. }, false) =
                (&effect.spec, shared::is_over(&effect.state))
            {
                // It was a property of an interface that is gone.
                let gone = moved(effect, EffectState::Gone, inputs.now);
                plan.decisions.push(gone);
                done = false;
                continue;
            }
            done &= step(inputs, plan, effect, Wish::Gone, &label(effect));
        }
        if !done {
            return;
        }
    }
}

/// Whether the instance is being deleted, or is gone.
pub(crate) fn instance_is_going(state: &ModelState, machine: &Machine) -> bool {
    let effect = state
        .machine_state(machine.id)
        .and_then(|known| instance(state, known));
    effect.is_none_or(|effect| {
        matches!(
            effect.state,
            EffectState::Deleting { .. } | EffectState::Gone
        )
    })
}

/// Whether the instance was there and is no more, though nobody asked for
/// that.
pub(crate) fn instance_is_gone(state: &ModelState, machine: &Machine) -> bool {
    state
        .machine_state(machine.id)
        .and_then(|known| instance(state, known))
        .is_some_and(|effect| effect.state == EffectState::Gone)
}

/// Why the instance does not run any more, though it did and nobody asked for
/// that.
pub(crate) fn instance_trouble(state: &ModelState, machine: &Machine) -> Option<String> {
    let known = state.machine_state(machine.id)?;
    let effect = instance(state, known)?;
    match effect.state {
        EffectState::Gone => Some(lost(effect, machine)),
        EffectState::Present => down(effect).map(str::to_owned),
        _ => None,
    }
}

fn lost(effect: &Effect, machine: &Machine) -> String {
    format!(
        "virtual machine {} was deleted outside Lazuli; remove machine {} and add another",
        effect.name, machine.name
    )
}

fn down(effect: &Effect) -> Option<&str> {
    let failure = effect.failure.as_ref()?;
    (failure.class == FailureClass::Down).then_some(failure.message.as_str())
}

/// The instance's status in Juju's words (`machine-status`).
pub(crate) fn instance_status(inputs: Inputs<'_>, machine: &Machine) -> Status {
    let status = |word: &str, message: String| Status::new(word, message, inputs.now);
    let Some(known) = inputs.state.machine_state(machine.id) else {
        return status("pending", String::new());
    };
    if let MachineSource::Manual { .. } = machine.source {
        return status("running", "Manually provisioned machine".to_owned());
    }
    if let Some(failure) = &known.failure {
        return status("provisioning error", failure.message.clone());
    }
    let Some(effect) = instance(inputs.state, known) else {
        return status("pending", String::new());
    };
    let failure = trouble(effect).map(|failure| failure.message.clone());
    match (&effect.state, failure) {
        (EffectState::Gone, _) if machine.life == Life::Alive => {
            status("down", lost(effect, machine))
        }
        (EffectState::Deleting { .. } | EffectState::Gone, failure) => {
            status("stopping", failure.unwrap_or_default())
        }
        (EffectState::Present, _) => match down(effect) {
            Some(reason) => status("stopped", reason.to_owned()),
            None => status("running", String::new()),
        },
        (_, Some(message)) => status("provisioning error", message),
        (EffectState::Foreign, None) => {
            status("provisioning error", "the name is taken".to_owned())
        }
        (EffectState::Planned | EffectState::Sent { .. } | EffectState::Accepted { .. }, None) => {
            status("allocating", format!("creating {}", label(effect)))
        }
    }
}
