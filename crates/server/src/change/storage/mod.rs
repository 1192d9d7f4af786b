//! Storage: what units get, and what users add, attach, detach and remove.

use std::collections::BTreeMap;

use lazuli_api::Removal;
use lazuli_model::charm::{Charm, StorageSpec};
use lazuli_model::id::{GenericUuid, MachineId, StorageInstanceId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::names::{StorageId, StorageName};
use lazuli_model::state::{Application, Change, ModelState, Row, Storage, StorageDirective, Unit};

use super::{Draft, Refusal, unit};

mod directive;
mod import;
mod instance;
mod pool;

pub(super) use directive::{of_deploy, of_refresh};
pub(crate) use import::import_filesystem;
pub(crate) use pool::{create_pool, remove_pool, update_pool};

use directive::{MOST, read};
use instance::{check_fit, check_machine, detached, storage};

/// Gives a new unit its storage: `attached` are instances that it takes over,
/// which count towards what it gets.
pub(super) fn of_unit(
    draft: &mut Draft<'_>,
    row: &Application,
    id: UnitId,
    machine: MachineId,
    attached: &[String],
) -> Result<(), Refusal> {
    let mut taken: BTreeMap<StorageName, u32> = BTreeMap::new();
    for name in attached {
        let storage = detached(draft.state, name)?;
        let store = storage.name.storage();
        let spec = store_of(draft.state, row, store)?;
        check_fit(spec, storage)?;
        check_machine(draft, storage.provider, machine)?;
        let count = taken.entry(store.clone()).or_default();
        lazuli_plan::check_count(store, spec, *count, 1).map_err(Refusal::invalid)?;
        *count += 1;
        let storage = Storage {
            unit: Some(id),
            ..storage.clone()
        };
        draft.put(Row::Storage(storage));
    }
    for (store, directive) in &row.storage {
        let has = taken.get(store).copied().unwrap_or_default();
        let missing = directive.count.saturating_sub(has);
        if missing > 0 {
            let spec = store_of(draft.state, row, store)?.clone();
            add(draft, store, &spec, directive, missing, id, machine)?;
        }
    }
    Ok(())
}

/// Gives the units of an application what a new charm requires and they lack
/// (Juju adds it when the charm is changed).
pub(super) fn of_new_charm(
    draft: &mut Draft<'_>,
    row: &Application,
    charm: &Charm,
) -> Result<(), Refusal> {
    let state = draft.state;
    for unit in state
        .units_of(row.id)
        .filter(|unit| unit.life == Life::Alive)
    {
        for (store, spec) in &charm.meta.storage {
            let Some(directive) = row.storage.get(store) else {
                continue;
            };
            let has = lazuli_plan::unit_count(state, unit, store);
            let missing = spec.count_min.saturating_sub(has);
            if missing > 0 {
                add(
                    draft,
                    store,
                    spec,
                    directive,
                    missing,
                    unit.id,
                    unit.machine,
                )?;
            }
        }
    }
    Ok(())
}

fn store_of<'a>(
    state: &'a ModelState,
    row: &Application,
    store: &StorageName,
) -> Result<&'a StorageSpec, Refusal> {
    let charm = state.charm(row.charm);
    charm
        .and_then(|charm| charm.charm.meta.storage.get(store))
        .ok_or_else(|| Refusal::not_found("charm storage", store.as_str()))
}

fn add(
    draft: &mut Draft<'_>,
    store: &StorageName,
    spec: &StorageSpec,
    directive: &StorageDirective,
    count: u32,
    unit: UnitId,
    machine: MachineId,
) -> Result<(), Refusal> {
    let provider = pool::find(draft.state, &directive.pool)?.provider;
    check_machine(draft, provider, machine)?;
    for _ in 0..count {
        let number = draft.next_storage();
        let id = StorageInstanceId::from_untyped_uuid(draft.numbers.id());
        let created_at = draft.now;
        draft.put(Row::Storage(Storage {
            id,
            name: StorageId::new(store.clone(), number),
            kind: spec.kind,
            pool: directive.pool.clone(),
            provider,
            size: directive.size,
            source: None,
            unit: Some(unit),
            life: Life::Alive,
            force: false,
            created_at,
        }));
    }
    Ok(())
}

impl Draft<'_> {
    /// The number of a new instance.
    fn next_storage(&self) -> u32 {
        let new = self.changes.iter().filter_map(|change| match change {
            Change::Put(Row::Storage(row)) => Some(row.name.number() + 1),
            _ => None,
        });
        new.max().unwrap_or(0).max(self.state.next_storage())
    }
}

fn alive<'a>(state: &'a ModelState, name: &str) -> Result<(&'a Unit, &'a Application), Refusal> {
    let row = unit(state, name)?;
    let application = state
        .application(row.application)
        .ok_or_else(|| Refusal::not_found("application", row.name.application().as_str()))?;
    if row.life != Life::Alive {
        return Err(Refusal::conflict(format!(
            "unit {:?} is not alive",
            row.name.to_string()
        )));
    }
    Ok((row, application))
}

/// Adds instances to a unit.
pub(crate) fn add_storage(
    draft: &mut Draft<'_>,
    name: &str,
    texts: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    draft.check_alive()?;
    let state = draft.state;
    let (row, application) = alive(state, name)?;
    for (store, text) in texts {
        let found = application
            .storage
            .iter()
            .find(|(name, _)| name.as_str() == store);
        let Some((store, known)) = found else {
            return Err(Refusal::invalid(format!(
                "charm storage {store:?} not found"
            )));
        };
        let spec = store_of(state, application, store)?;
        let asked = read(text)?;
        let directive = StorageDirective {
            pool: asked.pool.unwrap_or_else(|| known.pool.clone()),
            size: asked.size.unwrap_or(known.size),
            count: asked.count.unwrap_or(1),
        };
        let supported = pool::find(state, &directive.pool)?
            .provider
            .supports(spec.kind);
        if !supported {
            return Err(Refusal::invalid(format!(
                "pool {:?} cannot hold what the charm's store {:?} is",
                directive.pool,
                store.as_str()
            )));
        }
        let has = lazuli_plan::unit_count(state, row, store);
        lazuli_plan::check_count(store, spec, has, directive.count)
            .map_err(|why| Refusal::invalid(format!("cannot add storage: {why}")))?;
        if has.saturating_add(directive.count) > MOST {
            return Err(Refusal::invalid(format!(
                "a unit can have {MOST} instances of a store at most"
            )));
        }
        add(
            draft,
            store,
            spec,
            &directive,
            directive.count,
            row.id,
            row.machine,
        )?;
    }
    Ok(())
}

/// Attaches an instance that is detached.
pub(crate) fn attach_storage(draft: &mut Draft<'_>, name: &str, unit: &str) -> Result<(), Refusal> {
    draft.check_alive()?;
    let state = draft.state;
    let (to, application) = alive(state, unit)?;
    let row = detached(state, name)?;
    let store = row.name.storage();
    let spec = store_of(state, application, store)?;
    check_fit(spec, row)?;
    check_machine(draft, row.provider, to.machine)?;
    let has = lazuli_plan::unit_count(state, to, store);
    lazuli_plan::check_count(store, spec, has, 1).map_err(|why| {
        Refusal::invalid(format!("cannot attach {} to {}: {why}", row.name, to.name))
    })?;
    draft.put(Row::Storage(Storage {
        unit: Some(to.id),
        force: false,
        ..row.clone()
    }));
    Ok(())
}

/// Detaches an instance and keeps it.
pub(crate) fn detach_storage(
    draft: &mut Draft<'_>,
    name: &str,
    how: &Removal,
) -> Result<(), Refusal> {
    let row = storage(draft.state, name)?;
    let shown = row.name.to_string();
    if !row.provider.is_persistent() {
        return Err(Refusal::invalid(format!(
            "cannot detach storage {shown:?}: storage is not detachable"
        )));
    }
    let known = draft.state.storages().state(row.id);
    if row.unit.is_none() && known.is_none_or(|known| known.unit.is_none()) {
        return Err(Refusal::conflict(format!(
            "storage {shown:?} is not attached"
        )));
    }
    draft.put(Row::Storage(Storage {
        unit: None,
        force: row.force || how.force,
        ..row.clone()
    }));
    Ok(())
}

/// Destroys an instance. One that is attached goes only by force.
pub(crate) fn remove_storage(
    draft: &mut Draft<'_>,
    name: &str,
    how: &Removal,
) -> Result<(), Refusal> {
    let row = storage(draft.state, name)?;
    let shown = row.name.to_string();
    if how.release_storage {
        return Err(Refusal::not_supported(format!(
            "storage provider {:?} does not support releasing storage",
            row.provider.as_str()
        )));
    }
    let known = draft.state.storages().state(row.id);
    let attached = row.unit.is_some() || known.is_some_and(|known| known.unit.is_some());
    if attached && !how.force {
        return Err(Refusal::conflict(format!(
            "storage {shown:?} is attached: use the --force option to remove attached storage"
        )));
    }
    draft.put(Row::Storage(Storage {
        life: Life::Dying,
        unit: None,
        force: row.force || how.force,
        ..row.clone()
    }));
    Ok(())
}

/// Sets the storage of units that go dying, where that is asked for.
pub(super) fn destroy_of(draft: &mut Draft<'_>, units: &[UnitId], how: &Removal) {
    if !how.destroy_storage {
        return;
    }
    let state = draft.state;
    for unit in units {
        for row in state.storages().of_unit(*unit) {
            draft.put(Row::Storage(Storage {
                life: Life::Dying,
                ..row.clone()
            }));
        }
    }
}

/// Sets all storage dying; refuses to take persistent storage with a model
/// unasked.
pub(super) fn destroy_all(draft: &mut Draft<'_>, how: &Removal) -> Result<(), Refusal> {
    let state = draft.state;
    let name = &state.model().name;
    let persistent: Vec<_> = state
        .storages()
        .all()
        .filter(|row| row.provider.is_persistent() && row.life == Life::Alive)
        .collect();
    if how.release_storage && !persistent.is_empty() {
        return Err(Refusal::not_supported(
            "storage provider \"azure\" does not support releasing storage",
        ));
    }
    if !how.destroy_storage && !persistent.is_empty() {
        return Err(Refusal::conflict(format!(
            "cannot destroy model {:?}: the model has persistent storage remaining: {} volume(s); \
             to destroy the storage, run the destroy-model command again with the \
             \"--destroy-storage\" option",
            name.as_str(),
            persistent.len()
        )));
    }
    for row in state.storages().all() {
        draft.put(Row::Storage(Storage {
            life: Life::Dying,
            force: row.force || how.force,
            ..row.clone()
        }));
    }
    Ok(())
}
