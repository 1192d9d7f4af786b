//! The first user.

use lazuli_model::id::{GenericUuid as _, UserId};
use lazuli_model::names::UserName;
use lazuli_store::users::{ControllerAccess, NewUser};
use lazuli_store::{Class, Store, StoreError, users};
use uuid::Uuid;

use super::{PasswordCost, Passwords};

/// Why the first user could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The name or the password is not one.
    #[error("cannot make the user: {0}")]
    Invalid(String),
    /// The store failed.
    #[error("cannot make the user")]
    Store(#[from] StoreError),
}

/// Makes a user unless there is one of that name; says whether it did.
///
/// # Errors
///
/// Fails when name or password are not such, or Postgres does not answer.
pub async fn ensure_user(
    store: &Store,
    name: &str,
    password: &str,
    superuser: bool,
    cost: PasswordCost,
) -> Result<bool, SetUpError> {
    let invalid = |text: String| SetUpError::Invalid(text);
    let name: UserName = name.parse().map_err(|error| invalid(format!("{error}")))?;
    if users::by_name(store.pool(), &name).await?.is_some() {
        return Ok(false);
    }
    let passwords = Passwords::new(cost).map_err(|error| invalid(error.to_string()))?;
    let hash = passwords.hash(password).await;
    let user = NewUser {
        id: UserId::from_untyped_uuid(Uuid::now_v7()),
        display_name: name.to_string(),
        name,
        password: Some(hash.map_err(|error| invalid(error.to_string()))?),
        access: if superuser {
            ControllerAccess::Superuser
        } else {
            ControllerAccess::Login
        },
    };
    match users::create(store.pool(), &user).await {
        Ok(()) => Ok(true),
        // Another replica was first.
        Err(error) if error.class() == Class::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}
