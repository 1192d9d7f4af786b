//! Requests about a model as a whole: to look at it, or to change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use http::header::ETAG;
use http::{Method, StatusCode};
use lazuli_api::{RelationQuery, Removal, SecretRemoval, Unexpose, WriteQuery};
use lazuli_store::Loaded;
use lazuli_store::uploads::{self, Upload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::who::Level;
use super::{Body, Conditions, InModel, Query, Read};
use crate::app::App;
use crate::change::{Draft, Refusal};
use crate::error::Error;
use crate::mutate::{How, write};

/// A model as it is, for a user who may look at it.
pub(crate) struct Shown(pub(crate) Arc<Loaded>);

impl Shown {
    /// A document about the model, under the ETag that writes compare.
    pub(crate) fn tagged(&self, document: impl Serialize) -> Response {
        let tag = format!("\"g{}\"", self.0.position.generation);
        ([(ETAG, tag)], Json(document)).into_response()
    }
}

impl FromRequestParts<App> for Shown {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let scope = InModel::<Read>::from_request_parts(parts, app).await?;
        Ok(Self(app.cache.get(scope.model).await?))
    }
}

/// A request to change a model, by a user who may: what is given is a
/// [`Body`], or a [`Query`] alone.
pub(crate) struct Edit<L, G> {
    app: App,
    scope: InModel<L>,
    conditions: Conditions,
    dry_run: bool,
    sha256: Option<[u8; 32]>,
    given: G,
}

impl<L, G: Send + Sync> Edit<L, G> {
    /// What was given.
    pub(crate) fn given(&self) -> &G {
        &self.given
    }

    /// The model.
    pub(crate) fn model(&self) -> lazuli_model::id::ModelId {
        self.scope.model
    }

    /// Keeps no digest of what was given, not even for idempotency keys: it
    /// could be guessed from that.
    pub(crate) fn undigested(self) -> Self {
        Self {
            sha256: None,
            ..self
        }
    }

    /// What was uploaded to the model, of those that ids name; what is no id
    /// names nothing.
    pub(crate) async fn uploads(
        &self,
        ids: impl Iterator<Item = &String> + Send,
    ) -> Result<BTreeMap<Uuid, Upload>, Error> {
        let ids: Vec<Uuid> = ids.filter_map(|id| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(uploads::find(self.app.store.pool(), self.scope.model, &ids).await?)
    }

    /// Makes the change; `status` is the answer's, if it was none before.
    pub(crate) async fn apply(
        self,
        status: StatusCode,
        change: impl FnOnce(&mut Draft<'_>, &G) -> Result<(), Refusal> + Send,
    ) -> Result<Response, Error> {
        let how = How {
            dry_run: self.dry_run,
            conditions: self.conditions,
            sha256: self.sha256,
            status,
        };
        let given = self.given;
        write(&self.app, &self.scope, how, |draft| change(draft, &given)).await
    }
}

impl<L: Level, T: DeserializeOwned> FromRequest<App> for Edit<L, Body<T>> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let scope = InModel::from_request_parts(&mut parts, app).await?;
        let conditions = Conditions::from_request_parts(&mut parts, app).await?;
        let Query(query) = Query::<WriteQuery>::from_request_parts(&mut parts, app).await?;
        // A repeat of anything but a POST is the same as doing it once.
        let once = parts.method == Method::POST;
        let given = Body::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Self {
            app: app.clone(),
            scope,
            conditions,
            dry_run: query.dry_run,
            sha256: once.then_some(given.sha256),
            given,
        })
    }
}

impl<L: Level, T: DeserializeOwned + DryRun> FromRequestParts<App> for Edit<L, Query<T>> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let scope = InModel::from_request_parts(parts, app).await?;
        let conditions = Conditions::from_request_parts(parts, app).await?;
        let given = Query::<T>::from_request_parts(parts, app).await?;
        Ok(Self {
            app: app.clone(),
            scope,
            conditions,
            dry_run: given.0.dry_run(),
            sha256: None,
            given,
        })
    }
}

/// Queries that say of themselves whether to change anything.
pub(crate) trait DryRun {
    /// Whether only to answer what would change.
    fn dry_run(&self) -> bool;
}

macro_rules! dry_run {
    ($($query:ty),+) => {$(
        impl DryRun for $query {
            fn dry_run(&self) -> bool {
                self.dry_run
            }
        }
    )+};
}

dry_run!(RelationQuery, Removal, SecretRemoval, Unexpose);
