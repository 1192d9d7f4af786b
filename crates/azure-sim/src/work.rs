//! Carrying operations out: the latency, the guests, the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::arm::{host_disks, host_name, release, removable, remove};
use crate::builder::Build;
use crate::engine::{Engine, now_ms};
use crate::error::ArmError;
use crate::hosts::HostsError;
use crate::ids::{Kind, ResourceId};
use crate::network;
use crate::operation::{Operation, Outcome, Work};
use crate::resource::{Power, Provisioning, Resource};
use crate::state::Tx;

/// Guests started or ended at once.
const PARALLEL: usize = 64;

impl Engine {
    /// Begins to carry out an operation that is written down.
    pub(crate) fn carry_out(self: &Arc<Self>, id: Uuid) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let Some(operation) = engine.operation(id) else {
                return;
            };
            if operation.outcome != Outcome::InProgress || operation.bend.hang {
                return;
            }
            let passed = u64::try_from(now_ms() - operation.started_ms).unwrap_or(0);
            let latency = Duration::from_millis(operation.latency_ms.saturating_sub(passed));
            tokio::select! {
                // It is still written down: the next start goes on with it.
                () = engine.stop.cancelled() => return,
                () = tokio::time::sleep(latency) => {}
            }
            if let Err(error) = engine.work(&operation).await {
                tracing::error!(operation = %id, error = %error, "an operation could not be ended");
            }
        });
    }

    async fn work(self: &Arc<Self>, operation: &Operation) -> Result<(), ArmError> {
        if let (Some(error), false) = (&operation.bend.fail, operation.bend.effect) {
            return self.end(operation, Err(error.clone())).await;
        }
        let result = match operation.work {
            Work::CreateVm
            | Work::UpdateVm
            | Work::StartVm
            | Work::PowerOffVm
            | Work::DeallocateVm
            | Work::RestartVm
            | Work::DeleteVm => {
                let lock = self.vm_lock(&operation.target);
                let _held = lock.lock().await;
                // A deletion may have gone before while this one waited.
                let current = self.operation(operation.id);
                if current.is_none_or(|now| now.outcome != Outcome::InProgress) {
                    return Ok(());
                }
                let result = self.on_guest(operation).await;
                return self.end(operation, result).await;
            }
            Work::DeleteGroup => self.empty_group(&operation.target).await,
            Work::CopyDisk => self.copy_disk(&operation.target).await,
            Work::Delete | Work::Settle => Ok(()),
        };
        let deletes = matches!(operation.work, Work::Delete | Work::DeleteGroup);
        if deletes && result.is_ok() {
            self.withdraw(operation).await?;
        }
        self.end(operation, result).await
    }

    /// Takes what is deleted away, also from the guests, before the operation
    /// is shown as ended.
    async fn withdraw(self: &Arc<Self>, operation: &Operation) -> Result<(), ArmError> {
        self.bury(&operation.target);
        self.delete_disks(&operation.target).await?;
        self.change(|tx| {
            let current = tx.cloud().operation(operation.id);
            if current.is_some_and(|now| now.outcome == Outcome::InProgress) {
                take_away(tx, operation);
            }
        })
        .await?;
        if let Err(error) = self.sync_network().await {
            tracing::error!(error = %error.chain(), "the network of the guests could not follow");
        }
        Ok(())
    }

    /// Fills a new disk with the content of the one that it is a copy of.
    async fn copy_disk(&self, target: &ResourceId) -> Result<(), ArmError> {
        let names = self.read(|cloud| {
            let disk = cloud.get(target)?;
            let source = cloud.get(disk.disk()?.source.as_ref()?)?;
            let gib = disk.body["properties"]["diskSizeGB"].as_u64()?;
            Some((host_name(source), host_name(disk), u32::try_from(gib).ok()?))
        });
        let Some((from, to, gib)) = names else {
            return Err(ArmError::new(
                404,
                "ResourceNotFound",
                format!("The disk that {target} is a copy of has gone."),
            ));
        };
        self.on_hosts(move |hosts| hosts.copy_disk(&from, &to, gib))
            .await
            .map_err(|error| Self::host_failure(&error))
    }

    /// Removes the content of a disk, or of the disks of a group.
    async fn delete_disks(&self, target: &ResourceId) -> Result<(), ArmError> {
        let names: Vec<String> = self.read(|cloud| match target.kind {
            Kind::Disk => cloud.get(target).map(host_name).into_iter().collect(),
            Kind::Group => {
                let prefix = format!("{}/", target.key().1);
                cloud.of_kind(Kind::Disk, &prefix).map(host_name).collect()
            }
            _ => Vec::new(),
        });
        self.on_hosts(move |hosts| names.iter().try_for_each(|name| hosts.delete_disk(name)))
            .await
            .map_err(|error| Self::host_failure(&error))
    }

    /// The part of an operation that happens to a guest.
    async fn on_guest(self: &Arc<Self>, operation: &Operation) -> Result<(), ArmError> {
        let vm = self.read(|cloud| cloud.get(&operation.target).and_then(Resource::vm).cloned());
        let Some(vm) = vm else {
            return Ok(());
        };
        let name = vm.guest.clone();
        let result = match operation.work {
            Work::CreateVm | Work::StartVm => return self.build(&operation.target).await,
            Work::PowerOffVm | Work::DeallocateVm => {
                self.on_hosts(move |hosts| hosts.stop(&name, true)).await
            }
            Work::RestartVm => {
                self.on_hosts(move |hosts| {
                    hosts.stop(&name, true)?;
                    hosts.start(&name)
                })
                .await
            }
            Work::DeleteVm => self.on_hosts(move |hosts| hosts.delete(&name)).await,
            Work::UpdateVm => {
                let disks =
                    self.read(|cloud| cloud.get(&operation.target).map(|vm| host_disks(cloud, vm)));
                match disks.filter(|_| vm.built) {
                    Some(disks) => {
                        self.on_hosts(move |hosts| hosts.set_disks(&name, &disks))
                            .await
                    }
                    None => Ok(()),
                }
            }
            Work::DeleteGroup | Work::Delete | Work::CopyDisk | Work::Settle => Ok(()),
        };
        result.map_err(|error| Self::host_failure(&error))
    }

    /// Makes or starts a VM's guest under the policy of this moment.
    pub(crate) async fn build(self: &Arc<Self>, id: &ResourceId) -> Result<(), ArmError> {
        let direct = self.settings.direct;
        let plan = self.read(|cloud| {
            let resource = cloud.get(id)?;
            let vnet = network::vnet_of(cloud, resource.vm()?)?;
            Some((
                network::guest_spec(cloud, resource)?,
                network::vnet_spec(cloud, vnet, direct),
            ))
        });
        let Some((spec, vnet)) = plan else {
            return Err(ArmError::new(
                400,
                "NetworkingInternalOperationError",
                format!("The network interface or subnet of {id} has gone."),
            ));
        };
        self.ensure_vnet(vnet)
            .await
            .map_err(|error| Self::host_failure(&error))?;
        let (name, policy) = (spec.name.clone(), spec.policy.clone());
        self.make(spec)
            .await
            .map_err(|error| Self::host_failure(&error))?;
        self.change(|tx| {
            tx.update(id, |resource| {
                if let Some(vm) = resource.vm_mut() {
                    vm.built = true;
                }
            });
        })
        .await?;
        // Rules may have changed while the guest was made; from here on
        // `sync_network` knows it.
        let now = self.read(|cloud| Some(network::policy(cloud, cloud.get(id)?.vm()?)));
        let mut told = self.told.lock().await;
        told.policies.insert(name.clone(), policy.clone());
        if let Some(now) = now
            && now != policy
        {
            self.tell_policies(&mut told, vec![(name, now)])
                .await
                .map_err(|error| Self::host_failure(&error))?;
        }
        Ok(())
    }

    async fn make(&self, spec: lazuli_guests::GuestSpec) -> Result<(), HostsError> {
        let (done, made) = oneshot::channel();
        let gone = |_| HostsError::text("the simulator is ending");
        self.builds
            .send(Build { spec, done })
            .await
            .map_err(|_| HostsError::text("the simulator is ending"))?;
        made.await.map_err(gone)?
    }

    /// Ends the guests of a group's VMs.
    async fn empty_group(self: &Arc<Self>, group: &ResourceId) -> Result<(), ArmError> {
        let prefix = format!("{}/", group.key().1);
        let guests: Vec<(ResourceId, String)> = self.read(|cloud| {
            cloud
                .of_kind(Kind::Vm, &prefix)
                .filter_map(|vm| Some((vm.id.clone(), vm.vm()?.guest.clone())))
                .collect()
        });
        for (id, _) in &guests {
            self.bury(id);
        }
        let work = guests.into_iter().map(|(id, guest)| async move {
            // What is under way on the VM ends first.
            let lock = self.vm_lock(&id);
            let _held = lock.lock().await;
            self.on_hosts(move |hosts| hosts.delete(&guest)).await
        });
        let results = in_parallel(work).await;
        match results.into_iter().find_map(Result::err) {
            Some(error) => Err(Self::host_failure(&error)),
            None => Ok(()),
        }
    }

    /// Writes an operation's end and what it means for its resource.
    async fn end(
        self: &Arc<Self>,
        operation: &Operation,
        result: Result<(), ArmError>,
    ) -> Result<(), ArmError> {
        let result = match (&operation.bend.fail, result) {
            (Some(error), Ok(())) => Err(error.clone()),
            (_, result) => result,
        };
        if result.is_ok() && operation.work == Work::DeleteVm {
            self.bury(&operation.target);
        }
        self.change(|tx| {
            let current = tx.cloud().operation(operation.id);
            if current.is_none_or(|now| now.outcome != Outcome::InProgress) {
                return;
            }
            match result {
                Ok(()) => {
                    succeed(tx, operation);
                    tx.end(operation.id, Outcome::Succeeded, None);
                }
                Err(error) => {
                    tracing::info!(operation = %operation.id, target = %operation.target, error = %error, "an operation failed");
                    fail(tx, operation, &error);
                    tx.end(operation.id, Outcome::Failed, Some(error));
                }
            }
        })
        .await
    }
}

pub(crate) async fn in_parallel<F: Future>(work: impl Iterator<Item = F>) -> Vec<F::Output> {
    use futures::StreamExt as _;
    futures::stream::iter(work)
        .buffer_unordered(PARALLEL)
        .collect()
        .await
}

/// Removes what an operation deletes.
fn take_away(tx: &mut Tx<'_>, operation: &Operation) {
    if operation.work != Work::DeleteGroup {
        return remove(tx, &operation.target);
    }
    for id in removable(tx, &operation.target) {
        remove(tx, &id);
    }
    tx.remove(&operation.target);
}

/// What success means for the resource.
fn succeed(tx: &mut Tx<'_>, operation: &Operation) {
    let power = match operation.work {
        Work::CreateVm | Work::StartVm | Work::RestartVm => Some(Power::Running),
        Work::PowerOffVm => Some(Power::Stopped),
        Work::DeallocateVm => Some(Power::Deallocated),
        Work::UpdateVm => {
            release(tx, &operation.target);
            None
        }
        Work::CopyDisk | Work::Settle => None,
        Work::DeleteVm => return take_away(tx, operation),
        Work::Delete | Work::DeleteGroup => return,
    };
    tx.update(&operation.target, |resource| {
        resource.provisioning = Provisioning::Succeeded;
        if let Some(vm) = resource.vm_mut() {
            vm.failure = None;
            vm.operation = None;
            if let Some(power) = power {
                vm.power = power;
            }
        }
    });
}

/// What failure means for the resource: it stays, and says so.
fn fail(tx: &mut Tx<'_>, operation: &Operation, error: &ArmError) {
    tx.update(&operation.target, |resource| {
        resource.provisioning = if operation.work == Work::DeleteGroup {
            Provisioning::Succeeded
        } else {
            Provisioning::Failed
        };
        if let Some(vm) = resource.vm_mut() {
            vm.operation = None;
            vm.failure = Some(error.clone());
            vm.power = match vm.power {
                Power::Starting => Power::Stopped,
                Power::Stopping | Power::Deallocating => Power::Running,
                settled => settled,
            };
        }
    });
}
