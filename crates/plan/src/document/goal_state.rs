//! `goal-state`'s document (Juju, `apiserver/facades/agent/uniter`).

use lazuli_model::document::status::StatusInfo;
use lazuli_model::life::Life;
use lazuli_model::state::{ModelState, Relation, Unit};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::is_joined;
use super::unit::workload_status;

/// What a unit may expect: the units of its application and those at the other
/// ends of its relations, whether they are there yet or not. Units that go are
/// `dying`; subordinates show those beside the same principal alone.
#[must_use]
pub fn goal_state(state: &ModelState, unit: &Unit) -> Value {
    let mut relations: Map<String, Value> = Map::new();
    for relation in state.relations_of(unit.application) {
        let ends = (
            relation.local(unit.application),
            relation.remote(unit.application),
        );
        let (Some(local), Some(remote)) = ends else {
            continue;
        };
        let Some(application) = state.application(remote.application) else {
            continue;
        };
        if relation.is_peer() {
            continue;
        }
        let entry = relations
            .entry(local.name.to_string())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entry) = entry {
            entry.insert(
                application.name.to_string(),
                goal(word(state, relation), Some(relation.created_at)),
            );
            entry.extend(units(state, remote.application, unit));
        }
    }
    json!({
        "units": units(state, unit.application, unit),
        "relations": relations,
    })
}

/// The units of an application, as a unit sees them.
fn units(
    state: &ModelState,
    application: lazuli_model::id::ApplicationId,
    seen_by: &Unit,
) -> Map<String, Value> {
    let principal = seen_by.principal.unwrap_or(seen_by.id);
    state
        .units_of(application)
        .filter(|unit| unit.principal.is_none_or(|of| of == principal))
        .map(|unit| {
            let StatusInfo { current, since, .. } = workload_status(state, unit);
            let goal = match unit.life {
                Life::Alive => goal(&current, since),
                Life::Dying | Life::Dead => goal("dying", since),
            };
            (unit.name.to_string(), goal)
        })
        .collect()
}

/// Juju's word for how a relation is.
fn word(state: &ModelState, relation: &Relation) -> &'static str {
    if relation.life != Life::Alive {
        "broken"
    } else if is_joined(state, relation) {
        "joined"
    } else {
        "joining"
    }
}

fn goal(status: &str, since: Option<OffsetDateTime>) -> Value {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    let since = since.and_then(|since| since.to_offset(time::UtcOffset::UTC).format(format).ok());
    match since {
        Some(since) => json!({ "status": status, "since": since }),
        None => json!({ "status": status }),
    }
}
