//! Errors of a cloud, classed, in the cloud's own words.

use std::time::Duration;

use lazuli_model::state::FailureClass;

/// A call failed. The text says what failed and what to do; `message` alone
/// is the cloud's, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {code}: {message}{}", hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct CloudError {
    /// What was attempted, such as `create virtual machine m-3-g1`.
    pub what: String,
    /// What to do next follows from it.
    pub class: FailureClass,
    /// The cloud's error code, or ours where it gave none.
    pub code: String,
    /// The cloud's own words.
    pub message: String,
    /// What a person can do, such as the command that raises a quota.
    pub hint: Option<String>,
    /// Not to be tried before this has passed, where the cloud says so.
    pub retry_after: Option<Duration>,
    /// The cloud's correlation id, for its support.
    pub correlation: Option<String>,
    /// Whether the call may have taken effect all the same: a time-out, a cut
    /// connection, a gateway's error.
    pub effect_unknown: bool,
}
