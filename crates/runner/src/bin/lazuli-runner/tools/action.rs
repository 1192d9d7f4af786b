//! `action-get`, `action-set`, `action-fail` and `action-log`.

use lazuli_runner::frames::Write;
use serde_json::Value;

use super::{Call, Done, Format, Stop, Tool, ToolContext};
use crate::format::Doc;

/// Prints what the action was given.
pub(super) static ACTION_GET: Tool = Tool {
    name: "action-get",
    args: "[<key>[.<key>.<key>...]]",
    purpose: "Get action parameters.",
    flags: &[],
    format: Some(Format::Smart),
    run: get,
};

/// Sets results.
pub(super) static ACTION_SET: Tool = Tool {
    name: "action-set",
    args: "<key>=<value> [<key>=<value> ...]",
    purpose: "Set action results.",
    flags: &[],
    format: None,
    run: set,
};

/// Sets the action's status to failed.
pub(super) static ACTION_FAIL: Tool = Tool {
    name: "action-fail",
    args: "[\"<failure message>\"]",
    purpose: "Set action fail status with message.",
    flags: &[],
    format: None,
    run: fail,
};

/// Says something while the action runs.
pub(super) static ACTION_LOG: Tool = Tool {
    name: "action-log",
    args: "<message>",
    purpose: "Record a progress message for the current action.",
    flags: &[],
    format: None,
    run: log,
};

/// Keys that are what the action printed.
const RESERVED: [&str; 4] = ["stdout", "stdout-encoding", "stderr", "stderr-encoding"];
/// What Juju says of an action that failed without a word.
const NO_REASON: &str = "action failed without reason given, check action for errors";
/// Bytes of one message.
const MESSAGE: usize = 64 << 10;

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(1)?;
    let parameters = Value::Object(ctx.task()?.parameters.clone());
    let key = call.parsed.positional(0).unwrap_or_default();
    if key.is_empty() {
        return Ok(Done::print(Doc::from(&parameters)));
    }
    let found = key
        .split('.')
        .try_fold(&parameters, |value, part| value.get(part));
    Ok(Done::print(found.map_or(Doc::Null, Doc::from)))
}

fn set(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let mut writes = Vec::new();
    for arg in &call.parsed.positionals {
        let (key, value) = arg.split_once('=').ok_or_else(|| {
            Stop::Usage(format!("argument {arg:?} must be of the form key...=value"))
        })?;
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        if let Some(part) = path.iter().find(|part| !is_key(part)) {
            return Err(Stop::Usage(format!(
                "key {part:?} must start and end with lowercase alphanumeric, and contain only \
                 lowercase alphanumeric and hyphens"
            )));
        }
        if path.len() == 1 && RESERVED.contains(&key) {
            return Err(Stop::Usage(format!(
                "cannot set reserved action key {key:?}"
            )));
        }
        writes.push(Write::ActionSet {
            path,
            value: value.to_owned(),
        });
    }
    ctx.task()?;
    Ok(Done {
        writes,
        ..Done::default()
    })
}

fn fail(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(1)?;
    let message = call.parsed.positional(0).unwrap_or(NO_REASON).to_owned();
    ctx.task()?;
    Ok(Done::write(Write::ActionFail { message }))
}

fn log(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    if call.parsed.positionals.is_empty() {
        return Err(Stop::Usage("no message specified".to_owned()));
    }
    ctx.task()?;
    let message = call.parsed.positionals.join(" ");
    if message.len() > MESSAGE {
        return Err(Stop::Failed(format!(
            "a message of {} bytes is over the limit of {MESSAGE}",
            message.len()
        )));
    }
    Ok(Done::write(Write::ActionLog { message }))
}

/// `^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`
fn is_key(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.iter().all(|byte| word(*byte) || *byte == b'-')
        && bytes.first().is_some_and(|byte| word(*byte))
        && bytes.last().is_some_and(|byte| word(*byte))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{TaskContext, Write};
    use serde_json::json;

    use crate::tools::testing::Fixture;

    fn action() -> Fixture {
        let mut fixture = Fixture::new("a/0");
        let parameters = json!({ "name": "x", "deep": { "er": 7, "yes": true }, "none": null });
        fixture.context.task = Some(TaskContext {
            id: "2".to_owned(),
            name: "backup".to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            ..TaskContext::default()
        });
        fixture
    }

    /// Checklist of real charms, 27: nested keys, and formats as everywhere.
    #[test]
    fn parameters_are_nested() {
        let fixture = action();
        fixture.prints("action-get name", "x\n");
        fixture.prints("action-get deep.er", "7\n");
        fixture.prints("action-get deep.yes", "True\n");
        fixture.prints("action-get deep", "er: 7\n\"yes\": true\n");
        fixture.prints("action-get none", "");
        fixture.prints("action-get deep.no.where", "");
        fixture.prints("action-get deep.no --format=json", "null\n");
        fixture.prints(
            "action-get --format=json",
            "{\"deep\":{\"er\":7,\"yes\":true},\"name\":\"x\",\"none\":null}\n",
        );
        fixture.fails("action-get a b", 2, "unrecognized args: [\"b\"]");
    }

    #[test]
    fn without_parameters_there_is_an_empty_object() {
        let mut fixture = action();
        fixture.context.task = Some(TaskContext {
            id: "2".to_owned(),
            ..TaskContext::default()
        });
        fixture.prints("action-get --format=json", "{}\n");
    }

    /// Checklist of real charms, 27: values are strings, keys are checked.
    #[test]
    fn results_are_nested_strings() {
        let mut fixture = action();
        fixture.writes(&["action-set", "a.b=1", "a.c=x=y", "d="]);
        fixture.writes(&["action-set", "d.e=z"]);
        let (results, failed) = fixture.session.results();
        assert_eq!(
            json!(results),
            json!({ "a": { "b": "1", "c": "x=y" }, "d": { "e": "z" } })
        );
        assert_eq!(failed, None);
        let rule = "must start and end with lowercase alphanumeric, and contain only lowercase \
                    alphanumeric and hyphens";
        for (line, text) in [
            (
                "action-set a",
                "argument \"a\" must be of the form key...=value".to_owned(),
            ),
            (
                "action-set stdout=x",
                "cannot set reserved action key \"stdout\"".to_owned(),
            ),
            (
                "action-set stderr-encoding=x",
                "cannot set reserved action key \"stderr-encoding\"".to_owned(),
            ),
            ("action-set A=x", format!("key \"A\" {rule}")),
            ("action-set a.-b=x", format!("key \"-b\" {rule}")),
            ("action-set a..b=x", format!("key \"\" {rule}")),
        ] {
            fixture.fails(line, 2, &text);
        }
    }

    #[test]
    fn too_many_results_are_refused() {
        let mut fixture = action();
        let much = format!("a={}", "x".repeat(2 << 20));
        let answer = fixture.answer(&["action-set", &much]);
        assert!(fixture.session.apply(&answer.writes[0]).is_err());
    }

    #[test]
    fn a_failure_has_a_reason() {
        let mut fixture = action();
        fixture.writes(&["action-fail"]);
        assert_eq!(
            fixture.session.results().1.as_deref(),
            Some("action failed without reason given, check action for errors")
        );
        fixture.writes(&["action-fail", "--", "-no"]);
        assert_eq!(fixture.session.results().1.as_deref(), Some("-no"));
    }

    #[test]
    fn words_of_a_message_are_joined() {
        let mut fixture = action();
        let written = fixture.writes(&["action-log", "a", "b"]);
        let message = "a b".to_owned();
        assert_eq!(written, [Write::ActionLog { message }]);
        assert!(written[0].is_immediate());
        fixture.fails("action-log", 2, "no message specified");
    }

    #[test]
    fn outside_of_an_action_there_is_none() {
        let fixture = Fixture::new("a/0");
        for line in [
            "action-get",
            "action-set a=1",
            "action-fail",
            "action-log x",
        ] {
            fixture.fails(line, 1, "not running an action");
        }
    }
}
