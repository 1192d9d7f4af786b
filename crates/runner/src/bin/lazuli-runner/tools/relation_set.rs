//! `relation-set`.

use std::collections::BTreeMap;

use lazuli_runner::frames::Write;

use super::relation::RELATION_FLAG;
use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext, key_values};

/// Sets the unit's or the application's settings in a relation when the hook
/// succeeds.
pub(super) static RELATION_SET: Tool = Tool {
    name: "relation-set",
    args: "key=value [key=value ...]",
    purpose: "Set relation settings.",
    flags: &[
        RELATION_FLAG,
        Flag {
            names: &["app"],
            takes: Takes::Nothing,
            help: "Pick whether you are setting \"application\" settings or \"unit\" settings",
        },
        Flag {
            names: &["file"],
            takes: Takes::Value,
            help: "File containing key-value pairs; - is standard input",
        },
        Flag {
            names: &["format"],
            takes: Takes::Value,
            help: "(deprecated) Has no effect",
        },
    ],
    format: None,
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let relation = ctx.relation(call.parsed.value("relation"))?.id;
    let pairs = key_values(&call.parsed.positionals)?;
    let app = call.parsed.is_set("app");
    let mut settings: BTreeMap<String, Option<String>> = BTreeMap::new();
    if let Some(file) = call.parsed.value("file").filter(|file| !file.is_empty()) {
        let text = ctx.input(file)?;
        if !text.trim().is_empty() {
            settings = serde_yaml::from_str(text).map_err(|error| {
                Stop::Failed(format!(
                    "cannot read settings from {file:?}: expected a YAML map of strings: {error}"
                ))
            })?;
        }
    }
    settings.extend(pairs.into_iter().map(|(key, value)| (key, Some(value))));
    if app && !ctx.is_leader("cannot determine leadership status")? {
        return Err(Stop::Failed("cannot write relation settings".to_owned()));
    }
    if settings.is_empty() {
        return Ok(Done::default());
    }
    for value in settings.values_mut() {
        // An empty value deletes.
        *value = value.take().filter(|value| !value.is_empty());
    }
    Ok(Done::write(Write::RelationSet {
        relation,
        app,
        settings,
    }))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::Write;

    use crate::tools::testing::Fixture;
    use crate::tools::{Input, Leadership, Step};

    fn set(app: bool, settings: &[(&str, Option<&str>)]) -> Write {
        Write::RelationSet {
            relation: 1,
            app,
            settings: settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
                .collect(),
        }
    }

    #[test]
    fn pairs_are_set() {
        let mut fixture = Fixture::new("a/0").in_relation_hook().leader();
        assert_eq!(
            fixture.writes(&["relation-set", "a=b=c", "gone=", "", " k = v w "]),
            [set(
                false,
                &[("a", Some("b=c")), ("gone", None), ("k", Some("v w"))]
            )]
        );
        assert_eq!(
            fixture.writes(&[
                "relation-set",
                "-r",
                "db:1",
                "--app",
                "--format=json",
                "x=1"
            ]),
            [set(true, &[("x", Some("1"))])]
        );
        assert_eq!(fixture.writes(&["relation-set"]), []);
        assert_eq!(
            fixture.session.buffered(),
            [
                set(
                    false,
                    &[("a", Some("b=c")), ("gone", None), ("k", Some("v w"))]
                ),
                set(true, &[("x", Some("1"))])
            ]
        );
    }

    #[test]
    fn a_file_is_read_first_and_arguments_win() {
        let mut fixture = Fixture::new("a/0").in_relation_hook();
        assert_eq!(
            fixture.step(&["relation-set", "--file", "-", "a=arg"]),
            Step::Need(None)
        );
        assert_eq!(
            fixture.step(&["relation-set", "--file", "settings.yaml"]),
            Step::Need(Some("settings.yaml".to_owned()))
        );
        for text in [
            "a: file\nn: 010\nv: 1.10\nnothing: null\nempty: ''\nt: true\n",
            r#"{"a":"file","n":"010","v":"1.10","nothing":null,"empty":"","t":"true"}"#,
        ] {
            fixture.input = Some(Input {
                text: Ok(text.to_owned()),
            });
            assert_eq!(
                fixture
                    .answer(&["relation-set", "--file", "-", "a=arg"])
                    .writes,
                [set(
                    false,
                    &[
                        ("a", Some("arg")),
                        ("n", Some("010")),
                        ("v", Some("1.10")),
                        ("nothing", None),
                        ("empty", None),
                        ("t", Some("true")),
                    ]
                )]
            );
        }
        fixture.input = Some(Input {
            text: Ok(String::new()),
        });
        assert_eq!(fixture.answer(&["relation-set", "--file=-"]).writes, []);
        fixture.input = Some(Input {
            text: Err("standard input is too long".to_owned()),
        });
        fixture.fails("relation-set --file -", 1, "standard input is too long");
    }

    #[test]
    fn wrong_writes() {
        let mut fixture = Fixture::new("a/1").in_relation_hook();
        for (args, code, text) in [
            ("--app a=b", 1, "cannot write relation settings"),
            ("ab", 2, "expected \"key=value\", got \"ab\""),
            ("=b", 2, "expected \"key=value\", got \"=b\""),
            ("a=1 a=2", 2, "key \"a\" specified more than once"),
            (
                "-r 7 a=1",
                2,
                "invalid value \"7\" for option -r: relation not found",
            ),
        ] {
            fixture.fails(&format!("relation-set {args}"), code, text);
        }
        fixture.leadership = Leadership::Unknown("no connection to the controller".to_owned());
        fixture.fails(
            "relation-set --app a=b",
            1,
            "cannot determine leadership status: no connection to the controller",
        );
        fixture.context.relation = None;
        fixture.fails("relation-set a=b", 2, "no relation id specified");
        fixture.input = Some(Input {
            text: Ok("- a\n- b\n".to_owned()),
        });
        let answer = fixture.answer(&["relation-set", "-r", "1", "--file", "-"]);
        assert_eq!(answer.code, 1);
        assert!(answer.stderr.starts_with(
            "ERROR cannot read settings from \"-\": expected a YAML map of strings: "
        ));
    }

    #[test]
    fn a_hook_does_not_write_without_bound() {
        let mut fixture = Fixture::new("a/0").in_relation_hook();
        let value = "x".repeat(3 << 19);
        let write = |key: &str| set(false, &[(key, Some(value.as_str()))]);
        fixture.session.apply(&write("a")).unwrap();
        fixture.session.apply(&write("a")).unwrap();
        let error = fixture.session.apply(&write("b")).unwrap_err();
        assert!(error.contains("over the limit"), "{error}");
        assert_eq!(fixture.session.buffered(), [write("a")]);
    }
}
