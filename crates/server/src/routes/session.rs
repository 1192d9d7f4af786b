//! Logging in and out.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lazuli_api::{LoggedIn, Login, VersionInfo, Whoami};
use lazuli_model::document::JUJU_VERSION;
use lazuli_model::id::GenericUuid as _;
use lazuli_model::names::UserName;
use lazuli_store::{tokens, users};
use time::Duration;
use uuid::Uuid;

use crate::app::App;
use crate::authn::{Peer, fresh, hash};
use crate::authz::{Action, Target, allow};
use crate::error::Error;
use crate::extract::{Body, Caller};

/// Characters of a token's label.
const LONGEST_LABEL: usize = 100;

/// Gives a token for a password.
#[utoipa::path(post, path = "/login", tag = "session", request_body = Login,
    responses((status = 201, body = LoggedIn)))]
pub(super) async fn login(
    State(app): State<App>,
    peer: Peer,
    body: Body<Login>,
) -> Result<(StatusCode, Json<LoggedIn>), Error> {
    let login = body.value;
    let name: Option<UserName> = login.user.parse().ok();
    // What cannot be a name is counted as one, so that nobody fills the memory
    // with inventions.
    let counted = name.as_ref().map_or("", |name| name.as_str());
    if let Some(seconds) = app.pace.wait(peer, counted) {
        return Err(Error::busy(
            "too many failed logins: wait a moment",
            seconds,
        ));
    }
    let user = match &name {
        Some(name) => users::by_name(app.store.pool(), name).await?,
        None => None,
    };
    let stored = user.as_ref().and_then(|user| user.password.as_deref());
    let known = app.passwords.verify(&login.password, stored).await?;
    let Some(user) = user.filter(|user| known && user.enabled) else {
        app.pace.failed(peer, counted);
        return Err(Error::unauthorized());
    };
    app.pace.succeeded(peer, counted);
    let token = fresh()?;
    let longest = Duration::try_from(app.settings.token_lifetime).unwrap_or(Duration::DAY);
    let asked = login
        .expires_in
        .map(|seconds| Duration::seconds(seconds.into()));
    let expires_at = app.now() + asked.map_or(longest, |asked| asked.min(longest));
    let label: String = login.label.unwrap_or_default();
    let label: String = label.chars().take(LONGEST_LABEL).collect();
    tokens::create(
        app.store.pool(),
        Uuid::now_v7(),
        user.id,
        &hash(&token),
        &label,
        Some(expires_at),
    )
    .await?;
    let answer = LoggedIn {
        token,
        expires_at: Some(expires_at),
        user: user.name.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Ends the session of the request's token.
#[utoipa::path(post, path = "/logout", tag = "session", responses((status = 204)))]
pub(super) async fn logout(
    State(app): State<App>,
    Caller(session): Caller,
) -> Result<StatusCode, Error> {
    tokens::revoke(app.store.pool(), session.user.id, session.token).await?;
    app.sessions.forget(&session.sha256);
    Ok(StatusCode::NO_CONTENT)
}

/// Says who is logged in.
#[utoipa::path(get, path = "/whoami", tag = "session", responses((status = 200, body = Whoami)))]
pub(super) async fn whoami(caller: Caller) -> Result<Json<Whoami>, Error> {
    if !allow(caller.actor(), Action::LogIn, Target::Controller) {
        return Err(Error::forbidden());
    }
    let user = caller.0.user;
    Ok(Json(Whoami {
        user: user.name.to_string(),
        display_name: user.display_name,
        access: user.access.as_str().to_owned(),
    }))
}

/// Says what runs here.
#[utoipa::path(get, path = "/version", tag = "session",
    responses((status = 200, body = VersionInfo)))]
pub(super) async fn version(State(app): State<App>) -> Json<VersionInfo> {
    Json(VersionInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        juju_version: JUJU_VERSION.to_owned(),
        controller: app.settings.controller.clone(),
        controller_uuid: app.store.controller().into_untyped_uuid().to_string(),
        cloud: app.settings.cloud.clone(),
        region: app.settings.region.clone(),
    })
}
