//! `config-get`.

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

/// Prints the application's configuration.
pub(super) static CONFIG_GET: Tool = Tool {
    name: "config-get",
    args: "[<key>]",
    purpose: "Print application configuration.",
    flags: &[Flag {
        names: &["all", "a"],
        takes: Takes::Nothing,
        help: "Print all keys, also those without a value",
    }],
    format: Some(Format::Smart),
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let all = call.parsed.is_set("all");
    let key = call.parsed.positional(0).unwrap_or_default();
    if all && !key.is_empty() {
        return Err(Stop::Usage(format!(
            "cannot use argument --all together with key {key:?}"
        )));
    }
    call.no_more_than(1)?;
    let config = &ctx.base.config;
    let doc = if key.is_empty() {
        Doc::Map(
            config
                .iter()
                .filter(|(_, value)| all || !value.is_null())
                .map(|(key, value)| (key.clone(), Doc::from(value)))
                .collect(),
        )
    } else {
        config.get(key).map_or(Doc::Null, Doc::from)
    };
    Ok(Done::print(doc))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::tools::testing::Fixture;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new("a/0");
        for (key, value) in [
            ("port", json!(1024)),
            ("ratio", json!(2.0)),
            ("name", json!("x y")),
            ("empty", json!("")),
            ("on", json!(true)),
            ("unset", json!(null)),
        ] {
            fixture.context.config.insert(key.to_owned(), value);
        }
        fixture
    }

    #[test]
    fn one_key() {
        let fixture = fixture();
        for (args, stdout) in [
            ("port", "1024\n"),
            ("ratio", "2\n"),
            ("name", "x y\n"),
            ("empty", ""),
            ("on", "True\n"),
            ("unset", ""),
            ("unknown", ""),
            ("unset --format json", "null\n"),
            ("unknown --format=json", "null\n"),
            ("name --format json", "\"x y\"\n"),
            ("--format yaml on", "true\n"),
        ] {
            fixture.prints(&format!("config-get {args}"), stdout);
        }
    }

    #[test]
    fn all_keys() {
        let fixture = fixture();
        let some = "empty: \"\"\nname: x y\n\"on\": true\nport: 1024\nratio: 2\n";
        fixture.prints("config-get", some);
        fixture.prints_args(&["config-get", ""], some);
        fixture.prints("config-get -a", &format!("{some}unset: null\n"));
        fixture.prints(
            "config-get --all --format=json",
            "{\"empty\":\"\",\"name\":\"x y\",\"on\":true,\"port\":1024,\"ratio\":2,\
             \"unset\":null}\n",
        );
        fixture.prints(
            "config-get --format=json",
            "{\"empty\":\"\",\"name\":\"x y\",\"on\":true,\"port\":1024,\"ratio\":2}\n",
        );
    }

    #[test]
    fn wrong_arguments() {
        let fixture = fixture();
        for (args, text) in [
            (
                "--all port",
                "cannot use argument --all together with key \"port\"",
            ),
            ("port x", "unrecognized args: [\"x\"]"),
            (
                "--format nope",
                "invalid value \"nope\" for option --format: unknown format \"nope\"",
            ),
            ("--nope", "option provided but not defined: --nope"),
        ] {
            fixture.fails(&format!("config-get {args}"), 2, text);
        }
    }
}
