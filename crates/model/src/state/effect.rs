//! The ledger: every resource of a cloud, committed before it is asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::FailureClass;
use crate::id::{EffectId, MachineId, StorageInstanceId};

/// A row of the ledger. Decided by the planner, advanced by observations.
/// The frozen body (which holds key material) is kept beside it, encrypted,
/// and is not part of this value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its id: derived from role and name, so a name is never used again.
    pub id: EffectId,
    /// The machine it is for; none for what the model shares.
    pub machine: Option<MachineId>,
    /// The effect whose PUT makes it (a VM's NIC, address, disk).
    pub parent: Option<EffectId>,
    /// The name at the cloud.
    pub name: String,
    /// What it should be.
    pub spec: EffectSpec,
    /// Where it stands.
    pub state: EffectState,
    /// The cloud's id, once known.
    pub cloud_id: Option<String>,
    /// Why the last try failed, if it did, or what is the matter with what
    /// was made.
    pub failure: Option<EffectFailure>,
    /// When the row was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Since when it is in this state, whatever the state's details.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// What a resource should be. Names, sizes, zones and addresses are chosen by
/// the planner; executors choose nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "kebab-case")]
pub enum EffectSpec {
    /// The model's resource group.
    Group {
        /// The region.
        region: String,
    },
    /// The model's network with its subnets.
    Network {
        /// The region.
        region: String,
        /// The range of the network, such as `10.64.0.0/18`.
        range: String,
        /// Its subnets: name to range. Rows of before there were several have
        /// none, and are brought to what the model says.
        #[serde(default)]
        subnets: BTreeMap<String, String>,
        /// The security group of the subnets, by name.
        security_group: String,
        /// The NAT gateway of the subnets, by name, if the egress is nat.
        nat_gateway: Option<String>,
    },
    /// The model's network security group, with the rules of what is exposed.
    SecurityGroup {
        /// The region.
        region: String,
        /// The rules, by priority.
        rules: Vec<SecurityRule>,
    },
    /// The NAT gateway that gives the network a way out.
    NatGateway {
        /// The region.
        region: String,
        /// Its public address, by name.
        address: String,
    },
    /// A public address of the model (for the gateway) or of a machine.
    PublicAddress {
        /// The region.
        region: String,
    },
    /// A machine's public address on its network interface.
    Association {
        /// The public address, by name.
        address: String,
        /// The virtual machine whose interface carries it, by name.
        machine: String,
    },
    /// A virtual machine with its network interface and disk, in one write.
    VirtualMachine(Box<VirtualMachine>),
    /// A managed disk for a storage instance.
    Disk {
        /// The region.
        region: String,
        /// The zone, if any: a machine that it is attached to is in it.
        zone: Option<String>,
        /// GiB; 0 for the size of the source.
        size: u32,
        /// What it is made a copy of, by the cloud's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Such as `Premium_LRS`.
        sku: String,
        /// The instance.
        storage: StorageInstanceId,
        /// The instance's number.
        number: u32,
    },
    /// Which disks a virtual machine has beside its OS disk: all of them.
    DataDisks {
        /// The virtual machine, by name.
        machine: String,
        /// Logical unit number to disk, by name.
        #[serde(with = "pairs")]
        disks: BTreeMap<u8, String>,
    },
    /// What came with a virtual machine and is named by the cloud.
    Child {
        /// Interface, address or disk.
        kind: ChildKind,
    },
}

/// A virtual machine to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualMachine {
    /// The region.
    pub region: String,
    /// The zone, if any.
    pub zone: Option<String>,
    /// The size, such as `Standard_B2s`.
    pub size: String,
    /// US dollars per hour, in millionths, when the size was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_micros: Option<u64>,
    /// The image.
    pub image: Image,
    /// GiB of the OS disk; the image's size when none.
    pub disk: Option<u32>,
    /// The type of account of the OS disk, such as `Premium_LRS`; the
    /// provider's choice when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_type: Option<String>,
    /// The network, by name.
    pub network: String,
    /// The subnets that it has an interface in, by name, the primary one first.
    #[serde(default = "default_subnets")]
    pub subnets: Vec<String>,
    /// Whether it gets a public address at once.
    pub public_address: bool,
    /// The host's name.
    pub hostname: String,
}

/// What machines had when networks had one subnet.
fn default_subnets() -> Vec<String> {
    vec![super::DEFAULT_SUBNET.to_owned()]
}

/// A platform image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Such as `Canonical`.
    pub publisher: String,
    /// Such as `ubuntu-24_04-lts`.
    pub offer: String,
    /// Such as `server`.
    pub sku: String,
    /// Such as `latest`.
    pub version: String,
}

/// What comes with a virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChildKind {
    /// A network interface.
    Interface,
    /// A public address.
    PublicAddress,
    /// The OS disk.
    Disk,
}

/// A rule that lets traffic in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecurityRule {
    /// Unique in its group, from 200.
    pub priority: u16,
    /// Unique in its group, derived from what it allows.
    pub name: String,
    /// `Tcp`, `Udp`, `Icmp` or `*`.
    pub protocol: String,
    /// CIDRs, or `*`.
    pub sources: Vec<String>,
    /// Addresses of machines, or `*`.
    pub destinations: Vec<String>,
    /// Ports and ranges such as `80`, `8080-8088`, or `*`.
    pub ports: Vec<String>,
}

/// Where a resource stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum EffectState {
    /// Committed; the call may have been sent.
    Planned,
    /// The call was sent and its result is not known.
    Sent {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// The cloud works on it.
    Accepted {
        /// The url to ask how it stands; none when only the resource tells.
        operation: Option<String>,
        /// Not to be asked before.
        #[serde(with = "time::serde::rfc3339")]
        poll_at: OffsetDateTime,
    },
    /// It is as the spec says.
    Present,
    /// It should go. The call may have been sent.
    Deleting {
        /// The url to ask how it stands, once the cloud works on it.
        operation: Option<String>,
        /// Not to be asked before.
        #[serde(with = "time::serde::rfc3339")]
        poll_at: OffsetDateTime,
    },
    /// It is gone; the row is kept as a tombstone.
    Gone,
    /// The name is taken by what is not ours: shown, never touched.
    Foreign,
}

impl EffectState {
    /// The state's name, as the database and documents have it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sent { .. } => "sent",
            Self::Accepted { .. } => "accepted",
            Self::Present => "present",
            Self::Deleting { .. } => "deleting",
            Self::Gone => "gone",
            Self::Foreign => "foreign",
        }
    }
}

/// Maps with numbers for keys as lists of pairs: serde's tagged enums read no
/// such keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<u8, String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u8, String>, D::Error> {
        Vec::<(u8, String)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

/// Why a try failed, or why what was made is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectFailure {
    /// What to do next follows from it.
    pub class: FailureClass,
    /// The cloud's error code, such as `OperationNotAllowed`.
    pub code: String,
    /// The cloud's own words, with the fix.
    pub message: String,
    /// Failures in a row.
    pub attempts: u32,
    /// Not to be tried before; none when only a person can help.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_try: Option<OffsetDateTime>,
}
