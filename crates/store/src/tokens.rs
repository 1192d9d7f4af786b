//! API tokens: random, shown once, stored as their sha-256.

use lazuli_model::id::UserId;
use sqlx::{PgPool, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{parsed, raw, typed};
use crate::limit::Doing;
use crate::users::User;

/// A token, without what it takes to use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// Its user.
    pub user: UserId,
    /// What its user calls it.
    pub label: String,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// Until when; for ever when none.
    pub expires_at: Option<OffsetDateTime>,
    /// Since when it is revoked, if it is.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was used last, to the hour.
    pub used_at: Option<OffsetDateTime>,
}

struct Record {
    id: Uuid,
    user_id: Uuid,
    label: String,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    used_at: Option<OffsetDateTime>,
}

/// Creates a token.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn create(
    pool: &PgPool,
    id: Uuid,
    user: UserId,
    sha256: &[u8; 32],
    label: &str,
    expires_at: Option<OffsetDateTime>,
) -> Result<(), StoreError> {
    query!(
        "insert into tokens (id, user_id, sha256, label, expires_at) values ($1, $2, $3, $4, $5)",
        id,
        raw(user),
        sha256,
        label,
        expires_at,
    )
    .execute(pool)
    .doing("create a token")
    .await?;
    Ok(())
}

/// The token with this hash and its user; none when it is not valid now, or
/// its user may not log in. Notes that it was used, at most once an hour.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn find(pool: &PgPool, sha256: &[u8; 32]) -> Result<Option<(Token, User)>, StoreError> {
    let row = query!(
        r#"select t.id, t.user_id, t.label, t.created_at, t.expires_at, t.used_at,
            u.name, u.display_name, u.password, u.access, u.enabled,
            u.created_at as user_created_at,
            (t.used_at is null or t.used_at < now() - interval '1 hour') as "touch!"
         from tokens t join users u on u.id = t.user_id
         where t.sha256 = $1 and t.revoked_at is null and u.enabled
            and (t.expires_at is null or t.expires_at > now())"#,
        sha256
    )
    .fetch_optional(pool)
    .doing("find a token")
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if row.touch {
        query!("update tokens set used_at = now() where id = $1", row.id)
            .execute(pool)
            .doing("note the use of a token")
            .await?;
    }
    Ok(Some((
        Token {
            id: row.id,
            user: typed(row.user_id),
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: None,
            used_at: row.used_at,
        },
        User {
            id: typed(row.user_id),
            name: parsed("users", "name", &row.name)?,
            display_name: row.display_name,
            password: row.password,
            access: parsed("users", "access", &row.access)?,
            enabled: row.enabled,
            created_at: row.user_created_at,
        },
    )))
}

/// The tokens of a user, the newest first.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn list(pool: &PgPool, user: UserId) -> Result<Vec<Token>, StoreError> {
    let records = query_as!(
        Record,
        "select id, user_id, label, created_at, expires_at, revoked_at, used_at
         from tokens where user_id = $1 order by created_at desc",
        raw(user)
    )
    .fetch_all(pool)
    .doing("list tokens")
    .await?;
    Ok(records
        .into_iter()
        .map(|record| Token {
            id: record.id,
            user: typed(record.user_id),
            label: record.label,
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            used_at: record.used_at,
        })
        .collect())
}

/// Revokes a token of a user; says whether it was valid until now.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn revoke(pool: &PgPool, user: UserId, id: Uuid) -> Result<bool, StoreError> {
    let done = query!(
        "update tokens set revoked_at = now()
         where id = $1 and user_id = $2 and revoked_at is null",
        id,
        raw(user)
    )
    .execute(pool)
    .doing("revoke a token")
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Revokes all tokens of a user; says how many were valid until now.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn revoke_all(pool: &PgPool, user: UserId) -> Result<u64, StoreError> {
    let done = query!(
        "update tokens set revoked_at = now() where user_id = $1 and revoked_at is null",
        raw(user)
    )
    .execute(pool)
    .doing("revoke all tokens")
    .await?;
    Ok(done.rows_affected())
}
