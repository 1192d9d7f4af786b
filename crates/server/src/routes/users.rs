//! Users.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lazuli_api::{Code, NewUser, PasswordChange, UserInfo, UserList, UserUpdate};
use lazuli_model::id::{GenericUuid as _, UserId};
use lazuli_model::names::UserName;
use lazuli_store::users::{self, ControllerAccess, User};
use uuid::Uuid;

use crate::app::App;
use crate::authn::Peer;
use crate::change::Refusal;
use crate::error::Error;
use crate::extract::{Body, Named, PasswordOwner, UserManager};

/// Characters of a name for people.
const LONGEST: usize = 200;

/// Lists users.
#[utoipa::path(get, path = "/users", tag = "users", responses((status = 200, body = UserList)))]
pub(super) async fn list_users(
    State(app): State<App>,
    _: UserManager,
) -> Result<Json<UserList>, Error> {
    let users = users::list(app.store.pool()).await?;
    let users = users.iter().map(info).collect();
    Ok(Json(UserList { users }))
}

/// Shows a user.
#[utoipa::path(get, path = "/users/{user}", tag = "users",
    responses((status = 200, body = UserInfo)))]
pub(super) async fn show_user(
    State(app): State<App>,
    _: UserManager,
    Named(name): Named,
) -> Result<Json<UserInfo>, Error> {
    Ok(Json(info(&find(&app, &name).await?)))
}

/// Adds a user.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = UserInfo)))]
pub(super) async fn add_user(
    State(app): State<App>,
    _: UserManager,
    body: Body<NewUser>,
) -> Result<(StatusCode, Json<UserInfo>), Error> {
    let new = body.value;
    let name: UserName = new.name.parse().map_err(Refusal::from)?;
    let access = match &new.access {
        Some(access) => level(access)?,
        None => ControllerAccess::Login,
    };
    let password = match &new.password {
        Some(password) => Some(app.passwords.hash(password).await?),
        None => None,
    };
    let display_name = new.display_name.chars().take(LONGEST).collect();
    let user = users::NewUser {
        id: UserId::from_untyped_uuid(Uuid::now_v7()),
        name: name.clone(),
        display_name,
        password,
        access,
    };
    users::create(app.store.pool(), &user).await?;
    let made = find(&app, name.as_str()).await?;
    Ok((StatusCode::CREATED, Json(info(&made))))
}

/// Changes a user.
#[utoipa::path(patch, path = "/users/{user}", tag = "users", request_body = UserUpdate,
    responses((status = 200, body = UserInfo)))]
pub(super) async fn update_user(
    State(app): State<App>,
    UserManager { 0: session }: UserManager,
    Named(name): Named,
    body: Body<UserUpdate>,
) -> Result<Json<UserInfo>, Error> {
    let user = find(&app, &name).await?;
    if user.id == session.user.id {
        return Err(Error::problem(
            Code::Conflict,
            "you cannot change your own access: ask another superuser",
        ));
    }
    if let Some(access) = &body.value.access {
        users::set_access(app.store.pool(), user.id, level(access)?).await?;
    }
    if let Some(disabled) = body.value.disabled {
        users::set_enabled(app.store.pool(), user.id, !disabled).await?;
    }
    app.sessions.clear();
    Ok(Json(info(&find(&app, &name).await?)))
}

/// Changes a password, and ends all sessions of its user.
#[utoipa::path(put, path = "/users/{user}/password", tag = "users",
    request_body = PasswordChange, responses((status = 204)))]
pub(super) async fn set_password(
    State(app): State<App>,
    PasswordOwner { name, oneself }: PasswordOwner,
    peer: Peer,
    body: Body<PasswordChange>,
) -> Result<StatusCode, Error> {
    let user = find(&app, &name).await?;
    if oneself {
        if let Some(seconds) = app.pace.wait(peer, &name) {
            return Err(Error::busy("too many failed tries: wait a moment", seconds));
        }
        let current = body.value.current.unwrap_or_default();
        let known = app
            .passwords
            .verify(&current, user.password.as_deref())
            .await?;
        if !known {
            app.pace.failed(peer, &name);
            return Err(Error::problem(
                Code::Forbidden,
                "the current password is not right",
            ));
        }
    }
    let hash = app.passwords.hash(&body.value.password).await?;
    users::set_password(app.store.pool(), user.id, &hash).await?;
    app.sessions.clear();
    Ok(StatusCode::NO_CONTENT)
}

/// The user of this name.
pub(super) async fn find(app: &App, name: &str) -> Result<User, Error> {
    let found = match name.parse::<UserName>() {
        Ok(name) => users::by_name(app.store.pool(), &name).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Refusal::not_found("user", name).into())
}

fn level(text: &str) -> Result<ControllerAccess, Error> {
    text.parse().map_err(|_| {
        Refusal::invalid(format!(
            "{text:?} controller access not valid: use login or superuser"
        ))
        .into()
    })
}

fn info(user: &User) -> UserInfo {
    UserInfo {
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        access: user.access.as_str().to_owned(),
        disabled: !user.enabled,
        created_at: user.created_at,
    }
}
