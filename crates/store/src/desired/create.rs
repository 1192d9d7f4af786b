//! New models.

use lazuli_model::state::{Change, Model, Row};
use sqlx::{query, query_scalar};

use super::AddressPool;
use crate::commit::{Committed, Part, apply, end};
use crate::convert::raw;
use crate::event::Actor;
use crate::limit::Doing;
use crate::transaction::begin;
use crate::{Store, StoreError, access, heads, secrets};

/// A model to create.
#[derive(Clone, Debug)]
pub struct NewModel {
    /// Its row; the address range in it is replaced.
    pub row: Model,
    /// Where its address range comes from.
    pub addresses: AddressPool,
    /// Who may administer it from the start.
    pub admin: Option<lazuli_model::id::UserId>,
    /// Secrets to seal and store with it, by name: its SSH identity.
    pub secrets: Vec<(String, Vec<u8>)>,
}

/// Creates a model with an address range of its own, in one transaction.
///
/// # Errors
///
/// `AlreadyExists` when its owner has one of that name; `Invalid` when the
/// pool has no range left.
pub async fn create_model(
    store: &Store,
    new: NewModel,
    actor: Actor,
) -> Result<(Model, Committed), StoreError> {
    let mut model = new.row;
    let id = model.id;
    let mut transaction = begin(store.pool()).doing("begin to create a model").await?;
    // Two models must not choose the same range.
    query!("select pg_advisory_xact_lock(hashtext('lazuli address ranges'))")
        .execute(&mut *transaction)
        .doing("lock the address ranges")
        .await?;
    let taken = query_scalar!(r#"select address_range::text as "range!" from models"#)
        .fetch_all(&mut *transaction)
        .doing("list the address ranges")
        .await?;
    model.address_range = new
        .addresses
        .free(&taken)
        .ok_or_else(|| StoreError::Invalid {
            what: "a further model".into(),
            why: "all of model-address-pool is taken; enlarge it, or remove a model".to_owned(),
        })?;
    let position = heads::create(&mut transaction, id).await?;
    let changes = [Change::Put(Row::Model(model.clone()))];
    let part = Part {
        model: id,
        revision: position.revision,
        actor: &actor,
        changes: &changes,
    };
    apply(&mut transaction, &[part]).await?;
    if let Some(admin) = new.admin {
        access::grant_in(&mut transaction, raw(id), raw(admin), access::Access::Admin).await?;
    }
    for (name, plain) in &new.secrets {
        secrets::put_in(&mut transaction, store.sealer(), id, name, plain).await?;
    }
    end(transaction).await?;
    let committed = Committed {
        model: id,
        position,
        removed: false,
    };
    store.feed().committed(committed, &changes);
    Ok((model, committed))
}
