//! ARM ids of what the ledger's rows name.

use lazuli_model::state::{ChildKind, Effect, EffectSpec};

/// Api-versions: those of Microsoft's documents that the bodies were written
/// after (`azure_mgmt_compute` 0.21 for Compute).
pub(super) const COMPUTE: &str = "2024-07-01";
pub(super) const DISKS: &str = "2024-03-02";
pub(super) const NETWORK: &str = "2024-03-01";
pub(super) const RESOURCES: &str = "2024-03-01";
pub(super) const SKUS: &str = "2021-07-01";

/// The tag that names the controller.
pub(super) const TAG_CONTROLLER: &str = "lazuli-controller";
/// The tag that names the model.
pub(super) const TAG_MODEL: &str = "lazuli-model";
/// The tag that names the row of the ledger.
pub(super) const TAG_EFFECT: &str = "lazuli-effect";

/// Makes the ids of one subscription.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    subscription: String,
}

impl Ids {
    pub(super) fn new(subscription: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
        }
    }

    pub(super) fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    pub(super) fn group(&self, group: &str) -> String {
        format!("{}/resourceGroups/{group}", self.subscription())
    }

    pub(super) fn network(&self, group: &str, kind: &str, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Network/{kind}/{name}",
            self.group(group)
        )
    }

    pub(super) fn compute(&self, group: &str, kind: &str, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Compute/{kind}/{name}",
            self.group(group)
        )
    }

    /// The id that a row's resource has or will have, and the api-version to
    /// speak of it with. An association is a property of an interface, which
    /// only the lists name, and a list of disks one of a machine: none.
    pub(super) fn of(&self, group: &str, effect: &Effect) -> Option<(String, &'static str)> {
        let name = &effect.name;
        Some(match &effect.spec {
            EffectSpec::Group { .. } => (self.group(name), RESOURCES),
            EffectSpec::Network { .. } => (self.network(group, "virtualNetworks", name), NETWORK),
            EffectSpec::SecurityGroup { .. } => {
                (self.network(group, "networkSecurityGroups", name), NETWORK)
            }
            EffectSpec::NatGateway { .. } => (self.network(group, "natGateways", name), NETWORK),
            EffectSpec::PublicAddress { .. } => {
                (self.network(group, "publicIPAddresses", name), NETWORK)
            }
            EffectSpec::VirtualMachine(_) => {
                (self.compute(group, "virtualMachines", name), COMPUTE)
            }
            EffectSpec::Child { kind } => {
                let id = effect.cloud_id.clone()?;
                let version = match kind {
                    ChildKind::Interface | ChildKind::PublicAddress => NETWORK,
                    ChildKind::Disk => DISKS,
                };
                (id, version)
            }
            EffectSpec::Disk { .. } => (self.compute(group, "disks", name), DISKS),
            // Properties of an interface and of a machine: deleting these by
            // id would delete those.
            EffectSpec::Association { .. } | EffectSpec::DataDisks { .. } => return None,
        })
    }
}

/// The last segment of an id.
pub(super) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The resource group that an id names.
pub(super) fn group_of(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| same(segment, "resourceGroups"))?;
    segments.next()
}

/// Ids are compared without case.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
