//! Machines: what users want of them, and what is known of them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::MachineInterface;
use crate::base::Base;
use crate::constraints::Constraints;
use crate::id::MachineId;
use crate::life::Life;
use crate::names::MachineName;

/// A machine. Written by the API, except that the planner removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its name, such as `3`.
    pub name: MachineName,
    /// The base it was asked for with.
    pub base: Base,
    /// Effective constraints (the application's over the model's).
    pub constraints: Constraints,
    /// Where it comes from.
    pub source: MachineSource,
    /// The spaces that it is to have an interface in, the primary one first;
    /// that of [`super::ALPHA`] alone when none is named.
    pub spaces: Vec<String>,
    /// Alive, or dying.
    pub life: Life,
    /// Removal skips what fails.
    pub force: bool,
    /// It goes when its last unit goes: made for a unit rather than by
    /// `add-machine`.
    pub for_unit: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Where a machine comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum MachineSource {
    /// Made through the model's cloud.
    Cloud {
        /// The availability zone asked for.
        zone: Option<String>,
    },
    /// Enlisted with `add-machine ssh:user@host`.
    Manual {
        /// The user to log in as; it can `sudo -n`.
        user: String,
        /// An address.
        host: IpAddr,
        /// The SSH port.
        port: u16,
        /// Its host keys, in OpenSSH's one-line form, as the operator gave
        /// or confirmed them.
        host_keys: Vec<String>,
    },
}

/// What is known of a machine. Written from observations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineState {
    /// The machine.
    pub machine: MachineId,
    /// Counts the instances that were made for it, from 1.
    pub generation: u32,
    /// The private address.
    pub address: Option<IpAddr>,
    /// The public address.
    pub public_address: Option<IpAddr>,
    /// The network interface's hardware address, lower case with colons.
    pub mac: Option<String>,
    /// The other interfaces, in their order.
    pub interfaces: Vec<MachineInterface>,
    /// Pinned SSH host keys, in OpenSSH's one-line form; any of them is
    /// accepted.
    pub host_keys: Vec<String>,
    /// What was found at the first contact after the first boot; none before.
    pub facts: Option<MachineFacts>,
    /// Why SSH fails now, if it does.
    pub unreachable: Option<Unreachable>,
    /// Why making it failed, if it did.
    pub failure: Option<ProvisioningFailure>,
}

impl MachineState {
    /// The state of a machine of which nothing is known.
    #[must_use]
    pub fn new(machine: MachineId) -> Self {
        Self {
            machine,
            generation: 1,
            address: None,
            public_address: None,
            mac: None,
            interfaces: Vec::new(),
            host_keys: Vec::new(),
            facts: None,
            unreachable: None,
            failure: None,
        }
    }
}

/// What a machine says of itself once its first boot is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The host's name.
    pub hostname: String,
    /// Juju's word: amd64, arm64.
    pub arch: String,
    /// Processors.
    pub cores: u32,
    /// Memory in MiB.
    pub mem: u64,
    /// `ID` of os-release.
    pub os: String,
    /// `VERSION_ID` of os-release.
    pub os_version: String,
    /// Changes with each boot.
    pub boot_id: String,
    /// `/etc/machine-id`.
    pub machine_id: String,
}

/// Why a machine cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// Why, for people.
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// Why a machine could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningFailure {
    /// The class of the error: what to do next follows from it.
    pub class: FailureClass,
    /// The cloud's own words, with the fix.
    pub message: String,
    /// Failures in a row.
    pub attempts: u32,
    /// When it is tried again; none when only a person can help.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_try: Option<OffsetDateTime>,
}

/// The class of a failure of a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// Try again soon.
    Transient,
    /// Try again at the time the cloud named.
    Throttled,
    /// Something else is being done to it: try again soon.
    Conflict,
    /// A limit of the subscription.
    Quota,
    /// The cloud has none to give at this size, zone or region.
    Capacity,
    /// Credentials or rights.
    Auth,
    /// It is gone.
    Gone,
    /// It is there and does not run, though it did.
    Down,
    /// The request is wrong: only a change helps.
    Invalid,
    /// Lazuli's mistake.
    Bug,
}
