//! Revisions of secrets, sealed.

use std::sync::Arc;

use lazuli_model::secret::SecretId;
use lazuli_model::state::{Row, SealedContent, SecretRevision};
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, integer, models, parsed, part, unsigned32};
use crate::limit::Doing;

struct Record {
    secret: String,
    revision: i32,
    sealed: Vec<u8>,
    checksum: String,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    next_expire: Option<OffsetDateTime>,
    obsolete_told: bool,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::SecretRevision(SecretRevision {
            secret: parsed("secret_revisions", "secret", &self.secret)?,
            revision: unsigned32(self.revision),
            content: SealedContent {
                sealed: Arc::new(self.sealed),
                checksum: self.checksum,
            },
            created_at: self.created_at,
            expires_at: self.expires_at,
            next_expire: self.next_expire,
            obsolete_told: self.obsolete_told,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select secret, revision, sealed, checksum, created_at, expires_at, next_expire, \
             obsolete_told from secret_revisions t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load revisions of secrets", keys: (SecretId, u32),
    "where t.model = $1 and exists (select from unnest($2::text[], $3::integer[]) as k (secret, revision) where t.secret = k.secret and t.revision = k.revision)",
    &keys.iter().map(|key| key.0.to_string()).collect::<Vec<_>>(),
    &keys.iter().map(|key| integer(key.1)).collect::<Vec<_>>()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, SecretRevision>],
) -> Result<(), StoreError> {
    query!(
        "insert into secret_revisions (model, secret, revision, sealed, checksum, created_at,
            expires_at, next_expire, obsolete_told)
         select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::bytea[], $5::text[],
            $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::boolean[])
         on conflict (model, secret, revision) do update set sealed = excluded.sealed,
            checksum = excluded.checksum, expires_at = excluded.expires_at,
            next_expire = excluded.next_expire, obsolete_told = excluded.obsolete_told",
        &models(rows),
        &column(rows, |row| row.secret.to_string()),
        &column(rows, |row| integer(row.revision)),
        &column(rows, |row| row.content.sealed.as_ref().clone()),
        &column(rows, |row| row.content.checksum.clone()),
        &column(rows, |row| row.created_at),
        &column(rows, |row| row.expires_at) as &[Option<OffsetDateTime>],
        &column(rows, |row| row.next_expire) as &[Option<OffsetDateTime>],
        &column(rows, |row| row.obsolete_told),
    )
    .execute(connection)
    .doing("write revisions of secrets")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (SecretId, u32))],
) -> Result<(), StoreError> {
    query!(
        "delete from secret_revisions t
         using unnest($1::uuid[], $2::text[], $3::integer[]) as k (model, secret, revision)
         where t.model = k.model and t.secret = k.secret and t.revision = k.revision",
        &part(keys, |key| key.0),
        &keys
            .iter()
            .map(|key| key.1.0.to_string())
            .collect::<Vec<_>>(),
        &keys.iter().map(|key| integer(key.1.1)).collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("delete revisions of secrets")
    .await?;
    Ok(())
}
