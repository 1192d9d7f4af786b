//! `goal-state`.

use lazuli_runner::frames::{Answer, Question};

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
            "invalid value \"smart\" for flag --format: unknown format \"smart\"".to_owned(),
        ));
    }
    call.no_more_than(0)?;
    match ctx.ask(&Question::GoalState)? {
        Answer::Document { value } => Ok(Done::print(Doc::from(value))),
        _ => Err(Stop::Failed(
            "cannot read the goal state: unexpected answer".to_owned(),
        )),
    }
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
            "relations:\n  db:\n    b:\n      since: 2026-01-02 03:04:05Z\n      status: active\n\
             units:\n  a/0:\n    since: 2026-01-02 03:04:05Z\n    status: active\n",
        );
        fixture.prints(
            "goal-state --format=json",
            "{\"relations\":{\"db\":{\"b\":{\"since\":\"2026-01-02 03:04:05Z\",\
             \"status\":\"active\"}}},\"units\":{\"a/0\":{\"since\":\"2026-01-02 03:04:05Z\",\
             \"status\":\"active\"}}}\n",
        );
        fixture.fails("goal-state x", 2, "unrecognized args: [\"x\"]");
        fixture.fails(
            "goal-state --format smart",
            2,
            "invalid value \"smart\" for flag --format: unknown format \"smart\"",
        );
    }
}
