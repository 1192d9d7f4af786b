//! Long-running operations.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::ArmError;
use crate::ids::ResourceId;

/// The provider that runs an operation: decides the shape of its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Provider {
    Resources,
    Compute,
    Network,
}

/// What is to be done; written with the operation, so that a restart goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Make a VM's guest, or start it if it is there.
    CreateVm,
    /// Take over a VM's new body; nothing else happens.
    UpdateVm,
    StartVm,
    PowerOffVm,
    DeallocateVm,
    RestartVm,
    DeleteVm,
    DeleteGroup,
    /// Remove any other resource.
    Delete,
    /// Fill a new disk with the content of another one.
    CopyDisk,
    /// Let a network resource settle.
    Settle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    InProgress,
    Succeeded,
    Failed,
    Canceled,
}

impl Outcome {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

/// How an injected fault bends an operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bend {
    /// It never ends.
    #[serde(default)]
    pub(crate) hang: bool,
    /// It ends Failed, with this.
    #[serde(default)]
    pub(crate) fail: Option<ArmError>,
    /// The work is done before it fails.
    #[serde(default)]
    pub(crate) effect: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    pub(crate) provider: Provider,
    pub(crate) subscription: String,
    pub(crate) location: String,
    pub(crate) target: ResourceId,
    pub(crate) work: Work,
    pub(crate) outcome: Outcome,
    /// Milliseconds since 1970.
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    /// How long the simulated cloud takes, beyond the real work.
    pub(crate) latency_ms: u64,
    #[serde(default)]
    pub(crate) error: Option<ArmError>,
    #[serde(default)]
    pub(crate) bend: Bend,
}
