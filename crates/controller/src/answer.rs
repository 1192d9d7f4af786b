//! Answers to the reads that a hook's context does not hold.

use lazuli_model::charm::Charm;
use lazuli_model::id::{ApplicationId, UnitId};
use lazuli_model::state::{ModelState, Relation, Unit};
use lazuli_model::status::StatusKey;
use lazuli_plan::Inputs;
use lazuli_runner::frames::{Answer, Question, RunId, Settings};
use serde_json::json;
use time::OffsetDateTime;

use crate::convert;
use crate::resources;
use crate::secrets;
use crate::settle::Desk;

/// The answer, or the text that the tool prints as its error (in Juju's
/// words: `ops` tells errors apart by them).
pub(crate) fn answer(
    desk: &mut Desk,
    run: &RunId,
    question: &Question,
    now: OffsetDateTime,
) -> Result<Answer, String> {
    if let Question::Secret { .. } = question {
        return secrets::answer(desk, run, question);
    }
    let state = &desk.state;
    let unit = convert::unit(run)
        .and_then(|id| state.unit(id))
        .ok_or("unit not found")?;
    match question {
        Question::RelationSettings { relation, member } => {
            settings(state, unit, *relation, member).map(|settings| Answer::Settings { settings })
        }
        Question::Leader => {
            let inputs = Inputs {
                state,
                flight: &desk.flight,
                offers: &[],
                now,
            };
            Ok(Answer::Leader {
                millis: lazuli_plan::leader_grant_millis(inputs, unit.id),
            })
        }
        Question::ApplicationStatus => {
            let leads = state
                .leader(unit.application)
                .is_some_and(|leader| leader.unit == Some(unit.id));
            if !leads {
                return Err("this unit is not the leader".to_owned());
            }
            Ok(Answer::Document {
                value: application_status(state, unit.application),
            })
        }
        Question::GoalState => Ok(Answer::Document {
            value: lazuli_plan::document::goal_state(state, unit),
        }),
        Question::CharmState => Ok(Answer::Settings {
            settings: state
                .charm_state(unit.id)
                .map(|kept| kept.state.as_ref().clone())
                .unwrap_or_default(),
        }),
        Question::CloudSpec => secrets::cloud_spec(desk, unit),
        Question::Secret { .. } => Err("unexpected question".to_owned()),
        Question::Resource { name } => {
            let charm = charm_of(state, unit).ok_or("charm not found")?;
            let resource = resources::one(state, unit, charm, name)?;
            Ok(Answer::Resource { resource })
        }
    }
}

/// The charm that a unit runs, or is about to.
fn charm_of<'a>(state: &'a ModelState, unit: &Unit) -> Option<&'a Charm> {
    let done = state.unit_state(unit.id).and_then(|done| done.charm);
    let wanted = state.application(unit.application)?.charm;
    let row = done.and_then(|id| state.charm(id));
    row.or_else(|| state.charm(wanted)).map(|row| &*row.charm)
}

/// `status-get --application`'s document.
fn application_status(state: &ModelState, application: ApplicationId) -> serde_json::Value {
    let document = |key: StatusKey| {
        state.status(key).map_or_else(
            || json!({ "status": "unknown", "message": "", "status-data": {} }),
            |status| {
                json!({
                    "status": status.status,
                    "message": status.message,
                    "status-data": status.data,
                })
            },
        )
    };
    let mut whole = document(StatusKey::Application(application));
    whole["units"] = state
        .units_of(application)
        .map(|unit| {
            (
                unit.name.to_string(),
                document(StatusKey::Workload(unit.id)),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({ "application-status": whole })
}

/// Settings as far as Juju shows them to a unit: of its own relations, of the
/// units that it sees in them, and of its own application only to the leader
/// (and to peers).
fn settings(
    state: &ModelState,
    unit: &Unit,
    number: u64,
    member: &str,
) -> Result<Settings, String> {
    let relation = state
        .relations_of(unit.application)
        .find(|relation| relation.number == number)
        .ok_or("relation not found")?;
    if member.contains('/') {
        let bag = state
            .relation_units(relation.id)
            .find(|row| row.name.to_string() == member)
            .filter(|row| may_see(state, unit, relation, row.unit))
            .ok_or_else(|| {
                format!("cannot read settings for unit \"{member}\" in relation {number}: unit not found")
            })?;
        return Ok(bag.settings.as_ref().clone());
    }
    let application = relation
        .endpoints
        .iter()
        .filter_map(|end| state.application(end.application))
        .find(|application| application.name.as_str() == member)
        .ok_or_else(|| {
            format!("cannot read settings for application \"{member}\" in relation {number}: application not found")
        })?;
    let leads = || {
        let leader = state.leader(unit.application);
        leader.is_some_and(|leader| leader.unit == Some(unit.id))
    };
    if application.id == unit.application && !relation.is_peer() && !leads() {
        return Err("permission denied".to_owned());
    }
    Ok(state
        .relation_application(relation.id, application.id)
        .map(|row| row.settings.as_ref().clone())
        .unwrap_or_default())
}

/// In a container-scoped relation a unit sees who is beside it, and who was
/// until it has heard that they left.
fn may_see(state: &ModelState, unit: &Unit, relation: &Relation, other: UnitId) -> bool {
    !relation.is_container_scoped()
        || other == unit.id
        || match state.unit(other) {
            Some(other) => unit.is_beside(other),
            None => state.remote_seen(unit.id, relation.id, other).is_some(),
        }
}
