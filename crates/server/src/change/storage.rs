//! Storage: what new units get, and what users add, attach, detach and
//! remove.

use std::collections::BTreeMap;

use lazuli_api::{Deploy, Removal};
use lazuli_model::charm::{Charm, StorageSpec};
use lazuli_model::id::{GenericUuid, MachineId, StorageInstanceId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::names::{StorageId, StorageName};
use lazuli_model::state::{
    Application, Change, Machine, MachineSource, ModelState, Row, Storage, StorageDirective,
    StorageProvider, Unit, storage_pool,
};
use lazuli_plan::Asked;

use super::{Draft, Refusal, unit};

/// Instances that one unit may have of one store.
const MOST: u32 = 32;

/// What each unit of a new application gets.
pub(super) fn of_deploy(
    charm: &Charm,
    request: &Deploy,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    directives(charm, &request.storage).map_err(|refusal| refusal.at("/storage"))
}

fn directives(
    charm: &Charm,
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    let mut asked = BTreeMap::new();
    for (name, text) in texts {
        asked.insert(name.clone(), read(text)?);
    }
    let found = lazuli_plan::directives(charm, &asked, true).map_err(Refusal::invalid)?;
    match found.iter().find(|(_, directive)| directive.count > MOST) {
        None => Ok(found),
        Some((name, directive)) => Err(Refusal::invalid(format!(
            "storage {:?}: {} instances for a unit are too many: at most {MOST}",
            name.as_str(),
            directive.count
        ))),
    }
}

/// Reads a directive: pool, count and size in any order, told apart by their
/// form (Juju, `storage.ParseConstraints`).
fn read(text: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    for field in text
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let digits = field.strip_prefix('-').unwrap_or(field);
        let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if numeric {
            let count = field.parse::<u32>().ok().filter(|count| *count > 0);
            asked.count = Some(count.ok_or_else(|| {
                Refusal::invalid(format!(
                    "cannot parse count: count must be greater than zero, got {field:?}"
                ))
            })?);
        } else if let Some(size) = size(field) {
            asked.size = Some(size);
        } else if is_pool(field) {
            asked.pool = Some(field.to_owned());
        } else {
            return Err(Refusal::invalid(format!(
                "invalid storage directive {text:?}: {field:?} is neither a pool, nor a count, \
                 nor a size such as 10G"
            )));
        }
    }
    if asked == Asked::default() && !text.is_empty() {
        return Err(Refusal::invalid(
            "must provide one of pool or size or count",
        ));
    }
    if asked.size.is_some() && asked.count.is_none() {
        asked.count = Some(1);
    }
    Ok(asked)
}

/// A size such as `10G` or `1.5TiB`, in MiB.
fn size(text: &str) -> Option<u64> {
    let number = text.trim_end_matches('B').trim_end_matches('i');
    let power = "MGTPEZY".find(number.chars().last()?)?;
    let number: f64 = number[..number.len() - 1].parse().ok()?;
    let size = number * 1024_f64.powi(i32::try_from(power).ok()?);
    // Azure's largest disk is far below.
    (size > 0.0 && size < 1e12).then_some(size.ceil() as u64)
}

fn is_pool(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '?')
}

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
    let (provider, _) =
        storage_pool(&directive.pool).ok_or_else(|| Refusal::not_found("pool", &directive.pool))?;
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
            unit: Some(unit),
            life: Life::Alive,
            force: false,
            created_at,
        }));
    }
    Ok(())
}

/// The cloud's disks are for the cloud's machines.
fn check_machine(
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

/// The instance of this name: `data/0`, or `data-0` where a slash is not to
/// be had.
fn storage<'a>(state: &'a ModelState, name: &str) -> Result<&'a Storage, Refusal> {
    let parsed: Option<StorageId> = name.parse().ok().or_else(|| {
        let (store, number) = name.rsplit_once('-')?;
        format!("{store}/{number}").parse().ok()
    });
    parsed
        .and_then(|name| state.storages().all().find(|row| row.name == name))
        .ok_or_else(|| Refusal::not_found("storage", name))
}

/// An instance that no unit has.
fn detached<'a>(state: &'a ModelState, name: &str) -> Result<&'a Storage, Refusal> {
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

fn check_fit(spec: &StorageSpec, row: &Storage) -> Result<(), Refusal> {
    let shown = row.name.to_string();
    if spec.kind != row.kind {
        return Err(Refusal::invalid(format!(
            "cannot attach storage {shown:?}: the charm's store is of another kind"
        )));
    }
    match spec.minimum_size {
        Some(least) if row.size < least => Err(Refusal::invalid(format!(
            "cannot attach storage {shown:?}: {}MB are less than the minimum of {least}MB",
            row.size
        ))),
        _ => Ok(()),
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
        let supported = storage_pool(&directive.pool)
            .ok_or_else(|| Refusal::not_found("pool", &directive.pool))?
            .0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_told_apart_by_their_form() {
        let asked = read("10G,azure-premium,3").unwrap();
        assert_eq!(asked.pool.as_deref(), Some("azure-premium"));
        assert_eq!((asked.size, asked.count), (Some(10240), Some(3)));
        assert_eq!(read("1.5GiB").unwrap().size, Some(1536));
        assert_eq!(read("1.5GiB").unwrap().count, Some(1));
        assert_eq!(read("").unwrap(), Asked::default());
        for (text, message) in [
            ("0", "count must be greater than zero, got \"0\""),
            ("-1", "count must be greater than zero, got \"-1\""),
            (",", "must provide one of pool or size or count"),
            ("10X!", "is neither a pool"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
