//! `credential-get`.

use lazuli_runner::frames::{Answer, Question};

use super::{Call, Done, Format, Stop, Tool, ToolContext};
use crate::format::Doc;

/// Prints the cloud's specification, credential included, to applications
/// that are trusted.
pub(super) static CREDENTIAL_GET: Tool = Tool {
    name: "credential-get",
    args: "",
    purpose: "Access cloud credentials.",
    flags: &[],
    format: Some(Format::Smart),
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    match ctx.ask(&Question::CloudSpec) {
        Ok(Answer::Document { value }) => Ok(Done::print(Doc::from(value))),
        Ok(_) => Err(Stop::Failed(
            "cannot access cloud credentials: unexpected answer".to_owned(),
        )),
        Err(stop) => Err(stop),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question};

    use crate::tools::testing::Fixture;

    #[test]
    fn the_cloud_is_shown_or_refused_as_the_controller_says() {
        let mut fixture = Fixture::new("a/0");
        fixture.asks("credential-get", &Question::CloudSpec);
        fixture.answered(Question::CloudSpec, Err("cannot access cloud credentials"));
        fixture.fails("credential-get", 1, "cannot access cloud credentials");
        let mut fixture = Fixture::new("a/0");
        let value = serde_json::json!({ "name": "azure", "type": "azure" });
        fixture.answered(Question::CloudSpec, Ok(Answer::Document { value }));
        fixture.prints(
            "credential-get --format=json",
            "{\"name\":\"azure\",\"type\":\"azure\"}\n",
        );
        fixture.prints("credential-get", "name: azure\ntype: azure\n");
        fixture.fails("credential-get x", 2, "unrecognized args: [\"x\"]");
    }
}
