//! The end of a resource's life: what its removal does to others.

use super::{nat_gateways, nics, vms};
use crate::ids::{KINDS, Kind, ResourceId};
use crate::state::Tx;

/// Removes a resource, its children, and the references to it.
pub(crate) fn remove(tx: &mut Tx<'_>, id: &ResourceId) {
    let children: Vec<ResourceId> = tx
        .cloud()
        .children(id)
        .into_iter()
        .map(|child| child.id.clone())
        .collect();
    for child in children {
        tx.remove(&child);
    }
    match id.kind {
        Kind::Vm => vms::remove(tx, id),
        Kind::Nic => nics::remove(tx, id),
        Kind::NatGateway => {
            nat_gateways::release(tx, id);
            tx.remove(id);
        }
        Kind::SecurityRule | Kind::Subnet => {
            tx.remove(id);
            // The parent's ETag moves with its children.
            tx.update(&id.parent(), |_| {});
        }
        Kind::Group | Kind::Disk | Kind::PublicIp | Kind::Nsg | Kind::Vnet => tx.remove(id),
    }
}

/// What is in a group, in an order in which it can be removed.
pub(crate) fn removable(tx: &Tx<'_>, group: &ResourceId) -> Vec<ResourceId> {
    let prefix = format!("{}/", group.key().1);
    KINDS
        .into_iter()
        .flat_map(|kind| {
            tx.cloud()
                .of_kind(kind, &prefix)
                .map(|resource| resource.id.clone())
                .collect::<Vec<_>>()
        })
        .collect()
}
