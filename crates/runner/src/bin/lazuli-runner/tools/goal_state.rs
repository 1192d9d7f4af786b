//! `goal-state`.

use lazuli_runner::frames::{Answer, Question};
use serde_json::Value;

use super::{Call, Done, Format, Stop, Tool, ToolContext};
use crate::format::Doc;

/// Prints what units and relations there are to be.
pub(super) static GOAL_STATE: Tool = Tool {
    name: "goal-state",
    args: "",
    purpose: "Print the status of the charm's peers and related units.",
    flags: &[],
    format: Some(Format::Yaml),
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    if call.format == Format::Smart {
        return Err(Stop::Usage(
            "invalid value \"smart\" for option --format: unknown format \"smart\"".to_owned(),
        ));
    }
    call.no_more_than(0)?;
    match ctx.ask(&Question::GoalState)? {
        Answer::Document { value } => Ok(Done::print(document(value))),
        _ => Err(Stop::Failed(
            "cannot read the goal state: unexpected answer".to_owned(),
        )),
    }
}

/// In the order of Juju's fields.
fn document(value: &Value) -> Doc {
    let map = |value: &Value, each: fn(&Value) -> Doc| {
        let entries = value.as_object().into_iter().flatten();
        Doc::Map(
            entries
                .map(|(key, value)| (key.clone(), each(value)))
                .collect(),
        )
    };
    let relations = value["relations"].as_object().into_iter().flatten();
    Doc::Record(vec![
        ("units", map(&value["units"], goal)),
        (
            "relations",
            Doc::Map(
                relations
                    .map(|(endpoint, goals)| (endpoint.clone(), map(goals, goal)))
                    .collect(),
            ),
        ),
    ])
}

fn goal(value: &Value) -> Doc {
    let mut fields = vec![("status", Doc::from(&value["status"]))];
    let since = value.get("since").map(Doc::from);
    fields.extend(since.map(|since| ("since", since)));
    Doc::Record(fields)
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question};
    use serde_json::json;

    use crate::tools::testing::Fixture;

    #[test]
    fn the_goal_is_asked_for_and_printed() {
        let mut fixture = Fixture::new("a/0");
        fixture.asks("goal-state", &Question::GoalState);
        let status = json!({"status": "active", "since": "2026-01-02 03:04:05Z"});
        let value = json!({"units": {"a/0": status}, "relations": {"db": {"b": status}}});
        fixture.answered(Question::GoalState, Ok(Answer::Document { value }));
        fixture.prints(
            "goal-state",
            "units:\n  a/0:\n    status: active\n    since: 2026-01-02 03:04:05Z\n\
             relations:\n  db:\n    b:\n      status: active\n      since: 2026-01-02 03:04:05Z\n",
        );
        fixture.prints(
            "goal-state --format=json",
            "{\"units\":{\"a/0\":{\"status\":\"active\",\"since\":\"2026-01-02 03:04:05Z\"}},\
             \"relations\":{\"db\":{\"b\":{\"status\":\"active\",\
             \"since\":\"2026-01-02 03:04:05Z\"}}}}\n",
        );
        fixture.fails("goal-state x", 2, "unrecognized args: [\"x\"]");
        fixture.fails(
            "goal-state --format smart",
            2,
            "invalid value \"smart\" for option --format: unknown format \"smart\"",
        );
    }
}
