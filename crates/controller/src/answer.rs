//! Answers to the reads that a hook's context does not hold.

use lazuli_model::id::ApplicationId;
use lazuli_model::state::{ModelState, RelationApplication, RelationUnit};
use lazuli_model::status::StatusKey;
use lazuli_plan::Inputs;
use lazuli_runner::frames::{Answer, Question, RunId, Settings};
use serde_json::json;
use time::OffsetDateTime;

use crate::convert;
use crate::settle::Desk;

/// The answer, or the text that the tool prints as its error (in Juju's
/// words: `ops` tells errors apart by them).
pub(crate) fn answer(
    desk: &Desk,
    run: &RunId,
    question: &Question,
    now: OffsetDateTime,
) -> Result<Answer, String> {
    let state = &desk.state;
    let unit = convert::unit(run)
        .and_then(|id| state.unit(id))
        .ok_or("unit not found")?;
    match question {
        Question::RelationSettings { relation, member } => {
            settings(state, *relation, member).map(|settings| Answer::Settings { settings })
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
        Question::GoalState => Err("goal-state is not known here".to_owned()),
    }
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

fn settings(state: &ModelState, number: u64, member: &str) -> Result<Settings, String> {
    let relation = state
        .relations()
        .find(|relation| relation.number == number)
        .ok_or("relation not found")?;
    if member.contains('/') {
        let bag = state
            .relation_units(relation.id)
            .find(|row: &&RelationUnit| row.name.to_string() == member)
            .ok_or_else(|| {
                format!("cannot read settings for unit \"{member}\" in relation {number}: unit not found")
            })?;
        return Ok(bag.settings.as_ref().clone());
    }
    let bag = state
        .relation_applications(relation.id)
        .find(|row: &&RelationApplication| {
            state
                .application(row.application)
                .is_some_and(|application| application.name.as_str() == member)
        });
    Ok(bag
        .map(|row| row.settings.as_ref().clone())
        .unwrap_or_default())
}
