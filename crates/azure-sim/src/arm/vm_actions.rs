//! POST actions of VMs.

use super::common::{Answer, World, begin, existing, writable_group};
use super::vms::check_idle;
use crate::error::ArmError;
use crate::ids::ResourceId;
use crate::operation::{Provider, Work};
use crate::resource::{Power, Provisioning};
use crate::state::Tx;

/// Begins an action; `None` if there is no such action.
pub(crate) fn post(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    action: &str,
) -> Result<Option<Answer>, ArmError> {
    let (work, power) = match action.to_ascii_lowercase().as_str() {
        "start" => (Work::StartVm, Power::Starting),
        "poweroff" => (Work::PowerOffVm, Power::Stopping),
        "deallocate" => (Work::DeallocateVm, Power::Deallocating),
        "restart" | "redeploy" | "reapply" => (Work::RestartVm, Power::Starting),
        _ => return Ok(None),
    };
    writable_group(tx, id)?;
    let resource = existing(tx, id)?.clone();
    check_idle(tx, &resource)?;
    let running = resource.vm().is_some_and(|vm| vm.power.wanted());
    if work == Work::RestartVm && !running {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!(
                "Cannot {action} VM '{}' because it is not running.",
                resource.id.name
            ),
        ));
    }
    let operation = begin(
        tx,
        world,
        Provider::Compute,
        resource.location(),
        &resource.id,
        work,
    );
    tx.update(&resource.id, |resource| {
        resource.provisioning = Provisioning::Updating;
        if let Some(vm) = resource.vm_mut() {
            vm.operation = Some(operation);
            vm.power = power;
        }
    });
    Ok(Some(Answer::accepted(operation)))
}
