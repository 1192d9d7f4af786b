//! What users sent, before it becomes a resource of an application.

use std::collections::BTreeMap;

use lazuli_model::id::ModelId;
use sqlx::{PgPool, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::blobs::Blob;
use crate::convert::{bigint, integer, raw, unsigned, unsigned32};
use crate::limit::Doing;

/// A blob that a user sent to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What it is referred to by.
    pub id: Uuid,
    /// Its content.
    pub blob: Blob,
    /// Hex sha-384 of the content.
    pub fingerprint: String,
    /// The name of the file that was sent; empty when it has none.
    pub filename: String,
    /// Its revision in the store, if it came from there.
    pub revision: Option<u32>,
    /// Who sent it.
    pub user: String,
}

/// Remembers what a user sent; retention forgets it after a day.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn add(pool: &PgPool, model: ModelId, upload: &Upload) -> Result<(), StoreError> {
    query!(
        "insert into uploads (model, id, sha256, fingerprint, size, filename, revision,
            username)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        raw(model),
        upload.id,
        upload.blob.sha256,
        upload.fingerprint,
        bigint(upload.blob.size),
        upload.filename,
        upload.revision.map(integer),
        upload.user,
    )
    .execute(pool)
    .doing("remember an upload")
    .await?;
    Ok(())
}

struct Record {
    id: Uuid,
    sha256: String,
    fingerprint: String,
    size: i64,
    filename: String,
    revision: Option<i32>,
    username: String,
}

/// Those of a model's uploads that ids name.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn find(
    pool: &PgPool,
    model: ModelId,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, Upload>, StoreError> {
    let found = query_as!(
        Record,
        "select id, sha256, fingerprint, size, filename, revision, username
         from uploads
         where model = $1 and id = any($2)",
        raw(model),
        ids,
    )
    .fetch_all(pool)
    .doing("find uploads")
    .await?;
    let upload = |row: Record| Upload {
        id: row.id,
        blob: Blob {
            sha256: row.sha256,
            size: unsigned(row.size),
        },
        fingerprint: row.fingerprint,
        filename: row.filename,
        revision: row.revision.map(unsigned32),
        user: row.username,
    };
    Ok(found.into_iter().map(|row| (row.id, upload(row))).collect())
}
