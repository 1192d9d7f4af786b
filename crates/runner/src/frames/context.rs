//! What a hook's tools may read without asking the controller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Relation or leader settings: strings to strings, as in Juju.
pub type Settings = BTreeMap<String, String>;

/// A hook's context. The supervisor holds it in memory and in the journal of
/// the run; tools read it through the supervisor's socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The model's name.
    pub model_name: String,
    /// The model's uuid.
    pub model_uuid: String,
    /// The machine's name, such as `3`.
    pub machine: String,
    /// The principal unit's name; empty for principals.
    pub principal: String,
    /// Where the machine is; empty when unknown.
    pub availability_zone: String,
    /// Announced as `JUJU_VERSION`.
    pub juju_version: String,
    /// Variables beside those that every hook has (`JUJU_CHARM_HTTP_PROXY` and
    /// the like); they win over the common ones.
    pub env: BTreeMap<String, String>,
    /// Effective configuration; an option without value and default is null.
    pub config: BTreeMap<String, serde_json::Value>,
    /// Milliseconds for which the unit may hold itself the leader, counted
    /// from receipt; none when another unit leads.
    pub leader_millis: Option<u64>,
    /// The application's leader settings (`leader-get`).
    pub leader_settings: Settings,
    /// All relations that `relation-ids` may show.
    pub relations: Vec<RelationContext>,
    /// The relation of a relation hook.
    pub relation: Option<HookRelation>,
    /// The secret of a secret hook.
    pub secret: Option<super::HookSecret>,
    /// The secrets that the unit manages, what they say aside.
    pub secrets: Vec<super::SecretInfo>,
    /// The unit's own workload status.
    pub status: StatusContext,
    /// Ports the unit has opened.
    pub ports: Vec<super::PortRange>,
    /// The same by endpoint, for `opened-ports --endpoints`. Ports that are
    /// listed under no endpoint, or under the empty one, are open for all.
    pub endpoint_ports: BTreeMap<String, Vec<super::PortRange>>,
    /// Ports of other units on the same machine: (unit, range), to detect
    /// conflicts at once as Juju does.
    pub foreign_ports: Vec<(String, super::PortRange)>,
    /// The storage that the unit has, the hook's own among it.
    pub storage: Vec<super::StorageContext>,
    /// The instance of a storage hook.
    pub hook_storage: Option<super::HookStorage>,
    /// The charm's stores, for `storage-add`.
    pub stores: BTreeMap<String, super::StoreCount>,
    /// Addresses.
    pub network: Network,
    /// The application's resources, by name.
    pub resources: BTreeMap<String, super::ResourceRef>,
    /// Of an action or a command: what it is about.
    pub task: Option<super::TaskContext>,
}

/// One relation as its local unit sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RelationContext {
    /// The relation's number, unique in the model.
    pub id: u64,
    /// The local endpoint's name.
    pub endpoint: String,
    /// Whether it is a peer relation.
    pub peer: bool,
    /// The application at the other end (own application for peers).
    pub remote_app: String,
    /// Remote units in scope, in natural order, the departing one left out.
    pub members: Vec<String>,
    /// The unit's own settings.
    pub own: Settings,
    /// The own application's settings: present for the leader and in peers.
    pub own_app: Option<Settings>,
    /// The remote application's settings.
    pub remote_app_settings: Settings,
    /// The remote model's uuid.
    pub model_uuid: String,
}

/// What a relation hook is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRelation {
    /// The relation's number.
    pub id: u64,
    /// `JUJU_REMOTE_UNIT`; empty in created and broken and for app changes.
    pub remote_unit: String,
    /// `JUJU_REMOTE_APP`.
    pub remote_app: String,
    /// `JUJU_DEPARTING_UNIT`; set only in departed.
    pub departing_unit: Option<String>,
    /// The remote unit's settings, as of the level shown.
    pub settings: Settings,
}

/// A status as `status-get` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusContext {
    /// The word.
    pub status: String,
    /// The text.
    pub message: String,
    /// The data.
    pub data: BTreeMap<String, serde_json::Value>,
}

/// Addresses, for `unit-get` and `network-get`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The machine's private address.
    pub private_address: String,
    /// The public address, or the private one when there is none.
    pub public_address: String,
    /// Binding (endpoint or extra-binding) to its addresses; the empty name is
    /// the default for bindings that are known but not listed.
    pub bindings: BTreeMap<String, Binding>,
    /// All names that are valid bindings.
    pub names: Vec<String>,
}

/// The addresses of one binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    /// Interfaces with their addresses.
    pub interfaces: Vec<Interface>,
    /// Where others reach the unit.
    pub ingress: Vec<String>,
    /// Where the unit's traffic comes from.
    pub egress_subnets: Vec<String>,
}

/// One interface of a binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Such as `eth0`.
    pub name: String,
    /// Hardware address, lower case with colons.
    pub mac: String,
    /// Address and its CIDR.
    pub addresses: Vec<(String, String)>,
}
