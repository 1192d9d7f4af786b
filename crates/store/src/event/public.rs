//! What of a row may be shown to everybody who may read the model.
//!
//! Settings and configuration may hold passwords: of these only version and
//! hash are shown, enough to see that they changed.

use lazuli_model::state::{
    Application, Change, Effect, MachineState, Relation, Row, RowKey, Settings, UnitState,
};
use lazuli_model::status::{Status, StatusKey};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Adds what may be shown of a change to the after-image of its entity.
pub(crate) fn show(change: &Change, after: &mut Map<String, Value>) {
    match change {
        Change::Put(row) => show_row(row, after),
        Change::Delete(RowKey::OpenedPort(port)) => {
            push(after, "closed", Value::from(port.range.to_string()));
        }
        Change::Delete(_) => {}
    }
}

fn show_row(row: &Row, after: &mut Map<String, Value>) {
    match row {
        Row::Model(row) => set(
            after,
            "model",
            json!({
                "name": row.name.to_string(),
                "owner": row.owner.to_string(),
                "cloud": row.cloud,
                "region": row.region,
                "life": row.life,
                "config": hash(&row.config),
            }),
        ),
        Row::Charm(row) => set(
            after,
            "charm",
            json!({ "url": row.url, "sha256": row.sha256 }),
        ),
        Row::Application(row) => set(after, "application", application(row)),
        Row::Leader(row) => set(
            after,
            "leader",
            json!({
                "unit": row.unit,
                "version": row.version,
                "settings": hash(row.settings.as_ref()),
            }),
        ),
        Row::Machine(row) => set(
            after,
            "machine",
            json!({
                "name": row.name.to_string(),
                "base": row.base.to_string(),
                "constraints": row.constraints,
                "life": row.life,
                "force": row.force,
            }),
        ),
        Row::MachineState(row) => set(after, "state", machine_state(row)),
        Row::Unit(row) => set(
            after,
            "unit",
            json!({
                "name": row.name.to_string(),
                "application": row.application,
                "machine": row.machine,
                "life": row.life,
                "force": row.force,
            }),
        ),
        Row::UnitState(row) => set(after, "state", unit_state(row)),
        Row::OpenedPort(row) => push(after, "opened", Value::from(row.range.to_string())),
        Row::Relation(row) => set(after, "relation", relation(row)),
        Row::RelationUnit(row) => push(
            after,
            "relations",
            json!({
                "relation": row.relation,
                "in-scope": row.in_scope,
                "settings": versioned(row.version, &row.settings),
            }),
        ),
        Row::RelationApplication(row) => push(
            after,
            "applications",
            json!({
                "application": row.application,
                "settings": versioned(row.version, &row.settings),
            }),
        ),
        Row::CharmSource(row) => set(
            after,
            "source",
            json!({ "channel": row.channel, "forced": row.forced }),
        ),
        Row::Resource(row) => push(
            after,
            "resources",
            json!({ "name": row.name, "sha256": row.sha256, "size": row.size }),
        ),
        Row::UnitResources(row) => set(after, "resources", json!(row.fetched)),
        // What a unit has seen is nobody's business but the planner's, and what
        // its charm keeps is the charm's.
        Row::CharmState(_) | Row::RelationSeen(_) | Row::RemoteSeen(_) => {}
        // Never what it says, nor anything made from that.
        Row::Secret(row) => push(
            after,
            "secrets",
            json!({ "id": row.id, "owner": row.owner, "revision": row.latest }),
        ),
        Row::SecretRevision(_) | Row::SecretConsumer(_) => {}
        Row::Storage(row) => push(after, "storage", json!(row)),
        Row::StorageState(row) => push(after, "storage-states", json!(row)),
        Row::Effect(row) => push(after, "effects", effect(row)),
        Row::Status(key, row) => set(after, aspect(*key), status(row)),
        // Parameters, results and what is said may hold passwords.
        Row::Operation(row) => push(
            after,
            "operations",
            json!({ "id": row.number.to_string(), "action": row.action }),
        ),
        Row::Task(row) => push(
            after,
            "tasks",
            json!({
                "id": row.number.to_string(),
                "operation": row.operation.to_string(),
                "action": row.name,
                "status": row.status,
            }),
        ),
        Row::TaskLog(row) => push(after, "said", Value::from(row.task.to_string())),
    }
}

fn application(row: &Application) -> Value {
    json!({
        "name": row.name.to_string(),
        "charm": row.charm,
        "base": row.base.to_string(),
        "constraints": row.constraints,
        "config": hash(&row.config),
        "exposed": row.exposed,
        "trust": row.trust,
        "life": row.life,
        "force": row.force,
    })
}

fn machine_state(row: &MachineState) -> Value {
    json!({
        "generation": row.generation,
        "address": row.address,
        "public-address": row.public_address,
        "facts": row.facts,
        "unreachable": row.unreachable,
        "failure": row.failure,
    })
}

fn unit_state(row: &UnitState) -> Value {
    json!({
        "hook-seq": row.hook_seq,
        "charm": row.charm,
        "workload-version": row.workload_version,
        "failed": row.error.as_ref().map(|error| json!({
            "hook": error.hook,
            "attempts": error.attempts,
            "since": time(error.since),
            "next-try": error.next_try.map(time),
        })),
    })
}

fn relation(row: &Relation) -> Value {
    json!({
        "number": row.number,
        "endpoints": row.endpoints,
        "life": row.life,
        "force": row.force,
    })
}

fn effect(row: &Effect) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "cloud-id": row.cloud_id,
        "failure": row.failure,
    })
}

fn status(row: &Status) -> Value {
    json!({
        "status": row.status,
        "message": row.message,
        "data": row.data,
        "since": time(row.since),
    })
}

fn aspect(key: StatusKey) -> &'static str {
    match key {
        StatusKey::Model | StatusKey::Application(_) => "status",
        StatusKey::Workload(_) => "workload-status",
        StatusKey::Agent(_) => "agent-status",
        StatusKey::Machine(_) => "machine-status",
        StatusKey::Instance(_) => "instance-status",
    }
}

fn versioned(version: u64, settings: &Settings) -> Value {
    json!({ "version": version, "sha256": digest(settings) })
}

fn hash(value: &impl Serialize) -> Value {
    json!({ "sha256": digest(value) })
}

/// Of maps with ordered keys, so the same content has the same hash.
fn digest(value: &impl Serialize) -> Option<String> {
    let bytes = serde_json::to_vec(value).ok()?;
    Some(hex::encode(Sha256::digest(bytes)))
}

fn time(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}

fn set(after: &mut Map<String, Value>, aspect: &str, value: Value) {
    after.insert(aspect.to_owned(), value);
}

fn push(after: &mut Map<String, Value>, aspect: &str, value: Value) {
    let list = after
        .entry(aspect)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(value);
    }
}
