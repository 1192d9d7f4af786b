//! Tools of Juju's that have no use on a machine of today: those that it
//! accepts are accepted, those that are for Kubernetes refuse.

use super::{Call, Done, Flag, Stop, Takes, Tool, ToolContext, key_values};

/// Accepted: Juju has no metrics any more.
pub(super) static ADD_METRIC: Tool = Tool {
    name: "add-metric",
    args: "key1=value1 [key2=value2 ...]",
    purpose: "Add metrics (accepted, and kept nowhere).",
    flags: &[Flag {
        names: &["labels", "l"],
        takes: Takes::Value,
        help: "Labels to be associated with metric values",
    }],
    format: None,
    run: add_metric,
};

/// Accepted: what runs on a machine is the charm's own affair.
pub(super) static PAYLOAD_REGISTER: Tool = Tool {
    name: "payload-register",
    args: "<type> <class> <id> [tags...]",
    purpose: "Register a charm payload (accepted, and kept nowhere).",
    flags: &[],
    format: None,
    run: register,
};

/// See [`PAYLOAD_REGISTER`].
pub(super) static PAYLOAD_UNREGISTER: Tool = Tool {
    name: "payload-unregister",
    args: "<class> <id>",
    purpose: "Stop tracking a payload (accepted, and kept nowhere).",
    flags: &[],
    format: None,
    run: unregister,
};

/// See [`PAYLOAD_REGISTER`].
pub(super) static PAYLOAD_STATUS_SET: Tool = Tool {
    name: "payload-status-set",
    args: "<class> <id> <status>",
    purpose: "Update the status of a payload (accepted, and kept nowhere).",
    flags: &[],
    format: None,
    run: set_status,
};

/// A tool for charms in Kubernetes.
const fn kubernetes(name: &'static str, purpose: &'static str) -> Tool {
    Tool {
        name,
        args: "",
        purpose,
        flags: &[Flag {
            names: &["file"],
            takes: Takes::Value,
            help: "File with a Kubernetes specification",
        }],
        format: None,
        run: refuse,
    }
}

/// Refused on machines, as are the next five.
pub(super) static K8S_RAW_GET: Tool = kubernetes("k8s-raw-get", "Get k8s raw spec information.");
/// See [`K8S_RAW_GET`].
pub(super) static K8S_RAW_SET: Tool = kubernetes("k8s-raw-set", "Set k8s raw spec information.");
/// See [`K8S_RAW_GET`].
pub(super) static K8S_SPEC_GET: Tool = kubernetes("k8s-spec-get", "Get k8s spec information.");
/// See [`K8S_RAW_GET`].
pub(super) static K8S_SPEC_SET: Tool = kubernetes("k8s-spec-set", "Set k8s spec information.");
/// See [`K8S_RAW_GET`].
pub(super) static POD_SPEC_GET: Tool = kubernetes("pod-spec-get", "Get k8s spec information.");
/// See [`K8S_RAW_GET`].
pub(super) static POD_SPEC_SET: Tool = kubernetes("pod-spec-set", "Set k8s spec information.");

/// Statuses of payloads (Juju, `core/payloads`).
const STATUSES: [&str; 4] = ["starting", "running", "stopping", "stopped"];

fn add_metric(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    if call.parsed.positionals.is_empty() {
        return Err(Stop::Usage("no metrics specified".to_owned()));
    }
    key_values(&call.parsed.positionals).map(|_| Done::default())
}

/// The arguments that a payload's tool needs.
fn needs(call: &Call, names: [&str; 3], count: usize) -> Result<(), Stop> {
    let missing = names.get(call.parsed.positionals.len()..count);
    match missing.and_then(<[_]>::first) {
        Some(name) => Err(Stop::Usage(format!("missing required {name}"))),
        None => Ok(()),
    }
}

fn register(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    needs(call, ["type", "class", "id"], 3)?;
    Ok(Done::default())
}

fn unregister(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    needs(call, ["class", "id", ""], 2)?;
    call.no_more_than(2)?;
    Ok(Done::default())
}

fn set_status(_: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    needs(call, ["class", "id", "status"], 3)?;
    call.no_more_than(3)?;
    let status = call.parsed.positional(2).unwrap_or_default();
    if STATUSES.contains(&status) {
        return Ok(Done::default());
    }
    Err(Stop::Failed(format!(
        "status {status:?} not supported; expected one of {STATUSES:?}"
    )))
}

fn refuse(_: &ToolContext<'_>, _: &Call) -> Result<Done, Stop> {
    Err(Stop::Failed(
        "k8s specs are not supported on machines".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::tools::testing::Fixture;

    #[test]
    fn what_has_no_use_is_accepted() {
        let fixture = Fixture::new("a/0");
        for line in [
            "add-metric users=3 load=0.5",
            "add-metric --labels a=b users=3",
            "payload-register docker web 0fcgaba tag",
            "payload-status-set web 0fcgaba running",
            "payload-unregister web 0fcgaba",
        ] {
            fixture.prints(line, "");
        }
        for (line, code, text) in [
            ("add-metric", 2, "no metrics specified"),
            ("add-metric x", 2, "expected \"key=value\", got \"x\""),
            ("payload-register docker web", 2, "missing required id"),
            ("payload-unregister", 2, "missing required class"),
            ("payload-unregister a b c", 2, "unrecognized args: [\"c\"]"),
            (
                "payload-status-set web x up",
                1,
                "status \"up\" not supported; expected one of [\"starting\", \"running\", \
                 \"stopping\", \"stopped\"]",
            ),
        ] {
            fixture.fails(line, code, text);
        }
    }

    #[test]
    fn what_is_for_kubernetes_is_refused() {
        let fixture = Fixture::new("a/0").leader();
        for tool in [
            "k8s-raw-get",
            "k8s-raw-set --file=-",
            "k8s-spec-get",
            "k8s-spec-set",
            "pod-spec-get",
            "pod-spec-set",
        ] {
            fixture.fails(tool, 1, "k8s specs are not supported on machines");
        }
    }
}
