//! What a hook is shown of its unit's storage.

use std::collections::BTreeMap;

use lazuli_model::charm::{Charm, StorageKind};
use lazuli_model::hook::{Hook, StorageHook, StorageHookKind};
use lazuli_model::state::{ModelState, Storage, StorageProvider, StorageState, Unit, storage_spec};
use lazuli_runner::frames;

/// The name of the store that a storage hook is about.
pub(crate) fn store_of(state: &ModelState, hook: &StorageHook) -> Option<String> {
    let storage = state.storages().get(hook.storage)?;
    Some(storage.name.storage().to_string())
}

/// The instance that a hook is about.
pub(crate) fn hook(state: &ModelState, hook: &Hook) -> Option<frames::HookStorage> {
    let Hook::Storage(hook) = hook else {
        return None;
    };
    Some(frames::HookStorage {
        id: state.storages().get(hook.storage)?.name.to_string(),
        detaching: hook.kind == StorageHookKind::Detaching,
    })
}

/// The instances that are attached to a unit, with that of the hook.
pub(crate) fn storage(
    state: &ModelState,
    unit: &Unit,
    charm: &Charm,
    hook: &Hook,
) -> Vec<frames::StorageContext> {
    let storages = state.storages();
    storages
        .of_unit(unit.id)
        .into_iter()
        .filter_map(|row| {
            let known = storages.state(row.id)?;
            let own = matches!(hook, Hook::Storage(hook) if hook.storage == row.id);
            let has = known.unit == Some(unit.id) && (known.attached || own);
            has.then(|| context(charm, row, known)).flatten()
        })
        .collect()
}

fn context(
    charm: &Charm,
    storage: &Storage,
    known: &StorageState,
) -> Option<frames::StorageContext> {
    let spec = storage_spec(charm, storage);
    Some(frames::StorageContext {
        id: storage.name.to_string(),
        kind: match storage.kind {
            StorageKind::Block => frames::StorageKind::Block,
            StorageKind::Filesystem => frames::StorageKind::Filesystem,
        },
        location: spec
            .filter(|_| storage.kind == StorageKind::Filesystem)
            .map(|spec| spec.mount_point(&storage.name))
            .unwrap_or_default(),
        read_only: spec.is_some_and(|spec| spec.read_only),
        size: storage.size,
        source: match storage.provider {
            StorageProvider::Azure => frames::StorageSource::Disk { lun: known.lun? },
            StorageProvider::Loop => frames::StorageSource::Loop,
            StorageProvider::Rootfs => frames::StorageSource::Rootfs,
            StorageProvider::Tmpfs => frames::StorageSource::Tmpfs,
        },
    })
}

/// The charm's stores, and how many instances the unit has and may have.
pub(crate) fn stores(
    state: &ModelState,
    unit: &Unit,
    charm: &Charm,
) -> BTreeMap<String, frames::StoreCount> {
    let stores = charm.meta.storage.iter();
    stores
        .map(|(name, spec)| {
            let count = frames::StoreCount {
                has: lazuli_plan::unit_count(state, unit, name),
                max: spec.count_max,
            };
            (name.to_string(), count)
        })
        .collect()
}
