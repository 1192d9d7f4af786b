//! A resource as it is kept: the ARM body as the client gave it (completed
//! with defaults), and typed what the simulator's own logic rests on.

use std::net::Ipv4Addr;

use lazuli_guests::{Flavour, Net};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::ArmError;
use crate::ids::ResourceId;

/// `properties.provisioningState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Provisioning {
    Creating,
    Updating,
    Deleting,
    Succeeded,
    Failed,
}

impl Provisioning {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// One resource of the simulated cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) id: ResourceId,
    /// `location`, `tags`, `sku`, `zones`, `properties` and whatever else the
    /// client sent; neither `id`, `name`, `type` nor computed properties.
    pub(crate) body: Value,
    pub(crate) provisioning: Provisioning,
    /// Order of creation.
    pub(crate) serial: u64,
    /// Raised with every change: the ETag.
    pub(crate) version: u64,
    /// `vmId`, `resourceGuid`, `uniqueId`.
    pub(crate) guid: Uuid,
    /// Milliseconds since 1970.
    pub(crate) created_ms: i64,
    pub(crate) data: Data,
}

/// What the simulator's logic needs of a body, read once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Data {
    Plain,
    Vm(Box<Vm>),
    Disk(Disk),
    Nic(Nic),
    PublicIp(PublicIp),
    Subnet(Subnet),
    NatGateway(NatGateway),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Power {
    Starting,
    Running,
    Stopping,
    Stopped,
    Deallocating,
    Deallocated,
}

impl Power {
    /// The part of the status code after `PowerState/`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deallocating => "deallocating",
            Self::Deallocated => "deallocated",
        }
    }

    /// Whether its owner wants it to run.
    pub(crate) const fn wanted(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vm {
    pub(crate) power: Power,
    /// The guest's name among the hosts.
    pub(crate) guest: String,
    /// Whether the guest was made.
    pub(crate) built: bool,
    pub(crate) size: String,
    pub(crate) flavour: Flavour,
    pub(crate) admin: String,
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) hostname: String,
    /// Base64, as it came; never given out.
    pub(crate) custom_data: String,
    /// Interfaces in order, the primary one first.
    pub(crate) nics: Vec<VmNic>,
    pub(crate) os_disk: Option<ResourceId>,
    /// Whether the OS disk goes with the VM.
    pub(crate) delete_os_disk: bool,
    /// The operation that is under way.
    pub(crate) operation: Option<Uuid>,
    /// Why the last operation failed.
    pub(crate) failure: Option<ArmError>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct VmNic {
    pub(crate) id: ResourceId,
    pub(crate) delete: bool,
    pub(crate) primary: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub(crate) vm: Option<ResourceId>,
    /// The disk that it is a copy of.
    #[serde(default)]
    pub(crate) source: Option<ResourceId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nic {
    pub(crate) vm: Option<ResourceId>,
    pub(crate) nsg: Option<ResourceId>,
    pub(crate) ips: Vec<NicIp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NicIp {
    pub(crate) name: String,
    pub(crate) subnet: ResourceId,
    pub(crate) address: Ipv4Addr,
    pub(crate) public_ip: Option<ResourceId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PublicIp {
    /// Absent while a dynamic address is attached to nothing.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) dynamic: bool,
    /// The NIC or NAT gateway that uses it.
    pub(crate) user: Option<ResourceId>,
    /// The IP configuration, if `user` is a NIC.
    pub(crate) ip_config: Option<String>,
    /// Whether it goes with the NIC.
    pub(crate) delete: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) prefixes: Vec<Net>,
    pub(crate) nsg: Option<ResourceId>,
    pub(crate) nat: Option<ResourceId>,
    /// `defaultOutboundAccess`: only if asked for, as on new networks.
    pub(crate) default_outbound: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NatGateway {
    pub(crate) public_ips: Vec<ResourceId>,
}

/// Typed views of [`Data`], one pair per variant.
macro_rules! views {
    ($($variant:ident $ty:ty, $get:ident, $get_mut:ident;)*) => {
        impl Resource {
            $(
                pub(crate) fn $get(&self) -> Option<&$ty> {
                    match &self.data {
                        Data::$variant(data) => Some(data),
                        _ => None,
                    }
                }

                pub(crate) fn $get_mut(&mut self) -> Option<&mut $ty> {
                    match &mut self.data {
                        Data::$variant(data) => Some(data),
                        _ => None,
                    }
                }
            )*
        }
    };
}

views! {
    Vm Vm, vm, vm_mut;
    Disk Disk, disk, disk_mut;
    Nic Nic, nic, nic_mut;
    PublicIp PublicIp, public_ip, public_ip_mut;
}

impl Resource {
    pub(crate) fn subnet(&self) -> Option<&Subnet> {
        match &self.data {
            Data::Subnet(subnet) => Some(subnet),
            _ => None,
        }
    }

    pub(crate) fn nat_gateway(&self) -> Option<&NatGateway> {
        match &self.data {
            Data::NatGateway(nat) => Some(nat),
            _ => None,
        }
    }

    /// The region, in its canonical name; empty for children.
    pub(crate) fn location(&self) -> &str {
        self.body["location"].as_str().unwrap_or_default()
    }

    /// The ETag as in the header.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{}\"", self.serial, self.version)
    }
}
