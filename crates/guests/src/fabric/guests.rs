//! Guests: creating, changing, deleting.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::custom_data;
use crate::error::{Error, Result};
use crate::net::Net;
use crate::spec::{CONTROLLER_PRIVATE, GuestInfo, GuestSpec, NetworkPolicy, OUTSIDE_RANGE};

use super::open::Fabric;
use super::power::Stop;
use super::records::{
    Existence, GUEST_FILE, Guest, GuestRecord, Registry, check_name, free_index, lock, write_json,
};

/// Link names and indices have room for this many.
pub(super) const MAX_GUESTS: u32 = 100_000;

/// Interfaces of a guest beside its primary one: Azure's largest sizes have 7.
const MAX_INTERFACES: usize = 15;

/// Guests that are started or ended at once.
const PARALLEL: usize = 8;

impl Fabric {
    /// Creates a guest and powers it on. A lean one listens on port 22 when
    /// this returns; a systemd guest is starting.
    ///
    /// # Errors
    /// What cannot be, what is taken, a guest that did not start (it is
    /// removed again).
    pub fn create(&self, spec: GuestSpec) -> Result<GuestInfo> {
        self.create_many(vec![spec])
            .pop()
            .unwrap_or_else(|| Err(Error::Invalid("nothing was created".to_owned())))
    }

    /// Creates guests, with one change of rules per network; answers in order.
    pub fn create_many(&self, specs: Vec<GuestSpec>) -> Vec<Result<GuestInfo>> {
        let names: Vec<Result<String>> = specs
            .into_iter()
            .map(|spec| {
                let name = spec.name.clone();
                self.register(spec).map(|()| name)
            })
            .collect();
        let vnets = self.vnets_of(names.iter().flatten());
        let applied: BTreeMap<String, Result<()>> = vnets
            .into_iter()
            .map(|name| {
                let result = self.find_vnet(&name).and_then(|vnet| self.apply(&vnet));
                (name, result)
            })
            .collect();
        in_parallel(names, |name| self.first_start(&name?, &applied))
    }

    fn first_start(&self, name: &str, applied: &BTreeMap<String, Result<()>>) -> Result<GuestInfo> {
        let guest = self.find_guest(name)?;
        let vnet = lock(&guest.spec).vnet.clone();
        let started = match applied.get(&vnet) {
            Some(Err(error)) => Err(Error::Start {
                name: name.to_owned(),
                reason: format!("its network's rules were refused: {error}"),
            }),
            _ => self.start(name),
        };
        if started.is_err()
            && let Err(error) = self.delete(name)
        {
            tracing::warn!(guest = name, %error, "a guest that did not start is left behind");
        }
        started
    }

    /// Changes what guests may do on the network: one transaction per network.
    /// Established connections stay, as in Azure.
    ///
    /// # Errors
    /// An unknown guest, a public address that is taken; nothing is changed then.
    pub fn set_policy(&self, changes: &[(String, NetworkPolicy)]) -> Result<()> {
        let before = self.swap_policies(changes)?;
        let result = self
            .vnets_of(changes.iter().map(|(name, _)| name))
            .iter()
            .try_for_each(|name| self.apply(&*self.find_vnet(name)?));
        if result.is_err() {
            self.swap_policies(&before)?;
            return result;
        }
        for (name, _) in changes {
            let guest = self.find_guest(name)?;
            let spec = lock(&guest.spec).clone();
            self.save(&guest, spec)?;
        }
        Ok(())
    }

    /// Ends a guest and removes its files; one that is absent is fine.
    ///
    /// # Errors
    /// It does not end; its files cannot be removed.
    pub fn delete(&self, name: &str) -> Result<()> {
        let guest = match self.find_guest(name) {
            Ok(guest) => guest,
            Err(Error::Unknown { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut existence = lock(&guest.operation);
        if *existence == Existence::Deleted {
            return Ok(());
        }
        self.power_off(name, &guest, Stop::Kill)?;
        self.drop_disks(name)?;
        self.forget_groups(&guest)?;
        // The wire goes while its number is still this guest's.
        let vnet = lock(&guest.spec).vnet.clone();
        self.cut(&vnet, &guest)?;
        // The record first: a directory without one is nobody's, and goes when
        // its name is used again, or with the fabric.
        let dir = self.guest_dir(name);
        match fs::remove_file(dir.join(GUEST_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::path("remove the record in", &dir)(error));
            }
            _ => {}
        }
        remove_folder(&dir)?;
        *existence = Existence::Deleted;
        lock(&self.inner.registry).guests.remove(name);
        self.apply(&*self.find_vnet(&vnet)?)
    }

    fn register(&self, spec: GuestSpec) -> Result<()> {
        check_name("guest", &spec.name)?;
        custom_data::check(&spec)?;
        let mut registry = lock(&self.inner.registry);
        check_address(&registry, &spec)?;
        if registry.guests.contains_key(&spec.name) {
            return Err(Error::Conflict(format!(
                "a guest named {:?} exists already",
                spec.name
            )));
        }
        if let Some(public) = spec.policy.public_address {
            check_public(&registry, &spec.name, public)?;
        }
        let index = free_index(registry.guests.values().map(|guest| guest.index));
        if index > MAX_GUESTS {
            return Err(Error::Invalid(format!(
                "a fabric has room for {MAX_GUESTS} guests"
            )));
        }
        let guest = Arc::new(Guest {
            index,
            spec: Mutex::new(spec.clone()),
            operation: Mutex::new(Existence::Present),
        });
        let dir = self.guest_dir(&spec.name);
        remove_folder(&dir)?;
        fs::create_dir_all(&dir).map_err(Error::path("create", &dir))?;
        self.save(&guest, spec.clone())?;
        registry.guests.insert(spec.name, guest);
        Ok(())
    }

    fn save(&self, guest: &Guest, spec: GuestSpec) -> Result<()> {
        let path = self.guest_dir(&spec.name).join(GUEST_FILE);
        let index = guest.index;
        write_json(&path, &GuestRecord { index, spec })
    }

    /// Puts policies in place, all or none, and returns those before.
    fn swap_policies(
        &self,
        changes: &[(String, NetworkPolicy)],
    ) -> Result<Vec<(String, NetworkPolicy)>> {
        let registry = lock(&self.inner.registry);
        let mut before = Vec::new();
        for (name, policy) in changes {
            let result = swap(&registry, name, policy);
            match result {
                Ok(previous) => before.push((name.clone(), previous)),
                Err(error) => {
                    for (name, previous) in before.iter().rev() {
                        if let Some(guest) = registry.guests.get(name) {
                            lock(&guest.spec).policy = previous.clone();
                        }
                    }
                    return Err(error);
                }
            }
        }
        before.reverse();
        Ok(before)
    }

    fn vnets_of<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<String> {
        let registry = lock(&self.inner.registry);
        let mut vnets: Vec<String> = names
            .filter_map(|name| registry.guests.get(name))
            .map(|guest| lock(&guest.spec).vnet.clone())
            .collect();
        vnets.sort();
        vnets.dedup();
        vnets
    }
}

/// Does work beside each other, and answers in order. Starting and ending
/// guests is mostly waiting for the kernel.
pub(super) fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = items.len().min(PARALLEL);
    let queue = Mutex::new(items.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = lock(&queue).next();
                    let Some((place, item)) = next else {
                        return;
                    };
                    let result = work(item);
                    lock(&done).push((place, result));
                }
            });
        }
    });
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Removes a directory and all in it; one that is absent is fine.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::path("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn swap(registry: &Registry, name: &str, policy: &NetworkPolicy) -> Result<NetworkPolicy> {
    let guest = registry.guests.get(name).ok_or_else(|| Error::Unknown {
        kind: "guest",
        name: name.to_owned(),
    })?;
    if let Some(public) = policy.public_address {
        check_public(registry, name, public)?;
    }
    Ok(std::mem::replace(
        &mut lock(&guest.spec).policy,
        policy.clone(),
    ))
}

fn check_address(registry: &Registry, spec: &GuestSpec) -> Result<()> {
    let vnet = registry
        .vnets
        .get(&spec.vnet)
        .ok_or_else(|| Error::Unknown {
            kind: "virtual network",
            name: spec.vnet.clone(),
        })?;
    let ranges = lock(&vnet.spec).ranges.clone();
    if spec.interfaces.len() > MAX_INTERFACES {
        return Err(Error::Invalid(format!(
            "a guest has room for {MAX_INTERFACES} interfaces beside its primary one"
        )));
    }
    for address in addresses(spec) {
        if !ranges.iter().any(|range| range.contains(address)) {
            return Err(Error::Invalid(format!(
                "{address} is not in the virtual network {:?}",
                spec.vnet
            )));
        }
        let twice = addresses(spec).filter(|own| *own == address).count() > 1;
        let holder = registry.guests.values().find(|guest| {
            let other = lock(&guest.spec);
            other.vnet == spec.vnet && addresses(&other).any(|taken| taken == address)
        });
        if let Some(guest) = holder {
            return Err(Error::Conflict(format!(
                "the address {address} belongs to the guest {:?}",
                lock(&guest.spec).name
            )));
        }
        if twice {
            return Err(Error::Conflict(format!("{address} is given twice")));
        }
    }
    Ok(())
}

fn addresses(spec: &GuestSpec) -> impl Iterator<Item = Ipv4Addr> {
    let others = spec.interfaces.iter().map(|one| one.address.address);
    std::iter::once(spec.address.address).chain(others)
}

fn check_public(registry: &Registry, name: &str, public: Ipv4Addr) -> Result<()> {
    let reserved = [
        OUTSIDE_RANGE.parse::<Net>().ok(),
        Net::new(CONTROLLER_PRIVATE, 24),
    ];
    let is_reserved = reserved.iter().flatten().any(|net| net.contains(public));
    let is_gateway = registry
        .vnets
        .values()
        .any(|vnet| vnet.nat_address == public);
    let holder = registry.guests.iter().find(|(other, guest)| {
        *other != name && lock(&guest.spec).policy.public_address == Some(public)
    });
    if let Some((other, _)) = holder {
        return Err(Error::Conflict(format!(
            "the public address {public} belongs to the guest {other:?}"
        )));
    }
    if is_reserved || is_gateway || public.is_private() || public.is_loopback() {
        return Err(Error::Invalid(format!(
            "{public} cannot be a public address"
        )));
    }
    Ok(())
}
