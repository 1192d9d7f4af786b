//! Real guests behind the virtual machines.

use std::path::Path;

use lazuli_guests::{
    Error, Fabric, FabricOptions, GuestSpec, Namespace, NetworkPolicy, Power, Stop, VnetSpec,
};

use super::{HostDisk, HostState, Hosts, HostsError, Namespaces};

/// Threads that make or start the guests of one batch.
const MAKERS: usize = 4;

/// Guests of a fabric that this process manages.
pub struct GuestHosts {
    fabric: Fabric,
}

fn failed(error: Error) -> HostsError {
    let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    HostsError::from(boxed)
}

impl GuestHosts {
    /// Opens the fabric in `dir`, or makes it, and builds the guests' base if
    /// it is missing (half a minute, once for a machine).
    ///
    /// # Errors
    /// Not root, a missing tool, another manager.
    pub fn open(dir: &Path) -> Result<Self, HostsError> {
        let fabric = Fabric::open(dir, &FabricOptions::default()).map_err(failed)?;
        fabric.prepare().map_err(failed)?;
        Ok(Self { fabric })
    }

    /// The fabric itself, for what has no part in ARM.
    #[must_use]
    pub const fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// Ends all guests and networks of the fabric in `dir` and removes it.
    /// Returns what is left nevertheless.
    ///
    /// # Errors
    /// A guest does not end, or a file cannot be removed.
    pub fn destroy(dir: &Path) -> Result<Vec<String>, HostsError> {
        if !dir.exists() {
            return Ok(lazuli_guests::leftovers(dir));
        }
        Fabric::open(dir, &FabricOptions::default())
            .and_then(Fabric::destroy)
            .map_err(failed)
    }

    /// Powers guests on that are there, under new policies.
    fn start_again(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        let policies: Vec<_> = specs
            .iter()
            .map(|spec| (spec.name.clone(), spec.policy.clone()))
            .collect();
        if let Err(error) = self.set_policies(&policies) {
            let text = error.chain();
            return specs
                .iter()
                .map(|_| Err(HostsError::text(text.clone())))
                .collect();
        }
        in_shares(specs, |share| {
            share
                .into_iter()
                .map(|spec| self.start(&spec.name))
                .collect()
        })
    }

    fn make(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        in_shares(specs, |share| {
            let results = self.fabric.create_many(share);
            results
                .into_iter()
                .map(|result| result.map(drop).map_err(failed))
                .collect()
        })
    }
}

/// Has a few threads do the work, each a share of it. Answers in order.
fn in_shares(
    specs: Vec<GuestSpec>,
    work: impl Fn(Vec<GuestSpec>) -> Vec<Result<(), HostsError>> + Sync,
) -> Vec<Result<(), HostsError>> {
    let size = specs.len().div_ceil(MAKERS).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = specs
            .chunks(size)
            .map(|share| {
                let thread = scope.spawn(move || work(share.to_vec()));
                (share.len(), thread)
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|(count, thread)| {
                thread.join().unwrap_or_else(|_| {
                    (0..count)
                        .map(|_| Err(HostsError::text("the thread at work on the guest panicked")))
                        .collect()
                })
            })
            .collect()
    })
}

impl Hosts for GuestHosts {
    fn ensure_vnet(&self, spec: &VnetSpec) -> Result<(), HostsError> {
        self.fabric.ensure_vnet(spec).map_err(failed)
    }

    fn delete_vnet(&self, name: &str) -> Result<(), HostsError> {
        self.fabric.delete_vnet(name).map_err(failed)
    }

    fn create(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        let is_known: Vec<bool> = specs
            .iter()
            .map(|spec| matches!(self.fabric.guest(&spec.name), Ok(Some(_))))
            .collect();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (spec, known) in specs.into_iter().zip(&is_known) {
            if *known { &mut old } else { &mut new }.push(spec);
        }
        let mut old = self.start_again(old).into_iter();
        let mut new = self.make(new).into_iter();
        is_known
            .into_iter()
            .map(|known| {
                let result = if known { old.next() } else { new.next() };
                result.unwrap_or_else(|| Err(HostsError::text("the guest was not made")))
            })
            .collect()
    }

    fn start(&self, name: &str) -> Result<(), HostsError> {
        self.fabric.start(name).map(drop).map_err(failed)
    }

    fn stop(&self, name: &str, graceful: bool) -> Result<(), HostsError> {
        let how = if graceful { Stop::Graceful } else { Stop::Kill };
        match self.fabric.stop(name, how) {
            Err(Error::Unknown { .. }) => Ok(()),
            result => result.map_err(failed),
        }
    }

    fn delete(&self, name: &str) -> Result<(), HostsError> {
        self.fabric.delete(name).map_err(failed)
    }

    fn set_disks(&self, name: &str, disks: &[HostDisk]) -> Result<(), HostsError> {
        self.fabric.set_disks(name, disks).map_err(failed)
    }

    fn copy_disk(&self, from: &str, to: &str, gib: u32) -> Result<(), HostsError> {
        self.fabric.copy_disk(from, to, gib).map_err(failed)
    }

    fn delete_disk(&self, name: &str) -> Result<(), HostsError> {
        self.fabric.delete_disk(name).map_err(failed)
    }

    fn list(&self) -> Result<Vec<HostState>, HostsError> {
        let guests = self.fabric.list().map_err(failed)?;
        Ok(guests
            .into_iter()
            .map(|guest| HostState {
                running: guest.power == Power::On,
                name: guest.name,
            })
            .collect())
    }

    fn set_policies(&self, policies: &[(String, NetworkPolicy)]) -> Result<(), HostsError> {
        match self.fabric.set_policy(policies) {
            // One of them was deleted meanwhile: the others count nevertheless.
            Err(Error::Unknown { .. }) => policies.iter().try_for_each(|policy| {
                match self.fabric.set_policy(std::slice::from_ref(policy)) {
                    Err(Error::Unknown { .. }) => Ok(()),
                    result => result.map_err(failed),
                }
            }),
            result => result.map_err(failed),
        }
    }

    fn namespaces(&self) -> Namespaces {
        Namespaces {
            fabric: Some(self.fabric.namespace(Namespace::Fabric)),
            internet: Some(self.fabric.namespace(Namespace::Internet)),
        }
    }

    fn arm64(&self) -> bool {
        cfg!(target_arch = "aarch64")
    }
}
