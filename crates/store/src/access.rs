//! Who may do what with a model.

use std::str::FromStr;

use lazuli_model::id::{ModelId, UserId};
use lazuli_model::names::{ModelName, UserName};
use sqlx::{PgConnection, PgPool, query, query_scalar};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{parsed, raw, typed};
use crate::limit::Doing;
use crate::users::NotAccess;

/// Juju's levels of access to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// May look.
    Read,
    /// May change what is in it.
    Write,
    /// May do anything with it.
    Admin,
}

/// A model that a user may see.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: ModelName,
    /// Its owner.
    pub owner: UserName,
    /// What the user may do; none for what a superuser may see as such.
    pub access: Option<Access>,
}

/// Gives a user a level of access, instead of the former one.
///
/// # Errors
///
/// Fails when there is no such user or model.
pub async fn grant(
    pool: &PgPool,
    model: ModelId,
    user: UserId,
    access: Access,
) -> Result<(), StoreError> {
    let mut connection = pool.acquire().doing("grant access").await?;
    grant_in(&mut connection, raw(model), raw(user), access).await
}

pub(crate) async fn grant_in(
    connection: &mut PgConnection,
    model: Uuid,
    user: Uuid,
    access: Access,
) -> Result<(), StoreError> {
    query!(
        "insert into model_access (model, user_id, access) values ($1, $2, $3)
         on conflict (model, user_id) do update set access = excluded.access",
        model,
        user,
        access.as_str(),
    )
    .execute(connection)
    .doing("grant access")
    .await?;
    Ok(())
}

/// Takes a user's access; says whether there was any.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn revoke(pool: &PgPool, model: ModelId, user: UserId) -> Result<bool, StoreError> {
    let done = query!(
        "delete from model_access where model = $1 and user_id = $2",
        raw(model),
        raw(user)
    )
    .execute(pool)
    .doing("revoke access")
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What a user may do with a model, apart from being a superuser.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn level(
    pool: &PgPool,
    model: ModelId,
    user: UserId,
) -> Result<Option<Access>, StoreError> {
    let access = query_scalar!(
        "select access from model_access where model = $1 and user_id = $2",
        raw(model),
        raw(user)
    )
    .fetch_optional(pool)
    .doing("read access")
    .await?;
    access
        .map(|access| parsed("model_access", "access", &access))
        .transpose()
}

/// Who may do what with a model, by name.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn of(pool: &PgPool, model: ModelId) -> Result<Vec<(UserName, Access)>, StoreError> {
    let rows = query!(
        "select u.name, a.access from model_access a join users u on u.id = a.user_id
         where a.model = $1 order by u.name",
        raw(model)
    )
    .fetch_all(pool)
    .doing("list who has access")
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok((
                parsed("users", "name", &row.name)?,
                parsed("model_access", "access", &row.access)?,
            ))
        })
        .collect()
}

/// The models that a user may see, by owner and name; all of them for a
/// superuser.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn visible(
    pool: &PgPool,
    user: UserId,
    superuser: bool,
) -> Result<Vec<Visible>, StoreError> {
    let rows = query!(
        r#"select m.id, m.name, m.owner, a.access as "access?"
         from models m left join model_access a on a.model = m.id and a.user_id = $1
         where $2 or a.access is not null
         order by m.owner, m.name"#,
        raw(user),
        superuser
    )
    .fetch_all(pool)
    .doing("list models")
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Visible {
                model: typed(row.id),
                name: parsed("models", "name", &row.name)?,
                owner: parsed("models", "owner", &row.owner)?,
                access: row
                    .access
                    .map(|access| parsed("model_access", "access", &access))
                    .transpose()?,
            })
        })
        .collect()
}

/// The model of this owner and name.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn by_name(
    pool: &PgPool,
    owner: &UserName,
    name: &ModelName,
) -> Result<Option<ModelId>, StoreError> {
    let id = query_scalar!(
        "select id from models where owner = $1 and name = $2",
        owner.to_string(),
        name.to_string()
    )
    .fetch_optional(pool)
    .doing("find a model")
    .await?;
    Ok(id.map(typed))
}

impl Access {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Access {
    type Err = NotAccess;

    fn from_str(text: &str) -> Result<Self, NotAccess> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|access| access.as_str() == text)
            .ok_or(NotAccess)
    }
}
