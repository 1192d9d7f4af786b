//! `state-get`, `state-set` and `state-delete`: what a charm keeps at the
//! controller rather than on its machine.

use std::collections::BTreeMap;

use lazuli_runner::frames::Write;

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext, key_values};
use crate::format::Doc;

/// The most bytes of a key (Juju, `core/quota`),
const KEY_MAX: usize = 256;
/// and of a value.
const VALUE_MAX: usize = 64 << 10;

/// Prints what is kept.
pub(super) static STATE_GET: Tool = Tool {
    name: "state-get",
    args: "[<key>]",
    purpose: "Print server-side-state value.",
    flags: &[Flag {
        names: &["strict"],
        takes: Takes::Nothing,
        help: "Return an error if the requested key does not exist",
    }],
    format: Some(Format::Smart),
    run: get,
};

/// Keeps something when the hook succeeds.
pub(super) static STATE_SET: Tool = Tool {
    name: "state-set",
    args: "key=value [key=value ...]",
    purpose: "Set server-side-state values.",
    flags: &[Flag {
        names: &["file"],
        takes: Takes::Value,
        help: "File containing key-value pairs; - is standard input",
    }],
    format: None,
    run: set,
};

/// Forgets something when the hook succeeds.
pub(super) static STATE_DELETE: Tool = Tool {
    name: "state-delete",
    args: "<key>",
    purpose: "Delete server-side-state key value pairs.",
    flags: &[],
    format: None,
    run: delete,
};

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(1)?;
    let kept = ctx.charm_state()?;
    let doc = match call.parsed.positional(0).unwrap_or("-") {
        "" | "-" => Doc::settings(&kept),
        key => match kept.get(key) {
            Some(value) => Doc::text(value),
            None if call.parsed.is_set("strict") => {
                return Err(Stop::Failed(format!("{key:?} not found")));
            }
            None => Doc::Null,
        },
    };
    Ok(Done::print(doc))
}

fn set(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let pairs = key_values(&call.parsed.positionals)?;
    let mut state: BTreeMap<String, String> = BTreeMap::new();
    if let Some(file) = call.parsed.value("file").filter(|file| !file.is_empty()) {
        let text = ctx.input(file)?;
        if !text.trim().is_empty() {
            state = serde_yaml::from_str(text).map_err(|error| {
                Stop::Failed(format!(
                    "cannot read values from {file:?}: expected a YAML map of strings: {error}"
                ))
            })?;
        }
    }
    state.extend(pairs);
    for (key, value) in &state {
        for (what, text, max) in [("key", key, KEY_MAX), ("value", value, VALUE_MAX)] {
            if text.len() > max {
                return Err(Stop::Failed(format!(
                    "max allowed {what} length ({max}) exceeded"
                )));
            }
        }
    }
    if state.is_empty() {
        return Ok(Done::default());
    }
    // Unlike in relation settings, an empty value is kept.
    let state = state.into_iter().map(|(key, value)| (key, Some(value)));
    Ok(Done::write(Write::State {
        state: state.collect(),
    }))
}

fn delete(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(1)?;
    let key = call.parsed.positional(0).unwrap_or_default();
    if key.is_empty() {
        return Ok(Done::default());
    }
    Ok(Done::write(Write::State {
        state: BTreeMap::from([(key.to_owned(), None)]),
    }))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question, Write};

    use crate::tools::testing::Fixture;
    use crate::tools::{Input, Step};

    fn write(pairs: &[(&str, Option<&str>)]) -> Write {
        let pairs = pairs.iter();
        Write::State {
            state: pairs
                .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
                .collect(),
        }
    }

    fn keeping(pairs: &[(&str, &str)]) -> Fixture {
        let mut fixture = Fixture::new("a/0");
        let pairs = pairs.iter();
        let settings = pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        fixture.answered(Question::CharmState, Ok(Answer::Settings { settings }));
        fixture
    }

    #[test]
    fn what_is_kept_is_asked_for_once_and_shown_with_what_the_hook_wrote() {
        Fixture::new("a/0").asks("state-get", &Question::CharmState);
        let mut fixture = keeping(&[("a", "1"), ("b", "2")]);
        fixture.prints("state-get", "a: \"1\"\nb: \"2\"\n");
        fixture.prints("state-get b", "2\n");
        fixture.prints("state-get none", "");
        fixture.prints("state-get none --format json", "null\n");
        fixture.fails("state-get --strict none", 1, "\"none\" not found");
        assert_eq!(
            fixture.writes(&["state-set", "b=x=y", "c="]),
            [write(&[("b", Some("x=y")), ("c", Some(""))])]
        );
        assert_eq!(
            fixture.writes(&["state-delete", "a"]),
            [write(&[("a", None)])]
        );
        fixture.prints("state-get - --format=json", "{\"b\":\"x=y\",\"c\":\"\"}\n");
        fixture.prints("state-get --strict c", "");
        assert_eq!(
            fixture.session.buffered(),
            [write(&[("a", None), ("b", Some("x=y")), ("c", Some(""))])]
        );
        assert_eq!(fixture.writes(&["state-delete"]), []);
        assert_eq!(fixture.writes(&["state-set"]), []);
    }

    #[test]
    fn a_file_is_read_and_arguments_win() {
        let mut fixture = keeping(&[]);
        assert_eq!(
            fixture.step(&["state-set", "--file", "-"]),
            Step::Need(None)
        );
        fixture.input = Some(Input {
            text: Ok("a: file\nb: \"2\"\nempty: ''\n".to_owned()),
        });
        assert_eq!(
            fixture
                .answer(&["state-set", "--file", "-", "a=arg"])
                .writes,
            [write(&[
                ("a", Some("arg")),
                ("b", Some("2")),
                ("empty", Some(""))
            ])]
        );
    }

    #[test]
    fn keys_and_values_have_bounds() {
        let fixture = keeping(&[]);
        let key = "k".repeat(257);
        fixture.fails_args(
            &["state-set", &format!("{key}=1")],
            1,
            "max allowed key length (256) exceeded",
        );
        let value = "v".repeat((64 << 10) + 1);
        fixture.fails_args(
            &["state-set", &format!("a={value}")],
            1,
            "max allowed value length (65536) exceeded",
        );
        for (line, text) in [
            ("state-set a", "expected \"key=value\", got \"a\""),
            ("state-set a=1 a=2", "key \"a\" specified more than once"),
            ("state-get a b", "unrecognized args: [\"b\"]"),
            ("state-delete a b", "unrecognized args: [\"b\"]"),
        ] {
            fixture.fails(line, 2, text);
        }
    }
}
