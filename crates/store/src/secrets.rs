//! Secrets of models, sealed: their SSH identities and the like.

use lazuli_model::id::ModelId;
use sqlx::{PgConnection, PgPool, query, query_scalar};

use crate::StoreError;
use crate::convert::raw;
use crate::limit::Doing;
use crate::seal::{self, Sealed, Sealer};

/// Seals and stores a secret, instead of the former one of that name.
///
/// # Errors
///
/// Fails when there is no such model.
pub async fn put(
    pool: &PgPool,
    sealer: &Sealer,
    model: ModelId,
    name: &str,
    plain: &[u8],
) -> Result<(), StoreError> {
    let mut connection = pool.acquire().doing("store a secret").await?;
    put_in(&mut connection, sealer, model, name, plain).await
}

pub(crate) async fn put_in(
    connection: &mut PgConnection,
    sealer: &Sealer,
    model: ModelId,
    name: &str,
    plain: &[u8],
) -> Result<(), StoreError> {
    let key = seal::data_key(connection, sealer, model).await?;
    let sealed = key.seal(&place(name), plain)?;
    query!(
        "insert into model_secrets (model, name, sealed) values ($1, $2, $3)
         on conflict (model, name) do update set sealed = excluded.sealed",
        raw(model),
        name,
        sealed.as_bytes(),
    )
    .execute(connection)
    .doing("store a secret")
    .await?;
    Ok(())
}

/// Opens a secret; none when there is none of that name.
///
/// # Errors
///
/// Fails when it was sealed with another key.
pub async fn get(
    pool: &PgPool,
    sealer: &Sealer,
    model: ModelId,
    name: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut connection = pool.acquire().doing("read a secret").await?;
    let sealed = query_scalar!(
        "select sealed from model_secrets where model = $1 and name = $2",
        raw(model),
        name
    )
    .fetch_optional(&mut *connection)
    .doing("read a secret")
    .await?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let key = seal::data_key(&mut connection, sealer, model).await?;
    Ok(Some(key.open(&place(name), &Sealed::from_bytes(sealed))?))
}

/// Removes a secret; says whether there was one.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn delete(pool: &PgPool, model: ModelId, name: &str) -> Result<bool, StoreError> {
    let done = query!(
        "delete from model_secrets where model = $1 and name = $2",
        raw(model),
        name
    )
    .execute(pool)
    .doing("remove a secret")
    .await?;
    Ok(done.rows_affected() > 0)
}

fn place(name: &str) -> String {
    format!("secret {name}")
}
