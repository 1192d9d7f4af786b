//! What handlers take from requests, with problems for what is wrong.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, Method, Uri};
use lazuli_api::Code;
use lazuli_model::id::{GenericUuid as _, ModelId};
use lazuli_model::names::{ModelName, UserName};
use lazuli_store::access::{self, Access};
use lazuli_store::tokens;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::app::{App, Session};
use crate::authn::{bearer, hash};
use crate::authz::{Action, Actor, Target, allow};
use crate::error::Error;

/// Bytes of a JSON body.
const LARGEST_BODY: usize = 4 << 20;
/// Bytes of an idempotency key.
const LONGEST_KEY: usize = 255;

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
        let sha256 = hash(token);
        if let Some(session) = app.sessions.get(&sha256) {
            return Ok(Self(session));
        }
        let found = tokens::find(app.store.pool(), &sha256).await?;
        let (token, user) = found.ok_or_else(Error::unauthorized)?;
        let session = Session {
            user,
            token: token.id,
            sha256,
        };
        app.sessions.put(sha256, session.clone());
        Ok(Self(session))
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

/// A JSON body, and a digest of the request for idempotency keys.
pub(crate) struct Body<T> {
    /// What was sent.
    pub(crate) value: T,
    /// Of method, path, query and body.
    pub(crate) sha256: [u8; 32],
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self, Error> {
        check_json(request.headers())?;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = axum::body::to_bytes(request.into_body(), LARGEST_BODY)
            .await
            .map_err(|_| {
                let detail = format!("the body broke off, or is over {LARGEST_BODY} bytes");
                Error::problem(Code::TooLarge, detail)
            })?;
        let sha256 = digest(&method, &uri, &body);
        let value = serde_json::from_slice(&body).map_err(|error| {
            let code = match error.classify() {
                serde_json::error::Category::Data => Code::Invalid,
                _ => Code::BadRequest,
            };
            Error::problem(code, format!("the body cannot be read: {error}"))
        })?;
        Ok(Self { value, sha256 })
    }
}

/// What makes two requests the same.
pub(crate) fn digest(method: &Method, uri: &Uri, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update([0]);
    hash.update(uri.to_string());
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

fn check_json(headers: &HeaderMap) -> Result<(), Error> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    match essence {
        Some("application/json" | "application/merge-patch+json") => Ok(()),
        _ => Err(Error::problem(
            Code::UnsupportedMedia,
            "send the body as application/json",
        )),
    }
}

/// A query, with problems for what is not in it.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        axum::extract::Query::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error: QueryRejection| Error::bad_request(error.body_text()))
    }
}

/// The conditions of a write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// `If-Match`: the generation that the caller saw.
    pub(crate) generation: Option<u64>,
    /// `Idempotency-Key`.
    pub(crate) key: Option<String>,
}

impl FromRequestParts<App> for Conditions {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let text = |name: &str| {
            parts
                .headers
                .get(name)
                .map(|value| {
                    value
                        .to_str()
                        .map_err(|_| Error::bad_request(format!("{name} is not printable ASCII")))
                })
                .transpose()
        };
        let generation = match text(IF_MATCH.as_str())? {
            None | Some("*") => None,
            Some(tag) => Some(generation(tag)?),
        };
        let key = text("idempotency-key")?;
        if key.is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
            return Err(Error::bad_request(format!(
                "an idempotency key has from 1 to {LONGEST_KEY} characters"
            )));
        }
        Ok(Self {
            generation,
            key: key.map(str::to_owned),
        })
    }
}

/// The generation in `"g5"`.
fn generation(tag: &str) -> Result<u64, Error> {
    let inner = tag
        .strip_prefix("\"g")
        .and_then(|tag| tag.strip_suffix('"'));
    inner.and_then(|number| number.parse().ok()).ok_or_else(|| {
        Error::bad_request("If-Match takes the ETag of a write or a document, such as \"g5\"")
    })
}

/// The revisions in `If-None-Match: "r17"`.
pub(crate) fn known_revision(headers: &HeaderMap) -> Option<u64> {
    let tags = headers.get(http::header::IF_NONE_MATCH)?.to_str().ok()?;
    tags.split(',').find_map(|tag| {
        let tag = tag.trim().trim_start_matches("W/");
        let number = tag.strip_prefix("\"r")?.strip_suffix('"')?;
        number.parse().ok()
    })
}
