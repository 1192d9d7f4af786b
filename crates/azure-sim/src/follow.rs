//! Bringing the hosts to what the state says: networks and policies after each
//! change, everything at the start.

use std::sync::Arc;

use uuid::Uuid;

use crate::engine::{Engine, Told};
use crate::hosts::HostsError;
use crate::ids::{Kind, ResourceId};
use crate::network;
use crate::operation::Outcome;
use crate::resource::{Power, Vm};
use crate::work::in_parallel;

impl Engine {
    /// Tells the hosts of networks and policies that changed.
    pub(crate) async fn sync_network(self: &Arc<Self>) -> Result<(), HostsError> {
        let mut told = self.told.lock().await;
        let direct = self.settings.direct;
        let (vnets, policies) = self.read(|cloud| {
            (
                network::all_vnets(cloud, direct),
                network::all_policies(cloud),
            )
        });
        let gone: Vec<String> = told
            .vnets
            .keys()
            .filter(|name| !vnets.iter().any(|vnet| vnet.name == **name))
            .cloned()
            .collect();
        for vnet in vnets {
            if told.vnets.get(&vnet.name) != Some(&vnet) {
                let spec = vnet.clone();
                match self.on_hosts(move |hosts| hosts.ensure_vnet(&spec)).await {
                    Ok(()) => {
                        told.vnets.insert(vnet.name.clone(), vnet);
                    }
                    // Its machines will say so; others are not to suffer.
                    Err(error) => {
                        tracing::error!(vnet = %vnet.name, error = %error.chain(), "a network could not be set up");
                    }
                }
            }
        }
        let changed: Vec<_> = policies
            .iter()
            .filter(|(name, policy)| told.policies.get(name) != Some(policy))
            .cloned()
            .collect();
        told.policies
            .retain(|name, _| policies.iter().any(|(other, _)| other == name));
        self.tell_policies(&mut told, changed).await?;
        for name in gone {
            let vnet = name.clone();
            match self.on_hosts(move |hosts| hosts.delete_vnet(&vnet)).await {
                Ok(()) => {
                    told.vnets.remove(&name);
                }
                // It stays in the list of those to remove.
                Err(error) => {
                    tracing::warn!(vnet = %name, error = %error.chain(), "a network could not be removed yet");
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn tell_policies(
        &self,
        told: &mut Told,
        changed: Vec<(String, lazuli_guests::NetworkPolicy)>,
    ) -> Result<(), HostsError> {
        if changed.is_empty() {
            return Ok(());
        }
        let list = changed.clone();
        self.on_hosts(move |hosts| hosts.set_policies(&list))
            .await?;
        told.policies.extend(changed);
        Ok(())
    }

    pub(crate) async fn ensure_vnet(
        &self,
        vnet: lazuli_guests::VnetSpec,
    ) -> Result<(), HostsError> {
        let mut told = self.told.lock().await;
        if told.vnets.get(&vnet.name) == Some(&vnet) {
            return Ok(());
        }
        let spec = vnet.clone();
        self.on_hosts(move |hosts| hosts.ensure_vnet(&spec)).await?;
        told.vnets.insert(vnet.name.clone(), vnet);
        Ok(())
    }

    /// Brings the hosts to what the state says, then goes on with what was
    /// under way. To be called once, before requests are taken.
    pub(crate) async fn resume(self: &Arc<Self>) -> Result<(), HostsError> {
        self.sync_network().await?;
        let known = self.on_hosts(|hosts| hosts.list()).await?;
        let vms: Vec<(ResourceId, Vm)> = self.read(|cloud| {
            cloud
                .of_kind(Kind::Vm, "")
                .filter_map(|vm| Some((vm.id.clone(), vm.vm()?.clone())))
                .collect()
        });
        let strays = known
            .iter()
            .filter(|host| !vms.iter().any(|(_, vm)| vm.guest == host.name));
        for stray in strays {
            let name = stray.name.clone();
            tracing::info!(guest = %name, "removing a guest that no virtual machine has");
            self.on_hosts(move |hosts| hosts.delete(&name)).await?;
        }
        let running = |vm: &Vm| {
            known
                .iter()
                .any(|host| host.name == vm.guest && host.running)
        };
        let start = vms
            .iter()
            .filter(|(_, vm)| vm.built && vm.power == Power::Running && !running(vm))
            .map(|(id, _)| async move {
                if let Err(error) = self.build(id).await {
                    tracing::error!(vm = %id, error = %error, "a guest could not be started again");
                }
            });
        in_parallel(start).await;
        let under_way: Vec<Uuid> = self.read(|cloud| {
            cloud
                .operations()
                .filter(|operation| operation.outcome == Outcome::InProgress)
                .map(|operation| operation.id)
                .collect()
        });
        for operation in under_way {
            self.carry_out(operation);
        }
        Ok(())
    }

    /// Powers all guests off, without a word to the state: they come back at
    /// the next start.
    pub(crate) async fn power_off(self: &Arc<Self>) {
        let guests = match self.on_hosts(|hosts| hosts.list()).await {
            Ok(guests) => guests,
            Err(error) => {
                tracing::error!(error = %error.chain(), "the guests could not be listed");
                return;
            }
        };
        let work = guests
            .into_iter()
            .filter(|guest| guest.running)
            .map(|guest| async move {
                let name = guest.name.clone();
                (
                    guest.name,
                    self.on_hosts(move |hosts| hosts.stop(&name, true)).await,
                )
            });
        for (name, result) in in_parallel(work).await {
            if let Err(error) = result {
                tracing::error!(guest = %name, error = %error.chain(), "a guest could not be powered off");
            }
        }
    }
}
