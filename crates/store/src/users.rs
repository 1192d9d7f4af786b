//! Users. Passwords are hashed by the caller.

use std::str::FromStr;

use lazuli_model::id::UserId;
use lazuli_model::names::UserName;
use sqlx::{PgPool, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{parsed, raw, typed};
use crate::limit::Doing;

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name to log in with.
    pub name: UserName,
    /// A name for people.
    pub display_name: String,
    /// The password's hash in PHC's string form, if there is a password.
    pub password: Option<String>,
    /// What the user may do with the controller.
    pub access: ControllerAccess,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Since when.
    pub created_at: OffsetDateTime,
}

/// Juju's levels of access to a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerAccess {
    /// May log in.
    Login,
    /// May do anything.
    Superuser,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// The name to log in with.
    pub name: UserName,
    /// A name for people.
    pub display_name: String,
    /// The password's hash, if there is a password.
    pub password: Option<String>,
    /// What the user may do.
    pub access: ControllerAccess,
}

struct Record {
    id: Uuid,
    name: String,
    display_name: String,
    password: Option<String>,
    access: String,
    enabled: bool,
    created_at: OffsetDateTime,
}

/// Creates a user.
///
/// # Errors
///
/// `AlreadyExists` when the name is taken.
pub async fn create(pool: &PgPool, user: &NewUser) -> Result<(), StoreError> {
    query!(
        "insert into users (id, name, display_name, password, access)
         values ($1, $2, $3, $4, $5)",
        raw(user.id),
        user.name.to_string(),
        user.display_name,
        user.password,
        user.access.as_str(),
    )
    .execute(pool)
    .doing("create a user")
    .await?;
    Ok(())
}

/// A user by name.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn by_name(pool: &PgPool, name: &UserName) -> Result<Option<User>, StoreError> {
    let record = query_as!(
        Record,
        "select id, name, display_name, password, access, enabled, created_at
         from users where name = $1",
        name.to_string()
    )
    .fetch_optional(pool)
    .doing("read a user")
    .await?;
    record.map(Record::user).transpose()
}

/// A user by id.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn get(pool: &PgPool, id: UserId) -> Result<Option<User>, StoreError> {
    let record = query_as!(
        Record,
        "select id, name, display_name, password, access, enabled, created_at
         from users where id = $1",
        raw(id)
    )
    .fetch_optional(pool)
    .doing("read a user")
    .await?;
    record.map(Record::user).transpose()
}

/// All users, by name.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn list(pool: &PgPool) -> Result<Vec<User>, StoreError> {
    let records = query_as!(
        Record,
        "select id, name, display_name, password, access, enabled, created_at
         from users order by name"
    )
    .fetch_all(pool)
    .doing("list users")
    .await?;
    records.into_iter().map(Record::user).collect()
}

/// Sets a password's hash and revokes the tokens made with the former one.
///
/// # Errors
///
/// `NotFound` when there is no such user.
pub async fn set_password(pool: &PgPool, id: UserId, password: &str) -> Result<(), StoreError> {
    let done = query!(
        "with revoked as (
            update tokens set revoked_at = now() where user_id = $1 and revoked_at is null
         )
         update users set password = $2 where id = $1",
        raw(id),
        password
    )
    .execute(pool)
    .doing("set a password")
    .await?;
    found(id, done.rows_affected())
}

/// Sets what a user may do with the controller.
///
/// # Errors
///
/// `NotFound` when there is no such user.
pub async fn set_access(
    pool: &PgPool,
    id: UserId,
    access: ControllerAccess,
) -> Result<(), StoreError> {
    let done = query!(
        "update users set access = $2 where id = $1",
        raw(id),
        access.as_str()
    )
    .execute(pool)
    .doing("set a user's access")
    .await?;
    found(id, done.rows_affected())
}

/// Lets a user log in, or not.
///
/// # Errors
///
/// `NotFound` when there is no such user.
pub async fn set_enabled(pool: &PgPool, id: UserId, enabled: bool) -> Result<(), StoreError> {
    let done = query!(
        "update users set enabled = $2 where id = $1",
        raw(id),
        enabled
    )
    .execute(pool)
    .doing("enable or disable a user")
    .await?;
    found(id, done.rows_affected())
}

fn found(id: UserId, rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(StoreError::NotFound {
            what: format!("user {id}"),
        });
    }
    Ok(())
}

impl Record {
    fn user(self) -> Result<User, StoreError> {
        Ok(User {
            id: typed(self.id),
            name: parsed("users", "name", &self.name)?,
            display_name: self.display_name,
            password: self.password,
            access: parsed("users", "access", &self.access)?,
            enabled: self.enabled,
            created_at: self.created_at,
        })
    }
}

impl ControllerAccess {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Superuser => "superuser",
        }
    }
}

/// Not a level of access.
#[derive(Debug, thiserror::Error)]
#[error("not a level of access")]
pub struct NotAccess;

impl FromStr for ControllerAccess {
    type Err = NotAccess;

    fn from_str(text: &str) -> Result<Self, NotAccess> {
        [Self::Login, Self::Superuser]
            .into_iter()
            .find(|access| access.as_str() == text)
            .ok_or(NotAccess)
    }
}
