//! Virtual networks: making, changing, deleting, and their rules.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::Ipv4Addr;

use crate::error::{Error, Result};
use crate::firewall::{self, GuestRules, Router};
use crate::net::Net;
use crate::ns;
use crate::spec::{CONTROLLER_PRIVATE, InterfacePolicy, Namespace, OUTSIDE_RANGE, VnetSpec};

use super::links::dead_ends;
use super::open::{Fabric, namespace_path, vnet};
use super::records::{Registry, Vnet, VnetRecord, check_name, free_index, lock, write_json};

/// NAT gateways take their addresses from here.
const NAT_RANGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// The range is a /15.
const MAX_VNETS: u32 = 65_000;

impl Fabric {
    /// Makes a virtual network, or changes its ranges and its peering.
    /// Repeating it changes nothing.
    ///
    /// # Errors
    /// A name or a range that cannot be; a changed `nat_address`.
    pub fn ensure_vnet(&self, spec: &VnetSpec) -> Result<()> {
        check_name("virtual network", &spec.name)?;
        check_ranges(&spec.ranges)?;
        let vnet = self.record_vnet(spec)?;
        let mut applied = lock(&vnet.router);
        let before = std::mem::replace(&mut *lock(&vnet.spec), spec.clone());
        let record = VnetRecord {
            index: vnet.index,
            nat_address: vnet.nat_address,
            spec: spec.clone(),
        };
        write_json(&self.vnet_file(&spec.name), &record)?;
        lock(&self.inner.links).ensure_router(&self.inner.dir, &vnet)?;
        let router = self.namespace(Namespace::Vnet(&spec.name));
        dead_ends(&router, &spec.ranges, &before.ranges)?;
        self.apply_locked(&vnet, &mut applied)?;
        drop(applied);
        self.route_direct()
    }

    /// Deletes a virtual network; one that is absent is fine.
    ///
    /// # Errors
    /// Guests are in it.
    pub fn delete_vnet(&self, name: &str) -> Result<()> {
        let vnet = {
            let mut registry = lock(&self.inner.registry);
            let in_use = registry
                .guests
                .values()
                .find(|guest| lock(&guest.spec).vnet == name);
            if let Some(guest) = in_use {
                return Err(Error::Conflict(format!(
                    "the virtual network {name:?} has guests, such as {:?}",
                    lock(&guest.spec).name
                )));
            }
            let Some(vnet) = registry.vnets.remove(name) else {
                return Ok(());
            };
            vnet
        };
        lock(&self.inner.links).remove_router(&self.inner.dir, &vnet)?;
        let path = self.vnet_file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::path("remove", &path)(error));
            }
            _ => {}
        }
        self.route_direct()
    }

    /// Puts right what the record says of each network.
    pub(super) fn adopt_vnets(&self) -> Result<()> {
        let specs: Vec<VnetSpec> = {
            let registry = lock(&self.inner.registry);
            let specs = registry.vnets.values().map(|vnet| lock(&vnet.spec).clone());
            specs.collect()
        };
        specs.iter().try_for_each(|spec| self.ensure_vnet(spec))
    }

    /// Puts a network's rules in force. Whoever waits here for another's turn
    /// usually finds that it has done both: a group commit without a timer.
    pub(super) fn apply(&self, vnet: &Vnet) -> Result<()> {
        self.apply_locked(vnet, &mut lock(&vnet.router))
    }

    fn apply_locked(&self, vnet: &Vnet, applied: &mut super::records::Applied) -> Result<()> {
        let router = {
            let registry = lock(&self.inner.registry);
            router(&registry, vnet)
        };
        let rules = router.render();
        let transaction = firewall::transaction(applied.rules.as_ref(), &rules);
        if !transaction.is_empty() {
            let path = namespace_path(&self.inner.dir, Namespace::Vnet(&vnet.name));
            // A transaction is whole or nothing, and so is what is known of it.
            ns::inside(&path, || Ok(firewall::apply(&transaction)))??;
            applied.rules = Some(rules);
        }
        let published: BTreeSet<Ipv4Addr> = router
            .guests
            .iter()
            .filter_map(|guest| guest.public)
            .collect();
        let new: Vec<_> = published.difference(&applied.published).copied().collect();
        let old: Vec<_> = applied.published.difference(&published).copied().collect();
        if !new.is_empty() || !old.is_empty() {
            lock(&self.inner.links).publish(vnet, &new, &old)?;
            applied.published = published;
        }
        Ok(())
    }

    fn record_vnet(&self, spec: &VnetSpec) -> Result<std::sync::Arc<Vnet>> {
        let mut registry = lock(&self.inner.registry);
        if let Some(vnet) = registry.vnets.get(&spec.name) {
            if spec
                .nat_address
                .is_some_and(|wish| wish != vnet.nat_address)
            {
                return Err(Error::Conflict(format!(
                    "the virtual network {:?} keeps its NAT address {}",
                    spec.name, vnet.nat_address
                )));
            }
            return Ok(vnet.clone());
        }
        let index = free_index(registry.vnets.values().map(|vnet| vnet.index));
        if index > MAX_VNETS {
            return Err(Error::Invalid(format!(
                "a fabric has room for {MAX_VNETS} virtual networks"
            )));
        }
        let own = Ipv4Addr::from_bits(NAT_RANGE.to_bits() + index);
        let nat_address = spec.nat_address.unwrap_or(own);
        if registry
            .vnets
            .values()
            .any(|vnet| vnet.nat_address == nat_address)
        {
            return Err(Error::Conflict(format!("{nat_address} is taken")));
        }
        let vnet = vnet(index, nat_address, spec.clone());
        registry.vnets.insert(spec.name.clone(), vnet.clone());
        Ok(vnet)
    }

    /// The controller's routes: where ranges overlap, the older network's hold.
    fn route_direct(&self) -> Result<()> {
        let mut wanted: Vec<(Net, u32)> = Vec::new();
        {
            let registry = lock(&self.inner.registry);
            let mut vnets: Vec<_> = registry.vnets.values().collect();
            vnets.sort_by_key(|vnet| vnet.index);
            for vnet in vnets {
                let spec = lock(&vnet.spec);
                for range in spec.ranges.iter().filter(|_| spec.direct) {
                    if wanted.iter().any(|(other, _)| other.overlaps(*range)) {
                        tracing::warn!(vnet = %vnet.name, %range, "the range overlaps another \
                            network's: the controller reaches only the older one directly");
                    } else {
                        wanted.push((*range, vnet.index));
                    }
                }
            }
        }
        lock(&self.inner.links).route_direct(&wanted)
    }

    fn vnet_file(&self, name: &str) -> std::path::PathBuf {
        self.inner.dir.join("vnets").join(format!("{name}.json"))
    }
}

fn router(registry: &Registry, vnet: &Vnet) -> Router {
    let mut guests = Vec::new();
    for guest in registry.guests.values() {
        let spec = lock(&guest.spec);
        if spec.vnet == vnet.name {
            guests.push(GuestRules {
                address: spec.address.address,
                public: spec.policy.public_address,
                egress: spec.policy.egress,
                groups: spec.policy.groups.clone(),
            });
            let none = InterfacePolicy::default();
            for (number, interface) in spec.interfaces.iter().enumerate() {
                let policy = spec.policy.others.get(number).unwrap_or(&none);
                guests.push(GuestRules {
                    address: interface.address.address,
                    public: None,
                    egress: policy.egress,
                    groups: policy.groups.clone(),
                });
            }
        }
    }
    let spec = lock(&vnet.spec);
    Router {
        ranges: spec.ranges.clone(),
        direct: spec.direct,
        nat_address: vnet.nat_address,
        guests,
    }
}

fn check_ranges(ranges: &[Net]) -> Result<()> {
    let reserved = [
        Net::host(CONTROLLER_PRIVATE).to_string(),
        OUTSIDE_RANGE.to_owned(),
    ];
    if ranges.is_empty() {
        return Err(Error::Invalid(
            "a virtual network needs a range of addresses".to_owned(),
        ));
    }
    for range in ranges {
        let taken = reserved
            .iter()
            .filter_map(|text| text.parse::<Net>().ok())
            .any(|other| other.overlaps(*range));
        if taken || range.prefix < 8 || range.prefix > 30 {
            return Err(Error::Invalid(format!(
                "{range} is no range for a virtual network: a /8 to a /30, without {}",
                reserved.join(" and ")
            )));
        }
    }
    Ok(())
}
