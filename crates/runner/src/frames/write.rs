//! What a hook's tools write.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A write of a hook tool. Buffered ones travel with the outcome and are
/// committed if and only if the hook succeeded; immediate ones
/// (`status-set`, `leader-set`, `application-version-set`) travel at once and
/// are committed in order, whatever becomes of the hook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "w", rename_all = "kebab-case")]
pub enum Write {
    /// `relation-set`: buffered.
    RelationSet {
        /// The relation's number.
        relation: u64,
        /// The application's bag rather than the unit's.
        app: bool,
        /// Key to value; none deletes the key.
        settings: BTreeMap<String, Option<String>>,
    },
    /// `state-set` and `state-delete`: buffered.
    State {
        /// Key to value; none deletes the key.
        state: BTreeMap<String, Option<String>>,
    },
    /// `juju-reboot`: kept until the hook has ended, and told when the machine
    /// is about to reboot for it.
    Reboot {
        /// The hook is ended at once, and runs again afterwards.
        now: bool,
    },
    /// `open-port`: buffered.
    OpenPort {
        /// Endpoint, or empty for all.
        endpoint: String,
        /// The range.
        range: PortRange,
    },
    /// `close-port`: buffered.
    ClosePort {
        /// Endpoint, or empty for all.
        endpoint: String,
        /// The range.
        range: PortRange,
    },
    /// `secret-add` and those that change a secret: buffered.
    Secret {
        /// What is written.
        write: super::SecretWrite,
    },
    /// `storage-add`: buffered.
    StorageAdd {
        /// The charm's store.
        store: String,
        /// How many instances.
        count: u32,
    },
    /// `status-set`: immediate.
    Status {
        /// The application's status rather than the unit's.
        application: bool,
        /// The word.
        status: String,
        /// The text.
        message: String,
    },
    /// `leader-set`: immediate.
    LeaderSet {
        /// Key to value; none deletes the key.
        settings: BTreeMap<String, Option<String>>,
    },
    /// `application-version-set`: immediate.
    WorkloadVersion {
        /// The version.
        version: String,
    },
    /// `action-log`: immediate.
    ActionLog {
        /// What it says.
        message: String,
    },
    /// `action-set`: kept on the machine, part of the task's result.
    ActionSet {
        /// The keys, from the outermost.
        path: Vec<String>,
        /// The value.
        value: String,
    },
    /// `action-fail`: kept on the machine, part of the task's result.
    ActionFail {
        /// Why, for people.
        message: String,
    },
}

impl Write {
    /// Whether the write is committed at once rather than with the outcome.
    #[must_use]
    pub fn is_immediate(&self) -> bool {
        match self {
            Self::Status { .. }
            | Self::LeaderSet { .. }
            | Self::WorkloadVersion { .. }
            | Self::ActionLog { .. } => true,
            Self::RelationSet { .. }
            | Self::State { .. }
            | Self::Reboot { .. }
            | Self::OpenPort { .. }
            | Self::ClosePort { .. }
            | Self::Secret { .. }
            | Self::StorageAdd { .. }
            | Self::ActionSet { .. }
            | Self::ActionFail { .. } => false,
        }
    }
}

/// A range of ports of one protocol, in Juju's notation: `80/tcp`,
/// `8080-8088/udp`, `icmp`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// First port; 0 for icmp.
    pub from: u16,
    /// Last port; 0 for icmp.
    pub to: u16,
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.protocol == "icmp" {
            f.write_str("icmp")
        } else if self.from == self.to {
            write!(f, "{}/{}", self.from, self.protocol)
        } else {
            write!(f, "{}-{}/{}", self.from, self.to, self.protocol)
        }
    }
}
