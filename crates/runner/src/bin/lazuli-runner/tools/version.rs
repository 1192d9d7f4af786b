//! `application-version-set`.

use lazuli_runner::frames::Write;

use super::{Call, Done, Stop, Tool, ToolContext};

/// Says which version of the workload runs.
pub(super) static APPLICATION_VERSION_SET: Tool = Tool {
    name: "application-version-set",
    args: "<new-version>",
    purpose: "Specify which version of the application is deployed.",
    flags: &[],
    format: None,
    run,
};

fn run(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let Some(version) = call.parsed.positional(0) else {
        return Err(Stop::Usage("no version specified".to_owned()));
    };
    call.no_more_than(1)?;
    Ok(Done::write(Write::WorkloadVersion {
        version: version.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::Write;

    use crate::tools::testing::Fixture;

    #[test]
    fn the_version_is_written() {
        let mut fixture = Fixture::new("a/0");
        let write = Write::WorkloadVersion {
            version: "8.0".to_owned(),
        };
        assert_eq!(
            fixture.writes(&["application-version-set", "--", "8.0"]),
            [write]
        );
        fixture.fails("application-version-set", 2, "no version specified");
        fixture.fails(
            "application-version-set 1 2",
            2,
            "unrecognized args: [\"2\"]",
        );
    }
}
