//! Storage that a hook adds to its unit, or a user to a unit.

use std::collections::BTreeMap;

use lazuli_model::charm::{Charm, StorageKind, StorageSpec};
use lazuli_model::id;
use lazuli_model::life::Life;
use lazuli_model::names::{StorageId, StorageName};
use lazuli_model::state::{Change, Model, ModelState, Row, Storage, StorageDirective, Unit};
use time::OffsetDateTime;

/// Storage to be added by one hook.
pub(crate) struct Added<'a> {
    state: &'a ModelState,
    unit: &'a Unit,
    /// The hook's sequence: ids are derived from it, so that an outcome that
    /// is taken again adds nothing again.
    seq: u64,
    now: OffsetDateTime,
    next: u32,
    counts: BTreeMap<StorageName, u32>,
}

impl<'a> Added<'a> {
    pub(crate) fn of(state: &'a ModelState, unit: &'a Unit, seq: u64, now: OffsetDateTime) -> Self {
        Self {
            state,
            unit,
            seq,
            now,
            next: state.next_storage(),
            counts: BTreeMap::new(),
        }
    }

    /// Adds `count` instances of a store.
    pub(crate) fn add(&mut self, store: &str, count: u32) -> Result<Vec<Change>, String> {
        let (unit, state) = (self.unit, self.state);
        let application = state.application(unit.application);
        let charm = application.and_then(|application| state.charm(application.charm));
        let (Some(application), Some(charm)) = (application, charm) else {
            return Ok(Vec::new());
        };
        let found = charm
            .charm
            .meta
            .storage
            .iter()
            .find(|(name, _)| name.as_str() == store);
        let Some((name, spec)) = found else {
            return Err(format!("charm storage {store:?} not found"));
        };
        let added = self.counts.entry(name.clone()).or_default();
        let has = unit_count(state, unit, name) + *added;
        check_count(name, spec, has, count)?;
        let directive = application
            .storage
            .get(name)
            .ok_or_else(|| format!("application has no pool for storage {store:?}"))?;
        *added += count;
        let mut changes = Vec::new();
        for _ in 0..count {
            let number = self.next;
            self.next += 1;
            let id = StorageId::new(name.clone(), number);
            let natural = format!("{id}:{}:{}", unit.id, self.seq);
            let pool = state
                .model()
                .storage_pool(&directive.pool)
                .ok_or_else(|| format!("pool {:?} not found", directive.pool))?;
            changes.push(Change::Put(Row::Storage(Storage {
                source: None,
                id: id::derived(state.model().id, &natural),
                name: id,
                kind: spec.kind,
                pool: directive.pool.clone(),
                provider: pool.provider,
                size: directive.size,
                unit: Some(unit.id),
                life: Life::Alive,
                force: false,
                created_at: self.now,
            })));
        }
        Ok(changes)
    }
}

/// How many instances of a store a unit has.
#[must_use]
pub fn unit_count(state: &ModelState, unit: &Unit, store: &StorageName) -> u32 {
    let storages = state.storages().of_unit(unit.id);
    let own = storages
        .into_iter()
        .filter(|row| row.unit == Some(unit.id) && row.name.storage() == store);
    u32::try_from(own.count()).unwrap_or(u32::MAX)
}

/// Whether a unit that has some instances may have more, in Juju's words if
/// not.
///
/// # Errors
///
/// The charm's count of the store is exceeded.
pub fn check_count(
    store: &StorageName,
    spec: &StorageSpec,
    has: u32,
    more: u32,
) -> Result<(), String> {
    let total = u64::from(has) + u64::from(more);
    match spec.count_max {
        Some(max) if total > u64::from(max) => Err(format!(
            "storage {:?}: at most {max} instances supported, {total} specified",
            store.as_str()
        )),
        _ => Ok(()),
    }
}

/// What new units get for each of a charm's stores: what was asked for,
/// completed with the defaults (Juju: the model's default pool, the charm's
/// least count, 1 GiB).
///
/// # Errors
///
/// A store that the charm lacks, a pool that is unknown or cannot hold it, a
/// count or size outside the charm's; in Juju's words.
pub fn directives(
    model: &Model,
    charm: &Charm,
    asked: &BTreeMap<String, Asked>,
    on_cloud: bool,
) -> Result<BTreeMap<StorageName, StorageDirective>, String> {
    let known = |name: &String| {
        let stores = &charm.meta.storage;
        stores.keys().any(|store| store.as_str() == name)
    };
    if let Some(unknown) = asked.keys().find(|name| !known(name)) {
        return Err(format!(
            "charm {:?} has no store called {unknown:?}",
            charm.meta.name
        ));
    }
    let mut directives = BTreeMap::new();
    for (name, spec) in &charm.meta.storage {
        if spec.shared {
            return Err(format!(
                "charm storage {:?} is shared among units: that is not supported",
                name.as_str()
            ));
        }
        let asked = asked.get(name.as_str()).cloned().unwrap_or_default();
        let directive = complete(model, name, spec, &asked, on_cloud)?;
        directives.insert(name.clone(), directive);
    }
    Ok(directives)
}

/// What was asked for a store: each part or none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The pool.
    pub pool: Option<String>,
    /// MiB.
    pub size: Option<u64>,
    /// How many.
    pub count: Option<u32>,
}

fn complete(
    model: &Model,
    name: &StorageName,
    spec: &StorageSpec,
    asked: &Asked,
    on_cloud: bool,
) -> Result<StorageDirective, String> {
    let shown = name.as_str();
    // As in Juju, the cloud's disks are for who asks for something.
    let default = match spec.kind {
        _ if on_cloud && *asked != Asked::default() => "azure",
        StorageKind::Filesystem => "rootfs",
        StorageKind::Block => "loop",
    };
    let pool = asked.pool.clone().unwrap_or_else(|| default.to_owned());
    let provider = model
        .storage_pool(&pool)
        .ok_or_else(|| format!("storage {shown:?}: pool {pool:?} not found"))?
        .provider;
    if !provider.supports(spec.kind) {
        return Err(format!(
            "storage {shown:?}: \"{provider}\" provider does not support block devices"
        ));
    }
    let least = spec.minimum_size.unwrap_or(0);
    let size = asked.size.unwrap_or(least.max(1024));
    if size < least {
        return Err(format!(
            "charm storage {shown:?}: minimum storage size is {least}MB, {size}MB specified"
        ));
    }
    let count = asked.count.unwrap_or(spec.count_min);
    if count < spec.count_min {
        return Err(format!(
            "charm storage {shown:?}: {} instances required, {count} specified",
            spec.count_min
        ));
    }
    check_count(name, spec, 0, count).map_err(|why| format!("charm {why}"))?;
    Ok(StorageDirective { pool, size, count })
}
