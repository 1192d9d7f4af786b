//! `juju status` (Juju, `cmd/juju/status/formatted.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::is_false;
use super::storage::Storage;

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Status))]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The model.
    pub model: Model,
    /// By number.
    pub machines: BTreeMap<String, Machine>,
    /// By name.
    pub applications: BTreeMap<String, Application>,
    /// Applications of other models, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub application_endpoints: BTreeMap<String, RemoteApplication>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offers: BTreeMap<String, Offer>,
    /// Storage; `{}` when there is none.
    #[serde(default)]
    pub storage: Storage,
    /// The controller's time of day; the CLI's to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
}

/// The controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusController))]
#[serde(rename_all = "kebab-case")]
pub struct Controller {
    /// Its time of day.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub timestamp: String,
}

/// Any `*-status`. All keys are left out when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusInfo))]
#[serde(rename_all = "kebab-case")]
pub struct StatusInfo {
    /// The word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub current: String,
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Why a model is suspended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Since when.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub since: Option<OffsetDateTime>,
    /// The agent's version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
}

/// The model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusModel))]
#[serde(rename_all = "kebab-case")]
pub struct Model {
    /// Its name.
    pub name: String,
    /// `iaas`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The controller's name.
    pub controller: String,
    /// The cloud.
    pub cloud: String,
    /// The region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Of Juju.
    pub version: String,
    /// `available`, `destroying`.
    pub model_status: StatusInfo,
}

/// `machines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Machines))]
#[serde(rename_all = "kebab-case")]
pub struct Machines {
    /// The model's name.
    pub model: String,
    /// By number.
    pub machines: BTreeMap<String, Machine>,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusMachine))]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// The reach to it: `pending`, `started`, `down`, `stopped`, `error`.
    pub juju_status: StatusInfo,
    /// The host's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The address to reach it at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dns_name: String,
    /// All addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<String>,
    /// The instance's name at the cloud; `pending` until known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_id: String,
    /// The instance's name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// The instance: `pending`, `allocating`, `running`, `provisioning error`.
    pub machine_status: StatusInfo,
    /// `idle`, `applied`, `error`.
    pub modification_status: StatusInfo,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// By device.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub network_interfaces: BTreeMap<String, NetworkInterface>,
    /// Containers by number; there are none here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub containers: BTreeMap<String, Self>,
    /// What was asked for: `mem=4096M`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub constraints: String,
    /// What it is: `arch=amd64 cores=2 mem=8192M root-disk=30720M`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hardware: String,
}

/// A base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusBase))]
#[serde(rename_all = "kebab-case")]
pub struct Base {
    /// `ubuntu`.
    pub name: String,
    /// `24.04`.
    pub channel: String,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusNetworkInterface))]
#[serde(rename_all = "kebab-case")]
pub struct NetworkInterface {
    /// Its addresses.
    pub ip_addresses: Vec<String>,
    /// Lower case with colons.
    pub mac_address: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gateway: String,
    /// Name servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<String>,
    /// The space.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
    /// Whether it is up.
    pub is_up: bool,
}

/// An application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusApplication))]
#[serde(rename_all = "kebab-case")]
pub struct Application {
    /// Of local charms the whole url.
    pub charm: String,
    /// Of machines to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// `charmhub`, `local`, `unknown`.
    pub charm_origin: String,
    /// The charm's name.
    pub charm_name: String,
    /// The charm's revision.
    pub charm_rev: u32,
    /// Of Charmhub's charms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub charm_channel: String,
    /// What the charm's file `version` says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub charm_version: String,
    /// Whether it is exposed.
    pub exposed: bool,
    /// `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
    /// Its own, or the worst of its units'.
    pub application_status: StatusInfo,
    /// By endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub relations: BTreeMap<String, Vec<RelatedApplication>>,
    /// Of subordinates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subordinate_to: Vec<String>,
    /// By name; of subordinates there are none here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, Unit>,
    /// The workload's version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Endpoint (or empty for the default) to space.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint_bindings: BTreeMap<String, String>,
}

/// The other end of a relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusRelatedApplication))]
#[serde(rename_all = "kebab-case")]
pub struct RelatedApplication {
    /// Its application; of peers the application itself.
    pub related_application: String,
    /// The interface.
    pub interface: String,
    /// `global`, `container`.
    pub scope: String,
}

/// A unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusUnit))]
#[serde(rename_all = "kebab-case")]
pub struct Unit {
    /// What runs on it.
    pub workload_status: StatusInfo,
    /// What is done with it: `allocating`, `executing`, `idle`, `lost`.
    pub juju_status: StatusInfo,
    /// Whether it leads.
    #[serde(default, skip_serializing_if = "is_false")]
    pub leader: bool,
    /// The url of the charm that it still runs, when it should run another.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub upgrading_from: String,
    /// The machine's number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// `80/tcp`, `8080-8088/udp`, `icmp`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_ports: Vec<String>,
    /// The address to reach it at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_address: String,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub subordinates: BTreeMap<String, Self>,
}

/// An application of another model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusRemoteApplication))]
#[serde(rename_all = "kebab-case")]
pub struct RemoteApplication {
    /// The offer's url.
    pub url: String,
    /// By name.
    pub endpoints: BTreeMap<String, RemoteEndpoint>,
    /// `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
    /// Its status.
    pub application_status: StatusInfo,
    /// Endpoint to applications of this model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub relations: BTreeMap<String, Vec<String>>,
}

/// An offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusOffer))]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// The application.
    pub application: String,
    /// Its charm's url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub charm: String,
    /// Relations to it.
    #[serde(default)]
    pub total_connected_count: u32,
    /// Those of them that are joined.
    #[serde(default)]
    pub active_connected_count: u32,
    /// By name.
    pub endpoints: BTreeMap<String, RemoteEndpoint>,
}

/// An endpoint that is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusRemoteEndpoint))]
#[serde(rename_all = "kebab-case")]
pub struct RemoteEndpoint {
    /// The interface.
    pub interface: String,
    /// `provider`, `requirer`.
    pub role: String,
}

impl StatusInfo {
    /// A word with a text.
    #[must_use]
    pub fn new(current: &str, message: &str, since: Option<OffsetDateTime>) -> Self {
        Self {
            current: current.to_owned(),
            message: message.to_owned(),
            since,
            ..Self::default()
        }
    }
}
