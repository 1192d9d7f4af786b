//! A machine's instance.

use lazuli_model::constraints::Constraints;
use lazuli_model::id;
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    ACCOUNT_TYPES, Change, Effect, EffectSpec, EffectState, FailureClass, Image, Machine,
    MachineSource, MachineState, ModelState, ProvisioningFailure, Row, StorageProvider,
    VirtualMachine,
};

use super::disks;
use super::exposure::public_address;
use super::placement::{self, Place};
use super::shared::{self, SharedNames};
use super::size;
use super::step::{Wish, is_it_there, is_overdue, is_stillborn, lacks_capacity, moved, step, wait};
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
    if let MachineSource::Cloud { .. } = &machine.source {
        make(inputs, &mut plan, machine, known);
        if plan.decisions.is_empty() {
            public_address(inputs, &mut plan, machine, known);
        }
        if plan.decisions.is_empty() {
            disks::plan(inputs, &mut plan, machine, known);
        }
    }
    if known.facts.is_none() && known.address.is_some() {
        boot(inputs, &mut plan, machine, known);
    }
    plan
}

/// The row of the instance of the machine's present generation.
pub(super) fn instance<'a>(state: &'a ModelState, known: &MachineState) -> Option<&'a Effect> {
    state.effects_of(known.machine).find(|effect| {
        matches!(effect.spec, EffectSpec::VirtualMachine(_))
            && effect.name.ends_with(&format!("-g{}", known.generation))
    })
}

fn make(inputs: Inputs<'_>, plan: &mut SubjectPlan, machine: &Machine, known: &MachineState) {
    let Some(effect) = instance(inputs.state, known) else {
        if shared::is_ready(inputs) {
            begin(inputs, plan, machine, known);
        } else {
            let obstacle = shared::obstacle(inputs);
            let reason = match obstacle {
                Some(failure) => format!("waiting for the model's network: {}", failure.message),
                None => "waiting for the model's network".to_owned(),
            };
            wait(plan, reason, None);
            if let Some(blocked) = &mut plan.blocked {
                blocked.on = Some(Subject::Model);
                blocked.until = obstacle.and_then(|failure| failure.next_try);
            }
        }
        return;
    };
    let label = label(effect);
    let another = || {
        let zones = placement::zones(inputs.state, machine);
        placement::untried(inputs, machine, &zones).next().is_some()
    };
    let replaced = (lacks_capacity(effect) && another())
        || is_stillborn(effect)
        || (is_overdue(inputs, effect) && matches!(effect.state, EffectState::Accepted { .. }));
    if replaced && known.generation < MAX_GENERATIONS && !inputs.flight.effects.contains(&effect.id)
    {
        // The next generation; what may exist of this one goes.
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
                interfaces: Vec::new(),
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
    // What an earlier generation left: first the instance, then what came with
    // it, which usually went with it.
    for old in inputs.state.effects_of(machine.id) {
        let is_left = match old.spec {
            EffectSpec::VirtualMachine(_) => {
                old.id != effect.id && matches!(old.state, EffectState::Deleting { .. })
            }
            EffectSpec::Child { .. } => {
                !shared::is_over(&old.state) && is_orphan(inputs.state, old, effect)
            }
            _ => false,
        };
        if is_left {
            step(inputs, plan, old, Wish::Gone, "what failed before");
        }
    }
}

/// Whether what came with an instance outlived it, and another instance is in
/// its place.
fn is_orphan(state: &ModelState, child: &Effect, instance: &Effect) -> bool {
    child.parent.is_some_and(|parent| {
        parent != instance.id
            && state
                .effect(parent)
                .is_none_or(|parent| parent.state == EffectState::Gone)
    })
}

fn begin(inputs: Inputs<'_>, plan: &mut SubjectPlan, machine: &Machine, known: &MachineState) {
    if inputs.offers.is_empty() {
        wait(plan, "waiting for the list of sizes".to_owned(), None);
        return;
    }
    let subnets = match placement::subnets(inputs.state, machine) {
        Ok(subnets) => subnets,
        Err(message) => {
            refuse(inputs, plan, known, invalid(message));
            return;
        }
    };
    let zones = placement::zones(inputs.state, machine);
    let untried = || placement::untried(inputs, machine, &zones);
    let with_room = untried().find(|place| size::lacking(place.offer).is_none());
    let any = || placement::places(inputs, machine, &zones).next();
    let Some(Place { offer, zone }) = with_room.or_else(|| untried().next()).or_else(any) else {
        let message = format!(
            "no size in {} satisfies {}: set other constraints, remove this machine and add \
             another",
            inputs.state.model().region,
            placement::words(machine, &zones, subnets.len()),
        );
        refuse(inputs, plan, known, invalid(message));
        return;
    };
    if let Some(limit) = size::lacking(offer) {
        let failure = ProvisioningFailure {
            class: FailureClass::Quota,
            message: limit.to_string(),
            attempts: 1,
            next_try: None,
        };
        refuse(inputs, plan, known, failure);
        return;
    }
    let settings = image(machine, offer).and_then(|image| {
        let disk = disk_type(inputs.state, &machine.constraints)?;
        Ok((image, disk))
    });
    let (image, disk_type) = match settings {
        Ok(settings) => settings,
        Err(message) => {
            refuse(inputs, plan, known, invalid(message));
            return;
        }
    };
    let model = inputs.state.model();
    let name = format!("m-{}-g{}", machine.name, known.generation).replace('/', "-");
    let spec = VirtualMachine {
        region: model.region.clone(),
        zone: zone.map(str::to_owned),
        size: offer.size.clone(),
        price_micros: offer.price_micros,
        image,
        disk: machine
            .constraints
            .root_disk
            .map(|mib| mib.div_ceil(1024) as u32),
        disk_type,
        network: SharedNames::of(model).network,
        subnets,
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

/// The image that a machine starts from: what its constraints name, else
/// Canonical's of its base.
fn image(machine: &Machine, offer: &Offer) -> Result<Image, String> {
    match machine.constraints.image_id.as_deref() {
        Some(urn) if !urn.is_empty() => size::named_image(urn).ok_or_else(|| {
            format!(
                "image-id {urn:?} is not PUBLISHER:OFFER:SKU:VERSION, as `az vm image list` shows \
                 them: set another, remove this machine and add another"
            )
        }),
        _ => size::image(&machine.base, &offer.arch)
            .ok_or_else(|| format!("there is no image for base {}", machine.base)),
    }
}

/// The type of account of the root disk, if one is asked for: by its name, or
/// by that of a storage pool that has it.
fn disk_type(state: &ModelState, constraints: &Constraints) -> Result<Option<String>, String> {
    let Some(source) = constraints.root_disk_source.as_deref() else {
        return Ok(None);
    };
    if source.is_empty() {
        return Ok(None);
    }
    let of_pool = || {
        let pool = state.model().storage_pool(source)?;
        let is_azure = pool.provider == StorageProvider::Azure;
        is_azure.then(|| pool.account_type().to_owned())
    };
    let named = || ACCOUNT_TYPES.into_iter().find(|known| *known == source);
    let found = named().map(str::to_owned).or_else(of_pool);
    found.map(Some).ok_or_else(|| {
        format!(
            "root-disk-source {source:?} is neither a storage pool of the provider azure nor one of {}",
            ACCOUNT_TYPES.join(", ")
        )
    })
}

/// Nothing but a change of what was asked for helps.
fn invalid(message: String) -> ProvisioningFailure {
    ProvisioningFailure {
        class: FailureClass::Invalid,
        message,
        attempts: 1,
        next_try: None,
    }
}

/// Nothing is asked of the cloud: it could only refuse it.
fn refuse(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    known: &MachineState,
    failure: ProvisioningFailure,
) {
    let message = failure.message.clone();
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

pub(super) fn label(effect: &Effect) -> String {
    match &effect.spec {
        EffectSpec::VirtualMachine(vm) => format!("virtual machine of size {}", vm.size),
        EffectSpec::Group { .. }
        | EffectSpec::Network { .. }
        | EffectSpec::SecurityGroup { .. }
        | EffectSpec::NatGateway { .. }
        | EffectSpec::PublicAddress { .. }
        | EffectSpec::Association { .. }
        | EffectSpec::Disk { .. }
        | EffectSpec::DataDisks { .. }
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

/// Deletes the instance first; what came with it usually goes with it, and is
/// looked after by id once it is gone; addresses of ours last.
fn unmake(inputs: Inputs<'_>, plan: &mut SubjectPlan, machine: &Machine) {
    let stage = |spec: &EffectSpec| match spec {
        EffectSpec::VirtualMachine(_) => 0,
        EffectSpec::Association { .. } | EffectSpec::DataDisks { .. } => 1,
        EffectSpec::Child { .. } => 2,
        EffectSpec::PublicAddress { .. }
        | EffectSpec::Group { .. }
        | EffectSpec::Network { .. }
        | EffectSpec::SecurityGroup { .. }
        | EffectSpec::NatGateway { .. }
        | EffectSpec::Disk { .. } => 3,
    };
    for current in 0..=3 {
        let mut done = true;
        for effect in inputs.state.effects_of(machine.id) {
            if stage(&effect.spec) != current {
                continue;
            }
            if let (EffectSpec::Association { .. } | EffectSpec::DataDisks { .. }, false) =
                (&effect.spec, shared::is_over(&effect.state))
            {
                // It was a property of an interface or a machine that is gone.
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
