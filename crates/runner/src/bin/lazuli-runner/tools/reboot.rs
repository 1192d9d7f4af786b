//! `juju-reboot`.

use lazuli_runner::frames::Write;

use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext};

/// Reboots the machine once the hook has succeeded, or at once.
pub(super) static JUJU_REBOOT: Tool = Tool {
    name: "juju-reboot",
    args: "",
    purpose: "Reboot the host machine.",
    flags: &[Flag {
        names: &["now"],
        takes: Takes::Nothing,
        help: "Reboot immediately, killing the invoking process",
    }],
    format: None,
    run,
};

fn run(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    if ctx.task().is_ok() {
        return Err(Stop::Failed(
            "juju-reboot is not supported when running an action.".to_owned(),
        ));
    }
    let now = call.parsed.is_set("now");
    Ok(Done::write(Write::Reboot { now }))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{TaskContext, Write};

    use crate::tools::Reboot;
    use crate::tools::testing::Fixture;

    #[test]
    fn a_reboot_is_asked_for_and_a_sooner_one_counts() {
        let mut fixture = Fixture::new("a/0");
        assert_eq!(fixture.session.reboot(), None);
        let asked = fixture.writes(&["juju-reboot"]);
        assert_eq!(asked, [Write::Reboot { now: false }]);
        assert_eq!(fixture.session.reboot(), Some(Reboot::After));
        let asked = fixture.writes(&["juju-reboot", "--now"]);
        assert_eq!(asked, [Write::Reboot { now: true }]);
        fixture.writes(&["juju-reboot"]);
        assert_eq!(fixture.session.reboot(), Some(Reboot::Now));
        // It is no write of the outcome.
        assert_eq!(fixture.session.buffered(), []);
        fixture.fails("juju-reboot now", 2, "unrecognized args: [\"now\"]");
    }

    #[test]
    fn no_action_reboots_the_machine() {
        let mut fixture = Fixture::new("a/0");
        fixture.context.task = Some(TaskContext {
            id: "2".to_owned(),
            ..TaskContext::default()
        });
        let words = "juju-reboot is not supported when running an action.";
        fixture.fails("juju-reboot --now", 1, words);
    }
}
