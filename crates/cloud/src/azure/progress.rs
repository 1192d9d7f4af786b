//! How far the cloud is, read from its answers.

use std::time::Duration;

use lazuli_model::state::{Effect, EffectSpec};
use serde_json::Value;

use super::error::Answer;
use super::ids::TAG_CONTROLLER;
use super::list;
use super::transport::Success;
use crate::{Call, CloudError, Progress};

/// Work of the cloud is asked about this often where it names no time. At most
/// 15 times a minute are allowed per virtual machine.
pub(super) const POLL: Duration = Duration::from_secs(4);

pub(super) fn what(verb: &str, effect: &Effect) -> String {
    let role = match &effect.spec {
        EffectSpec::Group { .. } => "resource group",
        EffectSpec::Network { .. } => "network",
        EffectSpec::SecurityGroup { .. } => "security group",
        EffectSpec::NatGateway { .. } => "NAT gateway",
        EffectSpec::PublicAddress { .. } => "public address",
        EffectSpec::Association { .. } => "address association",
        EffectSpec::VirtualMachine(_) => "virtual machine",
        EffectSpec::Disk { .. } => "disk",
        EffectSpec::DataDisks { .. } => "list of disks",
        EffectSpec::Child { .. } => "resource",
    };
    format!("{verb} {role} {}", effect.name)
}

/// Whether a resource's tags name this controller and this row.
pub(super) fn is_ours(call: &Call<'_>, found: &Value) -> bool {
    list::tagged(found) == Some(call.effect.id)
        && found["tags"][TAG_CONTROLLER].as_str() == Some(call.controller.to_string().as_str())
}

pub(super) fn foreign(id: &str) -> Progress {
    Progress::Foreign {
        found: format!("{id} exists and does not carry our tags"),
    }
}

pub(super) fn accepted(
    effect: &Effect,
    operation: Option<String>,
    poll_after: Duration,
) -> Progress {
    Progress::Accepted {
        cloud_id: effect.cloud_id.clone(),
        operation,
        poll_after,
    }
}

/// What a PUT was answered with.
pub(super) fn written(call: &Call<'_>, id: &str, answer: &Success) -> Progress {
    if answer.status != 202 && is_terminal(state(&answer.body)) {
        return Progress::Present {
            cloud_id: id.to_owned(),
        };
    }
    Progress::Accepted {
        cloud_id: Some(id.to_owned()),
        operation: answer
            .operation
            .clone()
            .filter(|_| !matches!(call.effect.spec, EffectSpec::Group { .. })),
        poll_after: answer.retry_after.unwrap_or(POLL),
    }
}

pub(super) fn seen(effect: &Effect, id: &str, found: &Value) -> Progress {
    if is_terminal(state(found)) {
        return Progress::Present {
            cloud_id: id.to_owned(),
        };
    }
    accepted(effect, None, POLL)
}

pub(super) fn state(resource: &Value) -> &str {
    resource["properties"]["provisioningState"]
        .as_str()
        .unwrap_or("Succeeded")
}

pub(super) fn is_terminal(state: &str) -> bool {
    matches!(state, "Succeeded" | "Failed" | "Canceled" | "Cancelled")
}

/// When to ask again, if the work goes on: 202 of a `Location`, or the
/// `status` of an `Azure-AsyncOperation` (which answers 200 at all times).
pub(super) fn running(answer: &Success) -> Option<Duration> {
    let wait = answer.retry_after.unwrap_or(POLL);
    if answer.status == 202 {
        return Some(wait);
    }
    let status = answer.body["status"].as_str()?;
    (!is_terminal(status)).then_some(wait)
}

/// An operation or resource that ended badly is an error.
pub(super) fn fail_on(what: &str, body: &Value) -> Result<(), CloudError> {
    let status = body["status"]
        .as_str()
        .or_else(|| body["provisioningState"].as_str())
        .unwrap_or("Succeeded");
    if matches!(status, "Failed" | "Canceled" | "Cancelled") {
        return Err(Answer {
            what,
            status: 0,
            error: &body["error"],
            retry_after: None,
            correlation: None,
        }
        .into_error());
    }
    Ok(())
}
