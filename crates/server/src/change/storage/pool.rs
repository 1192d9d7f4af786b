//! Pools of storage that users make.

use std::collections::BTreeMap;

use lazuli_model::state::{Model, ModelState, Row, StoragePool, StorageProvider};

use super::directive::is_pool;
use crate::change::{Draft, Refusal};

/// Pools that one model may have besides those that all have.
const MOST: usize = 100;

/// The pool of a name.
pub(super) fn find(state: &ModelState, name: &str) -> Result<StoragePool, Refusal> {
    let pool = state.model().storage_pool(name);
    pool.ok_or_else(|| Refusal::not_found("pool", name))
}

/// Makes a pool.
pub(crate) fn create_pool(
    draft: &mut Draft<'_>,
    name: &str,
    provider: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    draft.check_alive()?;
    if !is_pool(name) {
        return Err(Refusal::invalid(format!("pool name {name:?} not valid")).at("/name"));
    }
    let model = draft.state.model();
    if model.storage_pool(name).is_some() {
        return Err(Refusal::exists(format!(
            "storage pool {name:?} already exists"
        )));
    }
    if model.storage_pools.len() >= MOST {
        return Err(Refusal::invalid(format!(
            "a model can have {MOST} storage pools at most"
        )));
    }
    let pool = StoragePool {
        provider: StorageProvider::named(provider)
            .ok_or_else(|| Refusal::not_found("storage provider", provider).at("/provider"))?,
        attributes: attributes.clone(),
    };
    put(draft, name, pool)
}

/// Changes settings of a pool, for storage to come.
pub(crate) fn update_pool(
    draft: &mut Draft<'_>,
    name: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let mut pool = of_user(draft.state, name)?;
    pool.attributes.extend(attributes.clone());
    put(draft, name, pool)
}

/// Removes a pool that nothing is or will be made from.
pub(crate) fn remove_pool(draft: &mut Draft<'_>, name: &str) -> Result<(), Refusal> {
    let state = draft.state;
    of_user(state, name)?;
    let is_used = state.storages().all().any(|row| row.pool == name)
        || state
            .applications()
            .any(|row| row.storage.values().any(|directive| directive.pool == name));
    if is_used {
        return Err(Refusal::conflict(format!("storage pool {name:?} in use")));
    }
    let mut row = state.model().clone();
    row.storage_pools.remove(name);
    draft.put(Row::Model(row));
    Ok(())
}

fn of_user(state: &ModelState, name: &str) -> Result<StoragePool, Refusal> {
    let pool = find(state, name)?;
    if StoragePool::built_in().contains_key(name) {
        return Err(Refusal::conflict(format!(
            "storage pool {name:?} is one that every model has: it cannot be changed"
        )));
    }
    Ok(pool)
}

fn put(draft: &mut Draft<'_>, name: &str, pool: StoragePool) -> Result<(), Refusal> {
    pool.check()
        .map_err(|why| Refusal::invalid(why).at("/attrs"))?;
    let mut row: Model = draft.state.model().clone();
    row.storage_pools.insert(name.to_owned(), pool);
    draft.put(Row::Model(row));
    Ok(())
}
