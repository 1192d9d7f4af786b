//! `resource-get`.

use lazuli_runner::frames::{Answer, Question};

use super::{Call, Done, Stop, Tool, ToolContext};

/// Prints the path of a resource of the application, after it was brought to
/// the machine.
pub(super) static RESOURCE_GET: Tool = Tool {
    name: "resource-get",
    args: "<resource name>",
    purpose: "Get the path to the locally cached resource file.",
    flags: &[],
    format: None,
    run: get,
};

/// What Juju says before any reason.
const REFUSED: &str = "could not download resource";

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let name = call.parsed.positional(0).unwrap_or_default();
    if name.is_empty() {
        return Err(Stop::Usage("missing required resource name".to_owned()));
    }
    call.no_more_than(1)?;
    let question = Question::Resource {
        name: name.to_owned(),
    };
    let answer = ctx.ask(&question).map_err(|stop| match stop {
        Stop::Failed(reason) => Stop::Failed(format!("{REFUSED}: {reason}")),
        other => other,
    })?;
    match answer {
        Answer::Document { value } => Ok(Done {
            // Without a newline, as in Juju.
            raw: value.as_str().unwrap_or_default().to_owned(),
            ..Done::default()
        }),
        _ => Err(Stop::Failed(format!("{REFUSED}: unexpected answer"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::testing::Fixture;

    /// Checklist 26: a path without newline; the same within a hook; exit 1
    /// when nobody has given it.
    #[test]
    fn it_prints_the_path_without_newline() {
        let mut fixture = Fixture::new("a/0");
        let question = |name: &str| Question::Resource {
            name: name.to_owned(),
        };
        fixture.asks("resource-get site", &question("site"));
        let path = "/var/lib/juju/agents/unit-a-0/resources/site/site.tar";
        let found = Answer::Document { value: json!(path) };
        fixture.answered(question("site"), Ok(found));
        fixture.prints("resource-get site", path);
        fixture.answered(question("none"), Err("resource#a/none not found"));
        fixture.fails(
            "resource-get none",
            1,
            "could not download resource: resource#a/none not found",
        );
        fixture.fails("resource-get", 2, "missing required resource name");
        fixture.fails("resource-get a b", 2, "unrecognized args: [\"b\"]");
    }
}
