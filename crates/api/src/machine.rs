//! Machines.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/models/{model}/machines`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMachines {
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// Such as `cores=2 mem=4G`.
    #[serde(default)]
    pub constraints: Option<String>,
    /// Such as `ubuntu@24.04`; the model's default when absent.
    #[serde(default)]
    pub base: Option<String>,
    /// Where: `zone=1`.
    #[serde(default)]
    pub placement: Option<String>,
    /// A machine that exists, instead of one made by the cloud.
    #[serde(default)]
    pub manual: Option<ManualHost>,
}

fn one() -> u32 {
    1
}

impl Default for AddMachines {
    fn default() -> Self {
        Self {
            count: 1,
            constraints: None,
            base: None,
            placement: None,
            manual: None,
        }
    }
}

/// A machine that somebody else runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualHost {
    /// The login; it can `sudo -n`, and the model's SSH key may log in to it.
    pub user: String,
    /// Its address.
    pub host: String,
    /// The SSH port.
    #[serde(default = "ssh")]
    pub port: u16,
    /// Its host keys in OpenSSH's one-line form, as a person confirmed them.
    pub host_keys: Vec<String>,
}

fn ssh() -> u16 {
    22
}

/// `GET /v1/models/{model}/machines/{machine}/ssh-keys`: what a client needs
/// to know a machine again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostKeys {
    /// The machine.
    pub machine: String,
    /// The name to log in to.
    pub user: String,
    /// Its private address, once known.
    pub address: Option<String>,
    /// Its public address, if it has one.
    pub public_address: Option<String>,
    /// Its host keys, one line each.
    pub host_keys: Vec<String>,
    /// Lines for OpenSSH's known_hosts, under the name
    /// `lazuli-MODEL-UUID-machine-N` and each address.
    pub known_hosts: Vec<String>,
    /// The name to give OpenSSH as `HostKeyAlias`.
    pub alias: String,
}
