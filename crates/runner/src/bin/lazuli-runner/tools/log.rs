//! `juju-log`.

use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext};

/// Writes to the model's log.
pub(super) static JUJU_LOG: Tool = Tool {
    name: "juju-log",
    args: "<message>",
    purpose: "Write a message to the log.",
    flags: &[
        Flag {
            names: &["debug"],
            takes: Takes::Nothing,
            help: "Log at debug level",
        },
        Flag {
            names: &["log-level", "l"],
            takes: Takes::Value,
            help: "Log at this level (default INFO)",
        },
    ],
    format: None,
    run,
};

const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    if call.parsed.positionals.is_empty() {
        return Err(Stop::Usage("no message specified".to_owned()));
    }
    let prefix = ctx
        .base
        .relation
        .as_ref()
        .and_then(|hook| ctx.base.relations.iter().find(|known| known.id == hook.id))
        .map(|relation| format!("{}:{}: ", relation.endpoint, relation.id))
        .unwrap_or_default();
    let mut logs = Vec::new();
    let level = if call.parsed.is_set("debug") {
        "DEBUG"
    } else {
        let asked = call.parsed.value("log-level").unwrap_or_default();
        let upper = asked.to_ascii_uppercase();
        let known = LEVELS.iter().find(|level| **level == upper).copied();
        if known.is_none() && !matches!(upper.as_str(), "" | "WARN") {
            // As Juju has it: said in the log, not an error.
            logs.push((
                "WARNING",
                format!("{prefix}specified log level of {asked:?} is not valid"),
            ));
        }
        match upper.as_str() {
            "WARN" => "WARNING",
            _ => known.unwrap_or("INFO"),
        }
    };
    logs.push((
        level,
        format!("{prefix}{}", call.parsed.positionals.join(" ")),
    ));
    Ok(Done {
        logs,
        ..Done::default()
    })
}

#[cfg(test)]
mod tests {
    use crate::tools::testing::Fixture;

    #[test]
    fn levels_and_words() {
        let fixture = Fixture::new("a/0");
        for (args, level, text) in [
            (&["hello", "world"][..], "INFO", "hello world"),
            (&["-l", "ERROR", "x"], "ERROR", "x"),
            (&["--log-level", "critical", "--", "-x"], "CRITICAL", "-x"),
            (&["x", "--log-level=TRACE"], "TRACE", "x"),
            (&["--debug", "-l", "ERROR", "x"], "DEBUG", "x"),
            (&[""], "INFO", ""),
        ] {
            let args: Vec<&str> = std::iter::once("juju-log")
                .chain(args.iter().copied())
                .collect();
            let answer = fixture.answer(&args);
            assert_eq!(answer.code, 0, "{args:?}");
            assert_eq!(answer.logs, [(level, text.to_owned())], "{args:?}");
        }
    }

    #[test]
    fn an_unknown_level_is_warned_of() {
        let answer = Fixture::new("a/0").answer(&["juju-log", "-l", "LOUD", "x"]);
        assert_eq!(answer.code, 0);
        assert_eq!(
            answer.logs,
            [
                (
                    "WARNING",
                    "specified log level of \"LOUD\" is not valid".to_owned()
                ),
                ("INFO", "x".to_owned())
            ]
        );
    }

    #[test]
    fn a_relation_hook_is_named() {
        let answer = Fixture::new("a/0")
            .in_relation_hook()
            .answer(&["juju-log", "x"]);
        assert_eq!(answer.logs, [("INFO", "db:1: x".to_owned())]);
    }

    #[test]
    fn something_must_be_said() {
        Fixture::new("a/0").fails("juju-log -l INFO", 2, "no message specified");
    }
}
