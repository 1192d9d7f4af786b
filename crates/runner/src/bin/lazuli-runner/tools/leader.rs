//! `is-leader`, `leader-get` and `leader-set`.

use lazuli_runner::frames::Write;

use super::{Call, Done, Format, Stop, Tool, ToolContext, key_values};
use crate::format::Doc;

/// Says whether the unit leads, for at least 30 s more.
pub(super) static IS_LEADER: Tool = Tool {
    name: "is-leader",
    args: "",
    purpose: "Print application leadership status.",
    flags: &[],
    format: Some(Format::Smart),
    run: is,
};

/// Prints what the leader set.
pub(super) static LEADER_GET: Tool = Tool {
    name: "leader-get",
    args: "[<key>]",
    purpose: "Print application leadership settings.",
    flags: &[],
    format: Some(Format::Smart),
    run: get,
};

/// Sets what all units may read.
pub(super) static LEADER_SET: Tool = Tool {
    name: "leader-set",
    args: "<key>=<value> [...]",
    purpose: "Write application leadership settings.",
    flags: &[],
    format: None,
    run: set,
};

fn is(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    ctx.is_leader("leadership status unknown")
        .map(|leads| Done::print(Doc::Bool(leads)))
}

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let key = call.parsed.positional(0).unwrap_or("-");
    if key.contains('=') {
        return Err(Stop::Usage(format!("invalid key {key:?}")));
    }
    call.no_more_than(1)?;
    let settings = ctx.leader_settings();
    Ok(Done::print(match key {
        "" | "-" => Doc::settings(&settings),
        key => settings.get(key).map_or(Doc::Null, Doc::text),
    }))
}

fn set(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    const REFUSED: &str = "cannot write leadership settings";
    let pairs = key_values(&call.parsed.positionals)?;
    if !ctx.is_leader(REFUSED)? {
        return Err(Stop::Failed(format!(
            "{REFUSED}: {:?} is not the leader of {:?}",
            ctx.unit,
            ctx.application()
        )));
    }
    if pairs.is_empty() {
        return Ok(Done::default());
    }
    Ok(Done::write(Write::LeaderSet {
        settings: pairs
            .into_iter()
            .map(|(key, value)| (key, Some(value).filter(|value| !value.is_empty())))
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazuli_runner::frames::{Question, Write};

    use crate::tools::Leadership;
    use crate::tools::testing::Fixture;

    #[test]
    fn leadership_needs_thirty_seconds() {
        let mut fixture = Fixture::new("a/0");
        fixture.prints("is-leader", "False\n");
        fixture.prints("is-leader --format=json", "false\n");
        fixture.leadership = Leadership::Granted(Duration::from_secs(30));
        fixture.prints("is-leader", "True\n");
        fixture.prints("is-leader --format json", "true\n");
        fixture.leadership = Leadership::Granted(Duration::from_millis(29_999));
        fixture.asks("is-leader", &Question::Leader);
        fixture.leadership = Leadership::Unknown("no connection to the controller".to_owned());
        fixture.fails(
            "is-leader",
            1,
            "leadership status unknown: no connection to the controller",
        );
        fixture.fails("is-leader x", 2, "unrecognized args: [\"x\"]");
    }

    #[test]
    fn the_leader_writes_what_all_read() {
        let mut fixture = Fixture::new("a/0").leader();
        fixture.context.leader_settings = [("a".to_owned(), "1".to_owned())].into();
        let written = fixture.writes(&["leader-set", " b = x=y ", "a="]);
        assert_eq!(
            written,
            [Write::LeaderSet {
                settings: [
                    ("a".to_owned(), None),
                    ("b".to_owned(), Some("x=y".to_owned()))
                ]
                .into()
            }]
        );
        fixture.prints("leader-get", "b: x=y\n");
        fixture.prints("leader-get b", "x=y\n");
        fixture.prints("leader-get a", "");
        fixture.prints("leader-get - --format json", "{\"b\":\"x=y\"}\n");
        fixture.prints("leader-get a --format json", "null\n");
        fixture.fails("leader-get a=b", 2, "invalid key \"a=b\"");
    }

    #[test]
    fn others_do_not_write() {
        let fixture = Fixture::new("a/1");
        for (line, code, text) in [
            (
                "leader-set a=1",
                1,
                "cannot write leadership settings: \"a/1\" is not the leader of \"a\"",
            ),
            ("leader-set a", 2, "expected \"key=value\", got \"a\""),
            (
                "leader-set a=1 a=2",
                2,
                "key \"a\" specified more than once",
            ),
        ] {
            fixture.fails(line, code, text);
        }
    }
}
