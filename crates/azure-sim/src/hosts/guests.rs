//! Real guests behind the virtual machines.

use std::path::Path;

use lazuli_guests::{
    Error, Fabric, FabricOptions, GuestSpec, Namespace, NetworkPolicy, Power, Stop, VnetSpec,
};

use super::{HostState, Hosts, HostsError, Namespaces};

/// Threads that make guests of one batch.
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

    /// One guest: made, or if it is there, given the policy and powered on.
    fn start_again(&self, spec: &GuestSpec) -> Result<(), HostsError> {
        self.fabric
            .set_policy(&[(spec.name.clone(), spec.policy.clone())])
            .and_then(|()| self.fabric.start(&spec.name))
            .map(drop)
            .map_err(failed)
    }

    fn make(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        let share = specs.len().div_ceil(MAKERS).max(1);
        let shares: Vec<Vec<GuestSpec>> = specs.chunks(share).map(<[GuestSpec]>::to_vec).collect();
        std::thread::scope(|scope| {
            let makers: Vec<_> = shares
                .into_iter()
                .map(|share| {
                    let count = share.len();
                    (count, scope.spawn(|| self.fabric.create_many(share)))
                })
                .collect();
            makers
                .into_iter()
                .flat_map(|(count, maker)| match maker.join() {
                    Ok(results) => results
                        .into_iter()
                        .map(|result| result.map(drop).map_err(failed))
                        .collect(),
                    Err(_) => (0..count)
                        .map(|_| Err(HostsError::text("the thread that made the guest panicked")))
                        .collect::<Vec<_>>(),
                })
                .collect()
        })
    }
}

impl Hosts for GuestHosts {
    fn ensure_vnet(&self, spec: &VnetSpec) -> Result<(), HostsError> {
        self.fabric.ensure_vnet(spec).map_err(failed)
    }

    fn delete_vnet(&self, name: &str) -> Result<(), HostsError> {
        self.fabric.delete_vnet(name).map_err(failed)
    }

    fn create(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        let mut results: Vec<Option<Result<(), HostsError>>> = Vec::new();
        let mut new = Vec::new();
        for spec in specs {
            match self.fabric.guest(&spec.name) {
                Ok(None) => {
                    new.push(spec);
                    results.push(None);
                }
                Ok(Some(_)) => results.push(Some(self.start_again(&spec))),
                Err(error) => results.push(Some(Err(failed(error)))),
            }
        }
        let mut made = self.make(new).into_iter();
        let missing = || Err(HostsError::text("the guest was not made"));
        results
            .into_iter()
            .map(|known| known.or_else(|| made.next()).unwrap_or_else(missing))
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
