//! Units in status, and `show-unit`.

use std::net::IpAddr;

use lazuli_model::document::JUJU_VERSION;
use lazuli_model::document::status::{StatusInfo, Unit};
use lazuli_model::document::unit::{RelationData, ShowUnit, UnitRelation};
use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::ports::PortRange;
use lazuli_model::state::{self, HookError, ModelState, Relation, RelationUnit};
use lazuli_model::status::StatusKey;

use super::machine::text;
use super::status::{info, life};

/// A unit in status, its subordinates below it.
pub(super) fn unit_document(state: &ModelState, row: &state::Unit) -> Unit {
    let machine = state.machine(row.machine);
    let subordinates = state
        .units_on(row.machine)
        .filter(|unit| unit.principal == Some(row.id))
        .map(|unit| (unit.name.to_string(), unit_document(state, unit)))
        .collect();
    Unit {
        workload_status: workload_status(state, row),
        juju_status: agent_status(state, row),
        leader: leads(state, row),
        upgrading_from: upgrading_from(state, row),
        machine: match (row.principal, machine) {
            (None, Some(machine)) => machine.name.to_string(),
            _ => String::new(),
        },
        open_ports: open_ports(state, row),
        public_address: text(unit_address(state, row)),
        subordinates,
    }
}

/// The address to reach a unit at: the public one if it has one.
#[must_use]
pub fn unit_address(state: &ModelState, row: &state::Unit) -> Option<IpAddr> {
    let known = state.machine_state(row.machine)?;
    known.public_address.or(known.address)
}

/// What runs on a unit. A failed hook is shown here, as Juju does.
pub(super) fn workload_status(state: &ModelState, row: &state::Unit) -> StatusInfo {
    if let Some(error) = state
        .unit_state(row.id)
        .and_then(|done| done.error.as_ref())
    {
        let message = hook_failed(state, row, error);
        return StatusInfo::new("error", &message, Some(error.since));
    }
    if let Some(lost) = lost(state, row) {
        let message = format!("agent lost, see 'juju show-status-log {}'", row.name);
        return StatusInfo::new("unknown", &message, lost.since);
    }
    let status = state.status(StatusKey::Workload(row.id));
    status.map_or_else(
        || StatusInfo::new("waiting", "waiting for machine", Some(row.created_at)),
        info,
    )
}

fn agent_status(state: &ModelState, row: &state::Unit) -> StatusInfo {
    let status = state.status(StatusKey::Agent(row.id));
    let mut agent = status.map_or_else(
        || StatusInfo::new("allocating", "", Some(row.created_at)),
        info,
    );
    if agent.current == "error" {
        agent = StatusInfo::new("idle", "", agent.since);
    } else if let Some(lost) = lost(state, row) {
        agent = StatusInfo::new(
            "lost",
            "agent is not communicating with the server",
            lost.since,
        );
    }
    if agent.current != "allocating" {
        JUJU_VERSION.clone_into(&mut agent.version);
    }
    agent.life = life(row.life);
    agent
}

/// The status of a unit's machine when it cannot be reached.
fn lost(state: &ModelState, row: &state::Unit) -> Option<StatusInfo> {
    let machine = state.status(StatusKey::Machine(row.machine))?;
    (machine.status == "down").then(|| info(machine))
}

/// Juju's text: `hook failed: "db-relation-changed" for mysql:server`.
fn hook_failed(state: &ModelState, row: &state::Unit, error: &HookError) -> String {
    if let Hook::Storage(hook) = &error.hook {
        let storage = state.storages().get(hook.storage);
        let store = storage.map_or_else(String::new, |row| row.name.storage().to_string());
        return format!("hook failed: {:?}", error.hook.name(&store));
    }
    let Hook::Relation(hook) = &error.hook else {
        return format!("hook failed: {:?}", error.hook.name(""));
    };
    let ends = state.relation(hook.relation).and_then(|relation| {
        Some((
            relation.local(row.application)?,
            relation.remote(row.application)?,
        ))
    });
    let Some((local, remote)) = ends else {
        return format!("hook failed: \"relation-{}\"", hook.kind);
    };
    let name = error.hook.name(local.name.as_str());
    match state.application(remote.application) {
        Some(other) if other.id != row.application => {
            format!("hook failed: {name:?} for {}:{}", other.name, remote.name)
        }
        _ => format!("hook failed: {name:?}"),
    }
}

fn leads(state: &ModelState, row: &state::Unit) -> bool {
    let leader = state.leader(row.application);
    leader.and_then(|leader| leader.unit) == Some(row.id)
}

fn upgrading_from(state: &ModelState, row: &state::Unit) -> String {
    let wanted = state.application(row.application).map(|row| row.charm);
    let has = state.unit_state(row.id).and_then(|done| done.charm);
    match (has, wanted) {
        (Some(has), Some(wanted)) if has != wanted => state
            .charm(has)
            .map_or_else(String::new, |charm| charm.url.clone()),
        _ => String::new(),
    }
}

/// The ranges that a unit opened for any endpoint, each once, in order.
fn open_ports(state: &ModelState, row: &state::Unit) -> Vec<String> {
    let mut ranges: Vec<PortRange> = state.ports_of(row.id).map(|port| port.range).collect();
    ranges.sort();
    ranges.dedup();
    ranges.iter().map(ToString::to_string).collect()
}

/// `show-unit`, with all its relations.
#[must_use]
pub fn show_unit(state: &ModelState, row: &state::Unit) -> ShowUnit {
    let done = state.unit_state(row.id);
    let charm = done.and_then(|done| done.charm).or_else(|| {
        let application = state.application(row.application)?;
        Some(application.charm)
    });
    let charm = charm.and_then(|charm| state.charm(charm));
    let mut relations: Vec<&Relation> = state.relations_of(row.application).collect();
    relations.sort_by_key(|relation| relation.number);
    ShowUnit {
        workload_version: done
            .and_then(|done| done.workload_version.clone())
            .unwrap_or_default(),
        machine: state
            .machine(row.machine)
            .map_or_else(String::new, |machine| machine.name.to_string()),
        opened_ports: open_ports(state, row),
        public_address: text(unit_address(state, row)),
        charm: charm.map_or_else(String::new, |charm| charm.url.clone()),
        leader: leads(state, row),
        life: match row.life {
            Life::Alive => "alive".to_owned(),
            going => going.as_str().to_owned(),
        },
        relation_info: relations
            .into_iter()
            .filter_map(|relation| unit_relation(state, row, relation))
            .collect(),
    }
}

fn unit_relation(
    state: &ModelState,
    row: &state::Unit,
    relation: &Relation,
) -> Option<UnitRelation> {
    let local = relation.local(row.application)?;
    let remote = relation.remote(row.application)?;
    let bag = state.relation_application(relation.id, remote.application);
    let own = state.relation_unit(relation.id, row.id);
    let related_units = state
        .relation_units(relation.id)
        .filter(|member| member.unit != row.id && member.in_scope)
        .filter(|member| is_seen(state, row, relation, member))
        .map(|member| (member.name.to_string(), data(member)))
        .collect();
    Some(UnitRelation {
        relation_id: relation.number,
        endpoint: local.name.to_string(),
        related_endpoint: remote.name.to_string(),
        application_data: bag.map_or_else(Default::default, |bag| (*bag.settings).clone()),
        local_unit: own.map_or_else(RelationData::default, data),
        related_units,
    })
}

/// Whether a member is one that the unit sees: of the other application (or
/// its own among peers), and beside it where the scope is the machine.
fn is_seen(
    state: &ModelState,
    row: &state::Unit,
    relation: &Relation,
    member: &RelationUnit,
) -> bool {
    let Some(unit) = state.unit(member.unit) else {
        return false;
    };
    let other = unit.application != row.application || relation.is_peer();
    other && (!relation.is_container_scoped() || unit.is_beside(row))
}

fn data(member: &RelationUnit) -> RelationData {
    RelationData {
        in_scope: member.in_scope,
        data: Some((*member.settings).clone()),
    }
}
