//! Machines that only exist as rows in memory: for tests of what is above.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lazuli_guests::{GuestSpec, NetworkPolicy, VnetSpec};

use super::{HostDisk, HostState, Hosts, HostsError};

#[derive(Default)]
struct State {
    vnets: BTreeMap<String, VnetSpec>,
    machines: BTreeMap<String, (GuestSpec, bool)>,
    disks: BTreeMap<String, Vec<HostDisk>>,
}

/// Machines without substance. They are lost with the process; the simulator
/// makes them anew when it starts.
#[derive(Default)]
pub struct MemoryHosts {
    state: Mutex<State>,
}

impl MemoryHosts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy in force for a machine.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<NetworkPolicy> {
        self.state()
            .machines
            .get(name)
            .map(|(spec, _)| spec.policy.clone())
    }

    /// What a machine was made from.
    #[must_use]
    pub fn spec(&self, name: &str) -> Option<GuestSpec> {
        self.state()
            .machines
            .get(name)
            .map(|(spec, _)| spec.clone())
    }

    /// The data disks of a machine.
    #[must_use]
    pub fn disks(&self, name: &str) -> Vec<HostDisk> {
        self.state().disks.get(name).cloned().unwrap_or_default()
    }

    /// The virtual networks.
    #[must_use]
    pub fn vnets(&self) -> Vec<VnetSpec> {
        self.state().vnets.values().cloned().collect()
    }
}

impl Hosts for MemoryHosts {
    fn ensure_vnet(&self, spec: &VnetSpec) -> Result<(), HostsError> {
        self.state().vnets.insert(spec.name.clone(), spec.clone());
        Ok(())
    }

    fn delete_vnet(&self, name: &str) -> Result<(), HostsError> {
        let mut state = self.state();
        if state.machines.values().any(|(spec, _)| spec.vnet == name) {
            return Err(HostsError::text(format!(
                "network {name} still has machines"
            )));
        }
        state.vnets.remove(name);
        Ok(())
    }

    fn create(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>> {
        let mut state = self.state();
        specs
            .into_iter()
            .map(|spec| {
                if !state.vnets.contains_key(&spec.vnet) {
                    return Err(HostsError::text(format!("no network {}", spec.vnet)));
                }
                state
                    .machines
                    .entry(spec.name.clone())
                    .or_insert((spec, true))
                    .1 = true;
                Ok(())
            })
            .collect()
    }

    fn start(&self, name: &str) -> Result<(), HostsError> {
        match self.state().machines.get_mut(name) {
            Some((_, running)) => {
                *running = true;
                Ok(())
            }
            None => Err(HostsError::text(format!("no machine {name}"))),
        }
    }

    fn stop(&self, name: &str, _graceful: bool) -> Result<(), HostsError> {
        if let Some((_, running)) = self.state().machines.get_mut(name) {
            *running = false;
        }
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), HostsError> {
        let mut state = self.state();
        state.machines.remove(name);
        state.disks.remove(name);
        Ok(())
    }

    fn set_disks(&self, name: &str, disks: &[HostDisk]) -> Result<(), HostsError> {
        let mut state = self.state();
        if !state.machines.contains_key(name) {
            return Err(HostsError::text(format!("no machine {name}")));
        }
        state.disks.insert(name.to_owned(), disks.to_vec());
        Ok(())
    }

    fn copy_disk(&self, _from: &str, _to: &str, _gib: u32) -> Result<(), HostsError> {
        Ok(())
    }

    fn delete_disk(&self, _name: &str) -> Result<(), HostsError> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<HostState>, HostsError> {
        Ok(self
            .state()
            .machines
            .iter()
            .map(|(name, (_, running))| HostState {
                name: name.clone(),
                running: *running,
            })
            .collect())
    }

    fn set_policies(&self, policies: &[(String, NetworkPolicy)]) -> Result<(), HostsError> {
        let mut state = self.state();
        for (name, policy) in policies {
            if let Some((spec, _)) = state.machines.get_mut(name) {
                spec.policy = policy.clone();
            }
        }
        Ok(())
    }

    fn arm64(&self) -> bool {
        true
    }
}
