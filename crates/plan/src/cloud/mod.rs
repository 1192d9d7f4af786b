//! Planning what the cloud has to do: what machines share, machines, and the
//! firewall. The ledger's rows are decided here, in full: names, sizes, zones
//! and addresses; executors choose nothing.

mod disks;
mod exposure;
mod firewall;
mod machine;
mod placement;
mod shared;
mod size;
mod status;
mod step;

#[cfg(test)]
mod tests;

use lazuli_model::state::{Machine, ModelState};

use crate::types::{Inputs, SubjectPlan};

pub(crate) use disks::{
    delete_disk, disk, disk_name, free_lun, is_attached, is_released, make_disk,
};
pub use shared::SharedNames;
pub(crate) use status::{instance_is_going, instance_is_gone, instance_status, instance_trouble};

/// Plans what the machines of the model share.
pub(crate) fn plan_model(inputs: Inputs<'_>) -> SubjectPlan {
    shared::plan(inputs)
}

/// Plans a machine's instance: made, booted, given a public address, deleted.
/// A dying machine's instance goes when no unit is on it any more.
pub(crate) fn plan_machine(inputs: Inputs<'_>, machine: &Machine) -> SubjectPlan {
    machine::plan(inputs, machine)
}

/// Whether nothing of a machine is left at the cloud, so that its rows may go.
pub(crate) fn machine_is_over(state: &ModelState, machine: &Machine) -> bool {
    state
        .effects_of(machine.id)
        .all(|effect| shared::is_over(&effect.state))
}

/// Whether nothing of the model is left at the cloud, so that it may go.
pub(crate) fn model_is_over(state: &ModelState) -> bool {
    state.effects().all(|effect| shared::is_over(&effect.state))
}
