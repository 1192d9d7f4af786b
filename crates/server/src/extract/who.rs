//! Who asks, and whether they may: each route names what it needs as a type.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use lazuli_api::Code;
use lazuli_model::id::{GenericUuid as _, ModelId};
use lazuli_model::names::{ModelName, UserName};
use lazuli_store::access::{self, Access};
use lazuli_store::tokens;
use tokio::time::sleep;
use uuid::Uuid;

use crate::app::{App, Session};
use crate::authn::{Peer, bearer, hash};
use crate::authz::{Action, Actor, Target, allow};
use crate::error::Error;

/// Who is logged in.
pub(crate) struct Caller(pub(crate) Session);

impl Caller {
    pub(crate) fn actor(&self) -> Actor {
        actor(&self.0)
    }
}

fn actor(session: &Session) -> Actor {
    Actor {
        superuser: session.user.access == lazuli_store::users::ControllerAccess::Superuser,
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer(&parts.headers).ok_or_else(Error::unauthorized)?;
        let session = session(app, hash(token)).await?;
        session.map(Self).ok_or_else(Error::unauthorized)
    }
}

/// The session of a token; none when it is unknown, ended or its user disabled.
async fn session(app: &App, sha256: [u8; 32]) -> Result<Option<Session>, Error> {
    if let Some(session) = app.sessions.get(&sha256) {
        return Ok(Some(session));
    }
    let Some((token, user)) = tokens::find(app.store.pool(), &sha256).await? else {
        return Ok(None);
    };
    let session = Session {
        user,
        token: token.id,
        sha256,
    };
    app.sessions.put(sha256, session.clone());
    Ok(Some(session))
}

impl FromRequestParts<App> for Peer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::LOCAL))
    }
}

/// A logged-in user who may do something with the controller.
pub(crate) struct OnController<const ACTION: u8>(pub(crate) Session);

/// May see and change users.
pub(crate) type UserManager = OnController<0>;
/// May make models.
pub(crate) type ModelMaker = OnController<1>;

impl<const ACTION: u8> FromRequestParts<App> for OnController<ACTION> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let action = match ACTION {
            0 => Action::ManageUsers,
            _ => Action::CreateModel,
        };
        if allow(caller.actor(), action, Target::Controller) {
            return Ok(Self(caller.0));
        }
        Err(Error::forbidden())
    }
}

/// A user of the path whose password the caller may change.
pub(crate) struct PasswordOwner {
    /// The name to log in with.
    pub(crate) name: String,
    /// It is the one who asks.
    pub(crate) oneself: bool,
}

impl FromRequestParts<App> for PasswordOwner {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Named(name) = Named::from_request_parts(parts, app).await?;
        let oneself = caller.0.user.name == name.as_str();
        if allow(
            caller.actor(),
            Action::ChangePassword,
            Target::User { oneself },
        ) {
            return Ok(Self { name, oneself });
        }
        Err(Error::forbidden())
    }
}

/// A level of access that a route needs.
pub(crate) trait Level: Send + Sync {
    /// What it lets one do.
    const ACTION: Action;
}

/// May look.
pub(crate) struct Read;
/// May change.
pub(crate) struct Write;
/// May do anything.
pub(crate) struct Admin;

impl Level for Read {
    const ACTION: Action = Action::ReadModel;
}

impl Level for Write {
    const ACTION: Action = Action::WriteModel;
}

impl Level for Admin {
    const ACTION: Action = Action::AdminModel;
}

/// A model of the path, and a user who may do with it what the route needs.
pub(crate) struct InModel<L> {
    /// The model.
    pub(crate) model: ModelId,
    /// Who asks.
    pub(crate) session: Session,
    /// What the user may do with it, apart from being a superuser.
    pub(crate) level: Option<Access>,
    needed: std::marker::PhantomData<fn() -> L>,
}

impl<L: Level> InModel<L> {
    /// What a stream that this request opens has to be allowed while it lasts.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            token: self.session.sha256,
            model: self.model,
            action: L::ACTION,
        }
    }
}

/// A permission that something rests on which stays open.
pub(crate) struct Standing {
    token: [u8; 32],
    model: ModelId,
    action: Action,
}

impl Standing {
    /// Returns once the user is logged out, disabled or may not do it any
    /// more. A database that does not answer proves nothing.
    pub(crate) async fn lost(self, app: App) {
        loop {
            sleep(app.settings.recheck).await;
            if let Ok(false) = self.holds(&app).await {
                return;
            }
        }
    }

    async fn holds(&self, app: &App) -> Result<bool, Error> {
        let Some(session) = session(app, self.token).await? else {
            return Ok(false);
        };
        let level = access::level(app.store.pool(), self.model, session.user.id).await?;
        Ok(allow(actor(&session), self.action, Target::Model { level }))
    }
}

impl<L> InModel<L> {
    /// What the user may do, superusers counted.
    pub(crate) fn effective(&self) -> Access {
        if actor(&self.session).superuser {
            return Access::Admin;
        }
        self.level.unwrap_or(Access::Read)
    }
}

impl<L: Level> FromRequestParts<App> for InModel<L> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Caller(session) = Caller::from_request_parts(parts, app).await?;
        let name = path_param(parts, app, "model").await?;
        let (model, level) = resolve(app, &session, &name).await?;
        let actor = actor(&session);
        if !allow(actor, Action::ReadModel, Target::Model { level }) {
            return Err(model_not_found(&name));
        }
        if !allow(actor, L::ACTION, Target::Model { level }) {
            return Err(Error::forbidden());
        }
        Ok(Self {
            model,
            session,
            level,
            needed: std::marker::PhantomData,
        })
    }
}

async fn path_param(parts: &mut Parts, app: &App, wanted: &str) -> Result<String, Error> {
    let params = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|error| Error::bad_request(error.to_string()))?;
    let found = params.iter().find(|(name, _)| *name == wanted);
    found
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| Error::Bug(format!("the route has no {wanted}")))
}

/// The last name in the path.
pub(crate) struct Named(pub(crate) String);

impl FromRequestParts<App> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| Error::bad_request(error.to_string()))?;
        let last = params.iter().last();
        last.map(|(_, value)| Self(value.to_owned()))
            .ok_or_else(|| Error::Bug("the route has no name".to_owned()))
    }
}

/// The same words for what is not there and what may not be seen.
pub(crate) fn model_not_found(name: &str) -> Error {
    let name: String = name.chars().take(128).collect();
    Error::problem(Code::NotFound, format!("model {name:?} not found"))
}

/// What a user means by a model's id, `owner/name` or name: of several of one
/// name the user's own, else the only one that may be seen.
async fn resolve(
    app: &App,
    session: &Session,
    name: &str,
) -> Result<(ModelId, Option<Access>), Error> {
    let key = (session.user.id, name.to_owned());
    if let Some(known) = app.names.get(&key) {
        return Ok(known);
    }
    let found = look_up(app, session, name).await?;
    app.names.put(key, found);
    Ok(found)
}

async fn look_up(
    app: &App,
    session: &Session,
    name: &str,
) -> Result<(ModelId, Option<Access>), Error> {
    let pool = app.store.pool();
    let user = &session.user;
    let by_owner = |owner: UserName, name: ModelName| async move {
        access::by_name(app.store.pool(), &owner, &name).await
    };
    let exact = if let Ok(id) = name.parse::<Uuid>() {
        Some(ModelId::from_untyped_uuid(id))
    } else if let Some((owner, short)) = name.split_once('/') {
        match (owner.parse(), short.parse()) {
            (Ok(owner), Ok(short)) => by_owner(owner, short).await?,
            _ => None,
        }
    } else if let Ok(short) = name.parse::<ModelName>() {
        match by_owner(user.name.clone(), short.clone()).await? {
            Some(own) => Some(own),
            None => visible(app, session, &short).await?,
        }
    } else {
        None
    };
    let model = exact.ok_or_else(|| model_not_found(name))?;
    Ok((model, access::level(pool, model, user.id).await?))
}

async fn visible(app: &App, session: &Session, name: &ModelName) -> Result<Option<ModelId>, Error> {
    let superuser = actor(session).superuser;
    let models = access::visible(app.store.pool(), session.user.id, superuser).await?;
    let mut named = models.into_iter().filter(|model| model.name == *name);
    match (named.next(), named.next()) {
        (Some(one), Some(_)) => Err(Error::bad_request(format!(
            "model {:?} is ambiguous: say whose, such as {}/{}",
            name.as_str(),
            one.owner,
            one.name
        ))),
        (one, _) => Ok(one.map(|one| one.model)),
    }
}
