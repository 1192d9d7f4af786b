//! What a hook is shown: a pure function of the model's rows.

use std::collections::BTreeMap;

use lazuli_model::document::JUJU_VERSION;
use lazuli_model::hook::{Hook, RelationHookKind};
use lazuli_model::id::UnitId;
use lazuli_model::life::Life;
use lazuli_model::state::{
    Application, CharmRevision, Endpoint, Located, MachineState, Model, ModelState, Relation,
    Subnets, Unit,
};
use lazuli_model::status::StatusKey;
use lazuli_plan::{Inputs, Levels, bound};
use lazuli_runner::frames;
use sha2::{Digest, Sha256};

use crate::storage;

/// The rows that a run of a unit needs.
pub(crate) struct Rows<'a> {
    pub(crate) state: &'a ModelState,
    pub(crate) unit: &'a Unit,
    pub(crate) application: &'a Application,
    pub(crate) charm: &'a CharmRevision,
    pub(crate) machine: &'a MachineState,
}

/// Builds the request that runs a hook, or none when a row it needs is gone
/// (then the plan is out of date and the next one says otherwise).
#[must_use]
pub(crate) fn run_request(
    inputs: Inputs<'_>,
    unit: UnitId,
    seq: u64,
    levels: &Levels,
) -> Option<frames::RunRequest> {
    let state = inputs.state;
    let unit = state.unit(unit)?;
    let rows = Rows {
        state,
        unit,
        application: state.application(unit.application)?,
        charm: state.charm(levels.charm)?,
        machine: state.machine_state(unit.machine)?,
    };
    let endpoint = match &levels.hook {
        Hook::Relation(hook) => rows.local(state.relation(hook.relation)?)?.name.to_string(),
        Hook::Storage(hook) => storage::store_of(state, hook)?,
        _ => String::new(),
    };
    let name = levels.hook.name(&endpoint);
    let levels_value = serde_json::to_value(levels).ok()?;
    Some(frames::RunRequest {
        run: frames::RunId {
            unit: unit.id.to_string(),
            seq,
        },
        digest: digest(&name, &levels_value),
        unit: unit.name.to_string(),
        hook: frames::Hook {
            kind: frames::HookKind::Hook,
            name,
        },
        charm: rows.charm_ref(),
        levels: levels_value,
        context: rows.context(inputs, levels)?,
        limits: frames::Limits {
            timeout_s: state
                .model()
                .hook_timeout()
                .map(|limit| limit.whole_seconds().unsigned_abs()),
            sync: syncs(state),
            ..frames::Limits::default()
        },
    })
}

/// Whether the records of runs are fsynced (`journal-sync`).
pub(crate) fn syncs(state: &ModelState) -> bool {
    let value = state.model().config.get("journal-sync");
    value.is_none_or(|value| value != "false")
}

/// What a run is about: its hook and the levels it is shown.
fn digest(name: &str, levels: &serde_json::Value) -> String {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(levels.to_string().as_bytes());
    hex::encode(hash.finalize())
}

impl Rows<'_> {
    fn local<'r>(&self, relation: &'r Relation) -> Option<&'r Endpoint> {
        relation.local(self.application.id)
    }

    /// The charm that runs.
    pub(crate) fn charm_ref(&self) -> frames::CharmRef {
        frames::CharmRef {
            url: self.charm.url.clone(),
            sha256: self.charm.sha256.clone(),
        }
    }

    /// What the run's tools may see.
    pub(crate) fn context(&self, inputs: Inputs<'_>, levels: &Levels) -> Option<frames::Context> {
        let state = self.state;
        let machine = state.machine(self.unit.machine)?;
        let leader = state.leader(self.application.id);
        Some(frames::Context {
            model_name: state.model().name.to_string(),
            model_uuid: state.model().id.to_string(),
            machine: machine.name.to_string(),
            principal: self
                .unit
                .principal
                .and_then(|id| state.unit(id))
                .map(|unit| unit.name.to_string())
                .unwrap_or_default(),
            availability_zone: self.zone(),
            juju_version: JUJU_VERSION.to_owned(),
            env: crate::proxies::environment(&state.model().config),
            config: lazuli_plan::effective_config(self.application, &self.charm.charm),
            leader_millis: lazuli_plan::leader_grant_millis(inputs, self.unit.id),
            leader_settings: leader
                .map(|leader| leader.settings.as_ref().clone())
                .unwrap_or_default(),
            relations: self.relations(levels),
            relation: self.hook_relation(levels),
            secret: crate::secrets::hook_secret(state, self.unit, &levels.hook),
            secrets: crate::secrets::managed(state, self.unit),
            status: self.status(),
            ports: self.ports(self.unit.id),
            endpoint_ports: self.endpoint_ports(),
            foreign_ports: state
                .units_on(self.unit.machine)
                .filter(|other| other.id != self.unit.id)
                .flat_map(|other| {
                    self.ports(other.id)
                        .into_iter()
                        .map(|port| (other.name.to_string(), port))
                })
                .collect(),
            storage: storage::storage(state, self.unit, &self.charm.charm, &levels.hook),
            hook_storage: storage::hook(state, &levels.hook),
            stores: storage::stores(state, self.unit, &self.charm.charm),
            network: self.network(),
            resources: crate::resources::of_unit(state, self.unit, &self.charm.charm),
            task: None,
        })
    }

    fn zone(&self) -> String {
        self.state
            .effects_of(self.unit.machine)
            .find_map(|effect| match &effect.spec {
                lazuli_model::state::EffectSpec::VirtualMachine(spec) => spec.zone.clone(),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn status(&self) -> frames::StatusContext {
        self.state
            .status(StatusKey::Workload(self.unit.id))
            .map(|status| frames::StatusContext {
                status: status.status.clone(),
                message: status.message.clone(),
                data: status.data.clone(),
            })
            .unwrap_or_default()
    }

    fn ports(&self, unit: UnitId) -> Vec<frames::PortRange> {
        self.state
            .ports_of(unit)
            .map(|port| crate::convert::port_to_frame(&port.range))
            .collect()
    }

    fn endpoint_ports(&self) -> BTreeMap<String, Vec<frames::PortRange>> {
        let mut ports: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for port in self.state.ports_of(self.unit.id) {
            ports
                .entry(port.endpoint.clone())
                .or_default()
                .push(crate::convert::port_to_frame(&port.range));
        }
        ports
    }

    /// Relations that the unit has a part in, and that are neither over for it
    /// nor went before they began.
    fn relations(&self, levels: &Levels) -> Vec<frames::RelationContext> {
        let mut relations: Vec<_> = self
            .state
            .relations_of(self.application.id)
            .filter(|relation| lazuli_plan::takes_part(self.state, self.unit, relation))
            .filter(|relation| {
                let seen = self.state.relation_seen(self.unit.id, relation.id);
                seen.map_or(relation.life == Life::Alive, |seen| !seen.broken)
            })
            .filter_map(|relation| self.relation(relation, levels))
            .collect();
        relations.sort_by_key(|relation| relation.id);
        relations
    }

    fn relation(&self, relation: &Relation, levels: &Levels) -> Option<frames::RelationContext> {
        let state = self.state;
        let local = self.local(relation)?;
        let remote = relation.remote(self.application.id)?;
        let leads = state
            .leader(self.application.id)
            .is_some_and(|leader| leader.unit == Some(self.unit.id));
        let bag = |application| {
            state
                .relation_application(relation.id, application)
                .map(|row| row.settings.as_ref().clone())
                .unwrap_or_default()
        };
        Some(frames::RelationContext {
            id: relation.number,
            endpoint: local.name.to_string(),
            peer: relation.is_peer(),
            remote_app: state.application(remote.application)?.name.to_string(),
            members: self.members(relation, levels),
            own: state
                .relation_unit(relation.id, self.unit.id)
                .map(|row| row.settings.as_ref().clone())
                .unwrap_or_default(),
            own_app: (leads || relation.is_peer()).then(|| bag(self.application.id)),
            remote_app_settings: bag(remote.application),
            model_uuid: state.model().id.to_string(),
        })
    }

    /// The remote units that are members for this unit: those it has joined,
    /// and the one whose joined is run now; without the one whose departed is.
    fn members(&self, relation: &Relation, levels: &Levels) -> Vec<String> {
        let hook = match &levels.hook {
            Hook::Relation(hook) if hook.relation == relation.id => Some(hook),
            _ => None,
        };
        let joining = hook
            .filter(|hook| hook.kind == RelationHookKind::Joined)
            .and_then(|hook| hook.remote);
        let departing = hook
            .filter(|hook| hook.kind == RelationHookKind::Departed)
            .and_then(|hook| hook.remote);
        let mut names: Vec<_> = self
            .state
            .remotes_seen(self.unit.id, relation.id)
            .map(|seen| seen.remote)
            .chain(joining)
            .filter(|id| Some(*id) != departing)
            .filter_map(|id| self.state.relation_unit(relation.id, id))
            .map(|member| member.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names.iter().map(ToString::to_string).collect()
    }

    fn hook_relation(&self, levels: &Levels) -> Option<frames::HookRelation> {
        let Hook::Relation(hook) = &levels.hook else {
            return None;
        };
        let relation = self.state.relation(hook.relation)?;
        let remote = relation.remote(self.application.id)?;
        let name = |id: UnitId| {
            self.state
                .relation_unit(hook.relation, id)
                .map(|member| member.name.to_string())
        };
        Some(frames::HookRelation {
            id: relation.number,
            remote_unit: hook.remote.and_then(name).unwrap_or_default(),
            remote_app: self
                .state
                .application(remote.application)
                .map(|application| application.name.to_string())
                .unwrap_or_default(),
            departing_unit: hook.departing.and_then(name),
            settings: hook
                .remote
                .and_then(|id| self.state.relation_unit(hook.relation, id))
                .map(|row| row.settings.as_ref().clone())
                .unwrap_or_default(),
        })
    }

    /// What each binding has of the machine's addresses. One that has none is
    /// left out; where all have the same, that is said once.
    fn network(&self) -> frames::Network {
        let subnets = Subnets::of(self.state.model());
        let private = self
            .machine
            .address
            .map(|address| address.to_string())
            .unwrap_or_default();
        let public = self
            .machine
            .public_address
            .map_or_else(|| private.clone(), |address| address.to_string());
        let meta = &self.charm.charm.meta;
        frames::Network {
            private_address: private,
            public_address: public,
            bindings: self.bindings(&subnets),
            names: meta.binding_names().collect(),
        }
    }

    fn bindings(&self, subnets: &Subnets) -> BTreeMap<String, frames::Binding> {
        let of = |endpoint: &str| {
            let bound = bound(subnets, self.application, endpoint, self.machine);
            (!bound.is_empty()).then(|| binding(&bound, self.state.model()))
        };
        if self.machine.interfaces.is_empty() && self.application.bindings.is_empty() {
            return of("").map(|one| (String::new(), one)).into_iter().collect();
        }
        let names = self.charm.charm.meta.binding_names();
        names
            .filter_map(|name| Some((name.clone(), of(&name)?)))
            .collect()
    }
}

/// The addresses of a binding, in the shape of `network-get`.
fn binding(bound: &[Located<'_>], model: &Model) -> frames::Binding {
    let addresses = || bound.iter().map(|one| one.address.to_string());
    frames::Binding {
        interfaces: bound
            .iter()
            .map(|one| frames::Interface {
                name: one.device.clone(),
                mac: one.mac.to_owned(),
                addresses: vec![(
                    one.address.to_string(),
                    one.subnet.map_or_else(
                        || model.address_range.clone(),
                        |(range, _)| range.to_string(),
                    ),
                )],
            })
            .collect(),
        ingress: addresses().collect(),
        egress_subnets: addresses().map(|one| format!("{one}/32")).collect(),
    }
}
