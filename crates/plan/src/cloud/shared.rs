//! What the machines of a model share at the cloud: its resource group, its
//! network with a security group, and the way out.
//!
//! Nothing is made before the first machine wants it, and everything stays
//! until the model goes.

use std::collections::BTreeMap;

use lazuli_model::id::{self, EffectId, GenericUuid};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Effect, EffectFailure, EffectSpec, EffectState, Egress, MachineSource, Model, Row,
    RowKey,
};

use super::firewall;
use super::step::{Wish, is_it_there, respecified, step, trouble};
use crate::types::{Inputs, SubjectPlan};

/// Rows of what is gone are kept so long.
const TOMBSTONES: time::Duration = time::Duration::days(30);

/// The names of what a model shares. They hold the random end of its uuid, so
/// that two models never meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNames {
    /// The resource group.
    pub group: String,
    /// The network.
    pub network: String,
    /// Its security group.
    pub security_group: String,
    /// The gateway that is its way out.
    pub nat_gateway: String,
    /// The gateway's public address.
    pub nat_address: String,
}

impl SharedNames {
    /// The names for a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let uuid = model.id.into_untyped_uuid().simple().to_string();
        let tail = &uuid[20..];
        Self {
            group: format!("lazuli-{}-{tail}", model.name),
            network: format!("lazuli-network-{tail}"),
            security_group: format!("lazuli-nsg-{tail}"),
            nat_gateway: format!("lazuli-nat-{tail}"),
            nat_address: format!("lazuli-nat-address-{tail}"),
        }
    }
}

/// The id of the row for a resource of a model, by its name.
pub(super) fn effect_id(model: &Model, name: &str) -> EffectId {
    id::derived(model.id, name)
}

/// Plans what the machines share.
pub(super) fn plan(inputs: Inputs<'_>) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = SubjectPlan::default();
    let machines_left = state
        .effects()
        .any(|effect| (effect.machine.is_some() || is_disk(effect)) && !is_over(&effect.state));
    let wanted = state
        .machines()
        .any(|machine| matches!(machine.source, MachineSource::Cloud { .. }));
    for effect in state.effects() {
        let orphaned = match &effect.spec {
            EffectSpec::Disk { storage, .. } => state.storages().get(*storage).is_none(),
            _ => effect.machine.is_some_and(|id| state.machine(id).is_none()),
        };
        if orphaned && !is_over(&effect.state) {
            // A request to make it came late, when all else was over.
            let label = if is_disk(effect) { "disk" } else { "machine" };
            step(inputs, &mut plan, effect, Wish::Gone, label);
        } else if orphaned && inputs.now - effect.changed_at > TOMBSTONES {
            plan.decisions
                .push(Change::Delete(RowKey::Effect(effect.id)));
        }
    }
    let made = state
        .effects()
        .any(|effect| effect.machine.is_none() && !is_over(&effect.state));
    if wanted || machines_left {
        make(inputs, &mut plan);
    } else if state.model().life != Life::Alive {
        unmake(inputs, &mut plan);
    } else if made {
        make(inputs, &mut plan);
    }
    plan
}

fn is_disk(effect: &Effect) -> bool {
    matches!(effect.spec, EffectSpec::Disk { .. })
}

/// Whether the network is there, so that machines can be made in it.
pub(super) fn is_ready(inputs: Inputs<'_>) -> bool {
    let model = inputs.state.model();
    let names = SharedNames::of(model);
    inputs
        .state
        .effect(effect_id(model, &names.network))
        .is_some_and(|effect| effect.state == EffectState::Present)
}

/// What holds up the network, or something that it needs.
pub(super) fn obstacle(inputs: Inputs<'_>) -> Option<&EffectFailure> {
    let model = inputs.state.model();
    let names = SharedNames::of(model);
    let needed = [
        &names.group,
        &names.security_group,
        &names.nat_address,
        &names.nat_gateway,
        &names.network,
    ];
    let mut rows = needed
        .into_iter()
        .filter_map(|name| inputs.state.effect(effect_id(model, name)));
    rows.find_map(trouble)
}

/// Whether nothing is to be done about a row any more.
pub(super) fn is_over(state: &EffectState) -> bool {
    matches!(state, EffectState::Gone | EffectState::Foreign)
}

/// Brings everything up, each as soon as what it needs is there.
fn make(inputs: Inputs<'_>, plan: &mut SubjectPlan) {
    let model = inputs.state.model();
    let names = SharedNames::of(model);
    let region = &model.region;
    let group = EffectSpec::Group {
        region: region.clone(),
    };
    if !ensure(inputs, plan, &names.group, group, "resource group") {
        return;
    }
    let rules = EffectSpec::SecurityGroup {
        region: region.clone(),
        rules: firewall::rules(inputs.state),
    };
    let guarded = ensure(inputs, plan, &names.security_group, rules, "security group");
    let nat = model.egress() == Egress::Nat;
    let way_out = !nat || make_way_out(inputs, plan, &names);
    if guarded && way_out {
        let spec = EffectSpec::Network {
            region: region.clone(),
            range: model.address_range.clone(),
            subnets: subnets(model),
            security_group: names.security_group.clone(),
            nat_gateway: nat.then(|| names.nat_gateway.clone()),
        };
        ensure(inputs, plan, &names.network, spec, "network");
    }
}

/// Name to range.
fn subnets(model: &Model) -> BTreeMap<String, String> {
    let spaces = model.all_spaces().into_values();
    let subnets = spaces.flat_map(|space| space.subnets);
    subnets.map(|(range, name)| (name, range)).collect()
}

fn make_way_out(inputs: Inputs<'_>, plan: &mut SubjectPlan, names: &SharedNames) -> bool {
    let region = &inputs.state.model().region;
    let address = EffectSpec::PublicAddress {
        region: region.clone(),
    };
    let gateway = EffectSpec::NatGateway {
        region: region.clone(),
        address: names.nat_address.clone(),
    };
    ensure(inputs, plan, &names.nat_address, address, "public address")
        && ensure(inputs, plan, &names.nat_gateway, gateway, "NAT gateway")
}

/// Takes everything down, each when nothing needs it any more.
fn unmake(inputs: Inputs<'_>, plan: &mut SubjectPlan) {
    let names = SharedNames::of(inputs.state.model());
    let stages: [&[(&str, &str)]; 4] = [
        &[(&names.network, "network")],
        &[
            (&names.security_group, "security group"),
            (&names.nat_gateway, "NAT gateway"),
        ],
        &[(&names.nat_address, "public address")],
        &[(&names.group, "resource group")],
    ];
    for stage in stages {
        let mut done = true;
        for (name, label) in stage {
            let id = effect_id(inputs.state.model(), name);
            if let Some(effect) = inputs.state.effect(id) {
                done &= step(inputs, plan, effect, Wish::Gone, label);
            }
        }
        if !done {
            return;
        }
    }
}

/// One step towards a shared resource; whether others may rely on it.
fn ensure(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    name: &str,
    spec: EffectSpec,
    label: &str,
) -> bool {
    let id = effect_id(inputs.state.model(), name);
    let Some(effect) = inputs.state.effect(id) else {
        plan.decisions.push(Change::Put(Row::Effect(Effect {
            id,
            machine: None,
            parent: None,
            name: name.to_owned(),
            spec,
            state: EffectState::Planned,
            cloud_id: None,
            failure: None,
            created_at: inputs.now,
            changed_at: inputs.now,
        })));
        return false;
    };
    let idle = !inputs.flight.effects.contains(&id);
    let settled = matches!(
        effect.state,
        EffectState::Present | EffectState::Planned | EffectState::Sent { .. } | EffectState::Gone
    );
    if idle && settled && (effect.spec != spec || effect.state == EffectState::Gone) {
        plan.decisions.push(respecified(effect, spec, inputs.now));
        return effect.cloud_id.is_some() && effect.state != EffectState::Gone;
    }
    is_it_there(inputs, plan, effect);
    // While the rules of a security group change, the group is there.
    step(inputs, plan, effect, Wish::Present, label) || effect.cloud_id.is_some()
}
