//! The controller's own row.

use lazuli_model::id::ControllerId;
use sqlx::{PgPool, query};

use crate::StoreError;
use crate::convert::{raw, typed};
use crate::limit::Doing;
use crate::seal::{SealError, Sealed, Sealer};

const CANARY: &str = "canary";

/// Sets the controller up under a new id, unless it is set up already.
/// Returns the id that it has.
///
/// # Errors
///
/// Fails when it is set up with another key.
pub async fn init(
    pool: &PgPool,
    id: ControllerId,
    sealer: &Sealer,
) -> Result<ControllerId, StoreError> {
    let canary = sealer.seal(CANARY, CANARY.as_bytes())?;
    query!(
        "insert into controller (id, canary) values ($1, $2) on conflict do nothing",
        raw(id),
        canary.as_bytes(),
    )
    .execute(pool)
    .doing("set the controller up")
    .await?;
    check(pool, sealer).await
}

/// The controller's id, once its canary opens.
///
/// # Errors
///
/// Fails when the controller is not set up, or with another key.
pub async fn check(pool: &PgPool, sealer: &Sealer) -> Result<ControllerId, StoreError> {
    let row = query!("select id, canary from controller")
        .fetch_optional(pool)
        .doing("read the controller's row")
        .await?
        .ok_or_else(|| {
            StoreError::Schema(
                "this database holds no controller: run `lazulid init` first".to_owned(),
            )
        })?;
    sealer
        .open(CANARY, &Sealed::from_bytes(row.canary))
        .map_err(|_| SealError::WrongKey)?;
    Ok(typed(row.id))
}
