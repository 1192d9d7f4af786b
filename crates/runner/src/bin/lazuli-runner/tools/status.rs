//! `status-set` and `status-get`.

use lazuli_runner::frames::{Answer, Question, Write};

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

/// Sets the status of the unit or of the application.
pub(super) static STATUS_SET: Tool = Tool {
    name: "status-set",
    args: "<maintenance | blocked | waiting | active> [message]",
    purpose: "Set status information.",
    flags: &[Flag {
        names: &["application"],
        takes: Takes::Nothing,
        help: "Set this status for the application to which the unit belongs if the unit is the \
               leader",
    }],
    format: None,
    run: set,
};

/// Prints the status of the unit or of the application.
pub(super) static STATUS_GET: Tool = Tool {
    name: "status-get",
    args: "",
    purpose: "Print status information.",
    flags: &[
        Flag {
            names: &["include-data"],
            takes: Takes::Nothing,
            help: "Print all status data",
        },
        Flag {
            names: &["application"],
            takes: Takes::Nothing,
            help: "Print status for all units of this application if this unit is the leader",
        },
    ],
    format: Some(Format::Smart),
    run: get,
};

const STATUSES: [&str; 4] = ["maintenance", "blocked", "waiting", "active"];

fn set(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let Some(status) = call.parsed.positional(0) else {
        return Err(Stop::Usage(
            "invalid args, require <status> [message]".to_owned(),
        ));
    };
    if !STATUSES.contains(&status) {
        return Err(Stop::Usage(format!(
            "invalid status {status:?}, expected one of [{}]",
            STATUSES.join(" ")
        )));
    }
    call.no_more_than(2)?;
    let application = call.parsed.is_set("application");
    if application && !ctx.is_leader("cannot determine leadership status")? {
        return Err(Stop::Failed("this unit is not the leader".to_owned()));
    }
    Ok(Done::write(Write::Status {
        application,
        status: status.to_owned(),
        message: call.parsed.positional(1).unwrap_or_default().to_owned(),
    }))
}

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    let all = call.parsed.is_set("include-data") || call.format != Format::Smart;
    if call.parsed.is_set("application") {
        return application(ctx, all).map(Done::print);
    }
    let status = ctx.status();
    if !all {
        return Ok(Done::print(Doc::text(&status.status)));
    }
    let data = if call.parsed.is_set("include-data") {
        status
            .data
            .iter()
            .map(|(key, value)| (key.clone(), Doc::from(value)))
            .collect()
    } else {
        std::collections::BTreeMap::new()
    };
    let fields = [
        ("message", Doc::text(&status.message)),
        ("status", Doc::text(&status.status)),
        ("status-data", Doc::Map(data)),
    ];
    Ok(Done::print(Doc::Record(fields.into())))
}

fn application(ctx: &ToolContext<'_>, all: bool) -> Result<Doc, Stop> {
    if !ctx.is_leader("cannot determine leadership status")? {
        return Err(Stop::Failed("this unit is not the leader".to_owned()));
    }
    let Answer::Document { value } = ctx.ask(&Question::ApplicationStatus)? else {
        return Err(Stop::Failed(
            "cannot read the application's status: unexpected answer".to_owned(),
        ));
    };
    if all {
        return Ok(Doc::from(value));
    }
    Ok(value
        .pointer("/application-status/status")
        .map_or(Doc::Null, Doc::from))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Answer, Question, Write};
    use serde_json::json;

    use crate::tools::testing::Fixture;

    fn status(application: bool, status: &str, message: &str) -> Write {
        Write::Status {
            application,
            status: status.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_status_is_set() {
        let mut fixture = Fixture::new("a/0").leader();
        for (args, write) in [
            (&["active"][..], status(false, "active", "")),
            (
                &["--application=False", "blocked", "--", "-x y"],
                status(false, "blocked", "-x y"),
            ),
            (
                &["maintenance", "m", "--application"],
                status(true, "maintenance", "m"),
            ),
            (
                &["--application=True", "waiting"],
                status(true, "waiting", ""),
            ),
        ] {
            let args: Vec<&str> = std::iter::once("status-set")
                .chain(args.iter().copied())
                .collect();
            assert_eq!(fixture.writes(&args), [write], "{args:?}");
        }
    }

    #[test]
    fn wrong_statuses() {
        let fixture = Fixture::new("a/0");
        for (line, code, text) in [
            ("status-set", 2, "invalid args, require <status> [message]"),
            (
                "status-set error x",
                2,
                "invalid status \"error\", expected one of [maintenance blocked waiting active]",
            ),
            ("status-set active a b", 2, "unrecognized args: [\"b\"]"),
            (
                "status-set --application active",
                1,
                "this unit is not the leader",
            ),
            ("status-get --application", 1, "this unit is not the leader"),
            ("status-get x", 2, "unrecognized args: [\"x\"]"),
        ] {
            fixture.fails(line, code, text);
        }
    }

    #[test]
    fn the_status_is_shown() {
        let mut fixture = Fixture::new("a/0");
        fixture.context.status.status = "waiting".to_owned();
        fixture.context.status.message = "for db".to_owned();
        fixture.context.status.data.insert("k".to_owned(), json!(1));
        fixture.prints("status-get", "waiting\n");
        fixture.prints(
            "status-get --include-data --format=json --application=false",
            "{\"message\":\"for db\",\"status\":\"waiting\",\"status-data\":{\"k\":1}}\n",
        );
        fixture.prints(
            "status-get --include-data",
            "message: for db\nstatus: waiting\nstatus-data:\n  k: 1\n",
        );
        fixture.prints(
            "status-get --format yaml",
            "message: for db\nstatus: waiting\nstatus-data: {}\n",
        );
        fixture.writes(&["status-set", "active"]);
        fixture.prints("status-get", "active\n");
    }

    #[test]
    fn the_leader_sees_the_application() {
        let mut fixture = Fixture::new("a/0").leader();
        fixture.asks(
            "status-get --application --format=json",
            &Question::ApplicationStatus,
        );
        let value = json!({"application-status": {"status": "active", "units": {}}});
        fixture.answered(Question::ApplicationStatus, Ok(Answer::Document { value }));
        fixture.prints("status-get --application", "active\n");
        fixture.prints(
            "status-get --application=True --include-data --format=json",
            "{\"application-status\":{\"status\":\"active\",\"units\":{}}}\n",
        );
    }
}
