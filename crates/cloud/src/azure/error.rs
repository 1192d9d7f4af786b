//! What an answer of ARM means.

use std::time::Duration;

use lazuli_model::state::FailureClass;
use serde_json::Value;

use crate::CloudError;

/// An answer that is not a success, or an operation that failed.
pub(super) struct Answer<'a> {
    /// What was attempted.
    pub(super) what: &'a str,
    /// The HTTP status; 0 for the error within an operation.
    pub(super) status: u16,
    /// The `error` object.
    pub(super) error: &'a Value,
    /// From the answer's header.
    pub(super) retry_after: Option<Duration>,
    /// From the answer's header.
    pub(super) correlation: Option<String>,
}

impl Answer<'_> {
    pub(super) fn into_error(self) -> CloudError {
        let text = |key: &str| self.error[key].as_str().unwrap_or_default().to_owned();
        let mut code = text("code");
        let mut message = text("message");
        // A template's or a batch's error wraps the one that tells something.
        if let Some(detail) = self.error["details"].get(0)
            && matches!(
                code.as_str(),
                "DeploymentFailed" | "MultipleErrorsOccurred" | ""
            )
        {
            code = detail["code"].as_str().unwrap_or_default().to_owned();
            message = detail["message"].as_str().unwrap_or_default().to_owned();
        }
        if code.is_empty() {
            code = format!("Http{}", self.status);
        }
        if message.is_empty() {
            "the cloud gave no reason".clone_into(&mut message);
        }
        let class = class(self.status, &code, &message);
        CloudError {
            what: self.what.to_owned(),
            class,
            hint: hint(class, &code, &message),
            code,
            message,
            retry_after: self.retry_after,
            correlation: self.correlation,
            effect_unknown: matches!(self.status, 408 | 500 | 502 | 503 | 504),
        }
    }
}

/// The class of an error (codes: Microsoft's ARM and Compute documentation).
fn class(status: u16, code: &str, message: &str) -> FailureClass {
    match code {
        "SkuNotAvailable"
        | "AllocationFailed"
        | "ZonalAllocationFailed"
        | "OverconstrainedAllocationRequest"
        | "OverconstrainedZonalAllocationRequest" => return FailureClass::Capacity,
        "QuotaExceeded"
        | "PublicIPCountLimitReached"
        | "StaticPublicIPCountLimitReached"
        | "PublicIPAddressCountLimitReached" => return FailureClass::Quota,
        "OperationNotAllowed" if message.contains("quota") => return FailureClass::Quota,
        "AuthorizationFailed"
        | "LinkedAuthorizationFailed"
        | "InvalidAuthenticationToken"
        | "ExpiredAuthenticationToken"
        | "AuthenticationFailed" => return FailureClass::Auth,
        "TooManyRequests" | "SubscriptionRequestsThrottled" => return FailureClass::Throttled,
        "OperationPreempted"
        | "RetryableErrorDueToAnotherOperation"
        | "AnotherOperationInProgress"
        | "NicInUse"
        | "NicReservedForAnotherVm"
        | "ResourceGroupBeingDeleted" => return FailureClass::Conflict,
        "OSProvisioningTimedOut"
        | "InternalExecutionError"
        | "NetworkingInternalOperationError"
        | "InternalServerError" => return FailureClass::Transient,
        _ if code.starts_with("InUse")
            || code.ends_with("InUse")
            || code.ends_with("CannotBeDeleted") =>
        {
            return FailureClass::Conflict;
        }
        _ => {}
    }
    match status {
        401 | 403 => FailureClass::Auth,
        404 | 410 => FailureClass::Gone,
        409 | 412 => FailureClass::Conflict,
        429 => FailureClass::Throttled,
        400 | 405 | 413 | 415 | 422 => FailureClass::Invalid,
        _ => FailureClass::Transient,
    }
}

/// What a person can do.
fn hint(class: FailureClass, code: &str, message: &str) -> Option<String> {
    match class {
        FailureClass::Quota => Some(match new_limit(message) {
            Some(limit) => format!(
                "raise the quota to at least {limit}: az quota update, or Quotas in the portal"
            ),
            None => "raise the quota: az quota update, or Quotas in the portal".to_owned(),
        }),
        FailureClass::Auth if code.ends_with("AuthorizationFailed") => Some(
            match (quoted(message, "action "), quoted(message, "scope ")) {
                (Some(action), Some(scope)) => {
                    format!(
                        "give the client a role that allows {action} on {scope}: az role assignment create --scope {scope}"
                    )
                }
                _ => {
                    "give the client a role that allows this: az role assignment create".to_owned()
                }
            },
        ),
        FailureClass::Auth => Some(CHECK_CLIENT.to_owned()),
        FailureClass::Transient
        | FailureClass::Throttled
        | FailureClass::Conflict
        | FailureClass::Capacity
        | FailureClass::Gone
        | FailureClass::Down
        | FailureClass::Invalid
        | FailureClass::Bug => None,
    }
}

/// What to do when the client is not let in.
pub(super) const CHECK_CLIENT: &str = "check the client, its secret and its tenant";

/// The word in single quotes after the first `before`.
fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(&format!("{before}'"))?;
    Some(rest.split_once('\'')?.0)
}

/// `(Minimum) New Limit Required: N` of Compute's quota errors.
fn new_limit(message: &str) -> Option<u64> {
    let rest = message.split("New Limit Required: ").nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A request that got no answer, or none that is understood.
pub(super) fn unanswered(what: &str, message: String, effect_unknown: bool) -> CloudError {
    CloudError {
        what: what.to_owned(),
        class: FailureClass::Transient,
        code: "NoAnswer".to_owned(),
        message,
        hint: None,
        retry_after: None,
        correlation: None,
        effect_unknown,
    }
}

/// A request that cannot be right.
pub(super) fn invalid(what: &str, message: String) -> CloudError {
    CloudError {
        class: FailureClass::Invalid,
        code: "InvalidRequest".to_owned(),
        ..unanswered(what, message, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(status: u16, body: &Value) -> CloudError {
        Answer {
            what: "create virtual machine m-0-g1",
            status,
            error: body,
            retry_after: None,
            correlation: None,
        }
        .into_error()
    }

    #[test]
    fn quota_names_the_limit_that_is_needed() {
        let message = "Operation could not be completed as it results in exceeding approved \
            Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, \
            Location: eastus, Current Limit: 10, Current Usage: 10, Additional Required: 2, \
            (Minimum) New Limit Required: 12.";
        let error = error(
            409,
            &json!({"code": "OperationNotAllowed", "message": message}),
        );
        assert_eq!(error.class, FailureClass::Quota);
        assert!(
            error
                .hint
                .as_deref()
                .is_some_and(|hint| hint.contains("at least 12"))
        );
        assert!(error.to_string().contains(message));
    }

    #[test]
    fn classes_follow_code_before_status() {
        let class = |status, code: &str| error(status, &json!({"code": code})).class;
        assert_eq!(class(409, "SkuNotAvailable"), FailureClass::Capacity);
        assert_eq!(class(0, "AllocationFailed"), FailureClass::Capacity);
        assert_eq!(
            class(409, "InUseSubnetCannotBeDeleted"),
            FailureClass::Conflict
        );
        assert_eq!(
            class(429, "RetryableErrorDueToAnotherOperation"),
            FailureClass::Conflict
        );
        assert_eq!(class(429, ""), FailureClass::Throttled);
        assert_eq!(class(403, "AuthorizationFailed"), FailureClass::Auth);
        assert_eq!(class(503, ""), FailureClass::Transient);
        assert!(error(503, &Value::Null).effect_unknown);
        assert!(!error(409, &Value::Null).effect_unknown);
    }
}
