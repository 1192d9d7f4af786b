//! The status of long-running operations, and the URLs where it is found.

use serde_json::json;
use uuid::Uuid;

use super::common::Answer;
use super::vm_view::timestamp;
use crate::error::ArmError;
use crate::operation::{Operation, Outcome, Provider, Work};
use crate::state::Tx;

/// The `Azure-AsyncOperation` URL; groups have none.
pub(crate) fn status_url(base: &str, version: &str, operation: &Operation) -> Option<String> {
    let provider = match operation.provider {
        Provider::Resources => return None,
        Provider::Compute => "Microsoft.Compute",
        Provider::Network => "Microsoft.Network",
    };
    Some(format!(
        "{base}/subscriptions/{}/providers/{provider}/locations/{}/operations/{}?api-version={version}",
        operation.subscription, operation.location, operation.id
    ))
}

/// The `Location` URL.
pub(crate) fn result_url(base: &str, version: &str, operation: &Operation) -> String {
    let Operation {
        subscription,
        location,
        id,
        ..
    } = operation;
    match operation.provider {
        Provider::Resources => {
            format!(
                "{base}/subscriptions/{subscription}/operationresults/{id}?api-version={version}"
            )
        }
        Provider::Compute => format!(
            "{base}/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/operations/{id}?monitor=true&api-version={version}"
        ),
        Provider::Network => format!(
            "{base}/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/operationResults/{id}?api-version={version}"
        ),
    }
}

fn find<'t>(tx: &'t Tx<'_>, id: &str) -> Result<&'t Operation, ArmError> {
    Uuid::try_parse(id)
        .ok()
        .and_then(|id| tx.cloud().operation(id))
        .ok_or_else(|| {
            ArmError::new(
                404,
                "NotFound",
                format!("The entity was not found: operation {id}."),
            )
        })
}

/// The status resource: always 200, whatever became of the operation.
pub(crate) fn status(tx: &Tx<'_>, id: &str) -> Result<Answer, ArmError> {
    let operation = find(tx, id)?;
    let mut body = json!({
        "name": operation.id.to_string(),
        "startTime": timestamp(operation.started_ms),
        "status": operation.outcome.text(),
    });
    if let Some(ended) = operation.ended_ms {
        body["endTime"] = json!(timestamp(ended));
    }
    if let Some(error) = &operation.error {
        body["error"] = error.object();
    }
    let mut answer = Answer::ok(body);
    if operation.outcome == Outcome::InProgress {
        answer.status_of = Some(operation.id);
    }
    Ok(answer)
}

/// The result: 202 while it runs, then what a synchronous call had answered.
pub(crate) fn result(tx: &Tx<'_>, id: &str) -> Result<Answer, ArmError> {
    let operation = find(tx, id)?;
    match (operation.outcome, &operation.error) {
        (Outcome::InProgress, _) => Ok(Answer::accepted(operation.id)),
        (_, Some(error)) => Err(error.clone()),
        (_, None) => Ok(Answer::empty(match operation.work {
            Work::Delete | Work::DeleteVm => 204,
            _ => 200,
        })),
    }
}

/// The error of a failed operation as the resource's own view shows it.
pub(crate) fn internal(message: impl Into<String>) -> ArmError {
    ArmError::new(500, "InternalExecutionError", message)
}
