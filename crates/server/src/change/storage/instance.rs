//! Instances by their names, and which of them fit where.

use lazuli_model::charm::StorageSpec;
use lazuli_model::id::MachineId;
use lazuli_model::life::Life;
use lazuli_model::names::StorageId;
use lazuli_model::state::{Machine, MachineSource, ModelState, Storage, StorageProvider};

use crate::change::{Draft, Refusal};

/// The instance of this name: `data/0`, or `data-0` where a slash is not to
/// be had.
pub(super) fn storage<'a>(state: &'a ModelState, name: &str) -> Result<&'a Storage, Refusal> {
    let parsed: Option<StorageId> = name.parse().ok().or_else(|| {
        let (store, number) = name.rsplit_once('-')?;
        format!("{store}/{number}").parse().ok()
    });
    parsed
        .and_then(|name| state.storages().all().find(|row| row.name == name))
        .ok_or_else(|| Refusal::not_found("storage", name))
}

/// An instance that no unit has.
pub(super) fn detached<'a>(state: &'a ModelState, name: &str) -> Result<&'a Storage, Refusal> {
    let row = storage(state, name)?;
    let named = || format!("{:?}", row.name.to_string());
    if row.life != Life::Alive {
        return Err(Refusal::conflict(format!("storage {} is dying", named())));
    }
    let holder = state.storages().state(row.id).and_then(|known| known.unit);
    if let Some(unit) = row.unit.or(holder).and_then(|unit| state.unit(unit)) {
        return Err(Refusal::conflict(format!(
            "storage {} is already attached to unit {:?}",
            named(),
            unit.name.to_string()
        )));
    }
    Ok(row)
}

/// Whether an instance can be one of a charm's store.
pub(super) fn check_fit(spec: &StorageSpec, row: &Storage) -> Result<(), Refusal> {
    let shown = row.name.to_string();
    if spec.kind != row.kind {
        return Err(Refusal::invalid(format!(
            "cannot attach storage {shown:?}: the charm's store is of another kind"
        )));
    }
    match spec.minimum_size {
        // How large what is imported is, the cloud alone knows.
        _ if row.source.is_some() => Ok(()),
        Some(least) if row.size < least => Err(Refusal::invalid(format!(
            "cannot attach storage {shown:?}: {}MB are less than the minimum of {least}MB",
            row.size
        ))),
        _ => Ok(()),
    }
}

/// The cloud's disks are for the cloud's machines.
pub(super) fn check_machine(
    draft: &Draft<'_>,
    provider: StorageProvider,
    machine: MachineId,
) -> Result<(), Refusal> {
    let manual = |row: &Machine| matches!(row.source, MachineSource::Manual { .. });
    let row = draft.state.machine(machine);
    if provider == StorageProvider::Azure && row.is_some_and(manual) {
        return Err(Refusal::invalid(
            "the machine is not one of the cloud and can have none of its disks: use the pool \
             rootfs, tmpfs or loop",
        ));
    }
    Ok(())
}
