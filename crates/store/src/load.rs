//! Models in memory: loaded once, then kept up to date by the rows that the
//! events name. There is one loader for controllers and servers alike.

use std::collections::BTreeSet;

use lazuli_model::id::ModelId;
use lazuli_model::state::{Change, ModelState, RowKey};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::StoreError;
use crate::event::read::{self, Changes};
use crate::heads::Position;
use crate::limit::Doing;
use crate::rows as nouns;
use crate::transaction::begin_with;

/// A model in memory, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The rows.
    pub state: ModelState,
    /// How far they are.
    pub position: Position,
}

/// What bringing a model up to date did.
#[derive(Clone, Debug, PartialEq)]
pub enum Refreshed {
    /// These changes were applied; none when there was nothing new.
    Changed(Vec<Change>),
    /// It was loaded anew: anything may have changed.
    Reloaded,
    /// It is gone; what is in memory is what it was.
    Removed,
}

/// Loads a model.
///
/// # Errors
///
/// `NotFound` when there is no such model.
pub async fn load(pool: &PgPool, model: ModelId) -> Result<Loaded, StoreError> {
    let mut snapshot = snapshot(pool).await?;
    load_in(&mut snapshot, model).await
}

/// Brings a model up to date by reading the rows that changed.
///
/// # Errors
///
/// Fails when Postgres does; the model in memory is then as before.
pub async fn refresh(pool: &PgPool, loaded: &mut Loaded) -> Result<Refreshed, StoreError> {
    let mut snapshot = snapshot(pool).await?;
    refresh_in(&mut snapshot, loaded).await
}

/// What became of rows: `Put` of those that exist, `Delete` of the others.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn rows(
    pool: &PgPool,
    model: ModelId,
    keys: &BTreeSet<RowKey>,
) -> Result<Vec<Change>, StoreError> {
    let mut snapshot = snapshot(pool).await?;
    nouns::named(&mut snapshot, model, keys).await
}

/// Which rows of a model changed since a revision; none when there is no
/// such model.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn changed_since(
    pool: &PgPool,
    model: ModelId,
    revision: u64,
) -> Result<Option<Changes>, StoreError> {
    let mut snapshot = snapshot(pool).await?;
    read::changes(&mut snapshot, model, revision).await
}

/// A transaction that reads and sees one moment.
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    begin_with(pool, "begin isolation level repeatable read read only")
        .doing("begin to read")
        .await
}

pub(crate) async fn load_in(
    connection: &mut PgConnection,
    model: ModelId,
) -> Result<Loaded, StoreError> {
    let not_found = || StoreError::NotFound {
        what: format!("model {model}"),
    };
    let head = read::changes(connection, model, u64::MAX)
        .await?
        .ok_or_else(not_found)?;
    let state = nouns::all(connection, model).await?.ok_or_else(not_found)?;
    Ok(Loaded {
        state,
        position: head.position,
    })
}

/// Applies changes to a model, which are what was committed next.
pub(crate) fn replay(loaded: &mut Loaded, changes: Vec<Change>, position: Position) -> Refreshed {
    for change in &changes {
        loaded.state.apply(change.clone());
    }
    loaded.position = position;
    Refreshed::Changed(changes)
}

pub(crate) async fn refresh_in(
    connection: &mut PgConnection,
    loaded: &mut Loaded,
) -> Result<Refreshed, StoreError> {
    let model = loaded.state.model().id;
    let Some(changes) = read::changes(connection, model, loaded.position.revision).await? else {
        return Ok(Refreshed::Removed);
    };
    let Some(keys) = changes.keys else {
        *loaded = load_in(connection, model).await?;
        return Ok(Refreshed::Reloaded);
    };
    let changes_of_rows = nouns::named(connection, model, &keys).await?;
    for change in &changes_of_rows {
        loaded.state.apply(change.clone());
    }
    loaded.position = changes.position;
    Ok(Refreshed::Changed(changes_of_rows))
}
