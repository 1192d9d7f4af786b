//! What `--help` prints. `ops` reads it: the instance of a storage hook is the
//! default of `storage-get -s`, and stands nowhere else.

use super::{FORMAT_FLAGS, Tool, ToolContext};
use crate::flags::{self, Flag, Takes};
use crate::format::Format;

/// The whole text of a tool, in the layout of Juju's commands.
pub(super) fn text(ctx: &ToolContext<'_>, tool: &Tool) -> String {
    let mut text = format!("Usage: {} [options] {}", tool.name, tool.args);
    text.truncate(text.trim_end().len());
    text.push_str("\n\nSummary:\n");
    text.push_str(tool.purpose);
    text.push('\n');
    let formats = FORMAT_FLAGS.iter().filter(|_| tool.format.is_some());
    let mut shown: Vec<(Vec<String>, &Flag)> = tool
        .flags
        .iter()
        .chain(formats)
        .map(|flag| {
            let mut names: Vec<_> = flag.names.iter().map(|name| flags::dashed(name)).collect();
            names.sort_by_key(String::len);
            (names, flag)
        })
        .collect();
    shown.sort_by(|one, other| by_letters(&one.0).cmp(by_letters(&other.0)));
    for (n, (names, flag)) in shown.iter().enumerate() {
        if n == 0 {
            text.push_str("\nOptions:\n");
        }
        text.push_str(&names.join(", "));
        text.push_str(&default(ctx, tool, flag));
        text.push_str("\n    ");
        text.push_str(flag.help);
        text.push('\n');
    }
    text
}

fn by_letters(names: &[String]) -> &str {
    names
        .first()
        .map_or("", |name| name.trim_start_matches('-'))
}

/// What a flag is when it is not given: plain texts in quotes after one
/// space, all else after two (Juju's `cmd` package).
fn default(ctx: &ToolContext<'_>, tool: &Tool, flag: &Flag) -> String {
    let hook_relation = || {
        let relation = ctx.base.relation.as_ref();
        let known =
            relation.and_then(|hook| ctx.base.relations.iter().find(|row| row.id == hook.id));
        known.map_or_else(String::new, |row| format!("{}:{}", row.endpoint, row.id))
    };
    let value = match (flag.takes, flag.names) {
        (Takes::Nothing, _) => "false".to_owned(),
        (_, ["format"]) => tool.format.map_or("smart", Format::name).to_owned(),
        (_, ["s"]) => {
            let storage = ctx.base.hook_storage.as_ref();
            storage.map_or_else(String::new, |hook| hook.id.clone())
        }
        (_, ["relation", "r"]) => hook_relation(),
        _ => return " (= \"\")".to_owned(),
    };
    format!("  (= {value})")
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::HookStorage;

    use crate::tools::testing::Fixture;

    /// `ops` takes the instance of a storage hook from here.
    #[test]
    fn the_defaults_are_those_of_the_hook() {
        let mut fixture = Fixture::new("a/0");
        let text = |storage: &str| {
            format!(
                "Usage: storage-get [options] [<key>]\n\n\
                 Summary:\n\
                 Print information for the storage instance with the specified ID.\n\n\
                 Options:\n\
                 --format  (= smart)\n    Specify output format (json|smart|yaml)\n\
                 -o, --output (= \"\")\n    Specify an output file\n\
                 -s  (= {storage})\n    Specify a storage instance by id\n"
            )
        };
        fixture.prints("storage-get --help", &text(""));
        fixture.context.hook_storage = Some(HookStorage {
            id: "data/0".to_owned(),
            detaching: false,
        });
        fixture.prints("storage-get --help", &text("data/0"));
    }

    #[test]
    fn a_relation_hook_is_the_default_of_relation_tools() {
        let fixture = Fixture::new("a/0").in_relation_hook();
        let help = fixture.answer(&["relation-get", "-h"]).stdout;
        assert!(help.contains("\n-r, --relation  (= db:1)\n"), "{help}");
        let help = fixture.answer(&["open-port", "-h"]).stdout;
        assert!(help.contains("\n--endpoints (= \"\")\n"), "{help}");
    }
}
