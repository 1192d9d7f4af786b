//! The history of statuses.

use lazuli_model::id::ModelId;
use lazuli_model::status::{Status, StatusKey};
use sqlx::PgPool;

use crate::limit::Doing;
use crate::{StoreError, rows};

/// The latest entries of a status' history, the newest first.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn of(
    pool: &PgPool,
    model: ModelId,
    key: StatusKey,
    limit: u32,
) -> Result<Vec<Status>, StoreError> {
    let mut connection = pool.acquire().doing("read a status' history").await?;
    rows::status::history(
        &mut connection,
        crate::convert::raw(model),
        key,
        limit.into(),
    )
    .await
}
