//! Charms by name: of the controller's catalogue, and of the charm store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::body::Body as Content;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use lazuli_api::source::{self as api, Choice, FindQuery, NamedAdded, NamedCharm};
use lazuli_api::{CharmAdded, Code, StoreCharmInfo, StoreCharms, WriteQuery};
use lazuli_model::base::Base;
use lazuli_model::id::{CharmId, GenericUuid as _, ModelId};
use lazuli_model::state::{CharmRevision, ModelState, Row};
use lazuli_source::{CharmStore as _, Charmhub, Download, Resolved, SourceError, Wanted};
use lazuli_store::Actor;
use lazuli_store::uploads::{self, Upload};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::resources::{Name, keep};
use super::{charms, source_documents as documents};
use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Caller, Conditions, InModel, Named, Query, Write};
use crate::mutate::{under_lock, written};

/// Looks for charms and bundles in the charm store.
#[utoipa::path(get, path = "/charms", tag = "charms", params(FindQuery),
    responses((status = 200, body = StoreCharms)))]
pub(super) async fn find_charms(
    State(app): State<App>,
    _caller: Caller,
    Query(query): Query<FindQuery>,
) -> Result<Json<StoreCharms>, Error> {
    let found = app.charmhub.find(&query.q).await?;
    let charms = found.iter().map(documents::charm).collect();
    Ok(Json(StoreCharms { charms }))
}

/// Shows what the charm store has of a charm.
#[utoipa::path(get, path = "/charms/{charm}", tag = "charms",
    responses((status = 200, body = StoreCharmInfo)))]
pub(super) async fn show_charm(
    State(app): State<App>,
    _caller: Caller,
    Named(name): Named,
) -> Result<Json<StoreCharmInfo>, Error> {
    let details = app.charmhub.info(&name).await?;
    Ok(Json(documents::info(&details)))
}

/// Downloads the archive of a charm of the store.
#[utoipa::path(get, path = "/charms/{charm}/archive", tag = "charms", params(Choice),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip")))]
pub(super) async fn download_charm(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
    Query(choice): Query<Choice>,
) -> Result<Response, Error> {
    let place = app
        .downloads
        .take(caller.0.user.id)
        .ok_or_else(|| Error::busy("other charms are being downloaded: try again soon", 2))?;
    let wanted = wanted(&name, &choice, BTreeMap::new())?;
    let found = app.charmhub.resolve(&wanted).await?;
    let largest = app.settings.largest_charm;
    let parts = app.charmhub.download(&found.archive, largest).await?;
    let parts = parts.map(move |part| {
        // Held until the last part is sent.
        let _place = &place;
        part
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "application/zip".to_owned()),
        (CONTENT_LENGTH.as_str(), found.archive.size.to_string()),
        ("lazuli-charm-revision", found.revision.to_string()),
        ("lazuli-charm-sha256", found.archive.sha256),
    ];
    Ok((headers, Content::from_stream(parts)).into_response())
}

/// Adds a charm to the model by its name: from the catalogue, else from the
/// store, with the resources that go with it.
#[utoipa::path(post, path = "/models/{model}/charms/named", tag = "charms", params(WriteQuery),
    request_body = NamedCharm, responses((status = 200, body = NamedAdded)))]
pub(super) async fn add_named_charm(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    body: Body<NamedCharm>,
) -> Result<Json<NamedAdded>, Error> {
    let request = body.value;
    let _place = app
        .uploads
        .take(scope.session.user.id)
        .ok_or_else(|| Error::busy("other charms are being added: try again soon", 2))?;
    let to = Target {
        app: &app,
        model: scope.model,
        user: scope.session.user.name.to_string(),
        generation: conditions.generation,
        dry_run: query.dry_run,
    };
    let chosen = request.choice.channel.is_some() || request.choice.revision.is_some();
    let local = match request.from {
        api::From::Store => None,
        api::From::Anywhere if chosen => None,
        api::From::Anywhere | api::From::Catalogue => app.catalogue.find(&request.name),
    };
    if let Some(path) = local {
        return to.local(path).await.map(Json);
    }
    if request.from == api::From::Catalogue {
        let detail = format!(
            "charm {:?} is not in the controller's catalogue",
            request.name
        );
        return Err(Error::problem(Code::NotFound, detail));
    }
    to.store(&request).await.map(Json)
}

/// Where a charm is to go.
struct Target<'a> {
    app: &'a App,
    model: ModelId,
    user: String,
    generation: Option<u64>,
    dry_run: bool,
}

impl Target<'_> {
    /// Adds a charm of the catalogue, which is a local one for the model.
    async fn local(&self, path: PathBuf) -> Result<NamedAdded, Error> {
        let largest = self.app.settings.largest_charm;
        let packing = tokio::task::spawn_blocking(move || lazuli_source::archive(&path, largest));
        let packed = packing.await.map_err(|source| Error::Task {
            doing: "packing a charm",
            source,
        })?;
        let archive = packed.map_err(|error| Error::problem(Code::Invalid, error.to_string()))?;
        let user = self.user.clone();
        let place = (self.model, user, self.generation);
        let added = charms::add(self.app, place, archive, self.dry_run).await?;
        Ok(NamedAdded {
            added,
            origin: "local".to_owned(),
            channel: None,
            base: None,
            resources: BTreeMap::new(),
        })
    }

    /// Adds a charm of the store.
    async fn store(&self, request: &NamedCharm) -> Result<NamedAdded, Error> {
        let cached = self.app.cache.get(self.model).await?;
        let hub = hub(self.app, &cached.state)?;
        let wanted = wanted(&request.name, &request.choice, request.resources.clone())?;
        let found = hub.resolve(&wanted).await?;
        if found.kind == "bundle" {
            let detail = format!(
                "{:?} is a bundle of the store: download it, and deploy the file",
                found.name
            );
            return Err(Error::problem(Code::NotSupported, detail));
        }
        let url = url(&found);
        let there = cached.state.charms().find(|row| row.url == url);
        let added = match there {
            Some(row) => CharmAdded {
                written: None,
                charm: charms::info(row),
                notices: Vec::new(),
            },
            None => self.fetch(&hub, &found, url).await?,
        };
        let resources = match self.dry_run {
            true => BTreeMap::new(),
            false => {
                self.resources(&hub, &cached.state, &found, &request.without)
                    .await?
            }
        };
        Ok(NamedAdded {
            added,
            origin: "charmhub".to_owned(),
            channel: Some(found.channel.to_string()),
            base: found.base.map(|base| base.to_string()),
            resources,
        })
    }

    async fn fetch(
        &self,
        hub: &Charmhub,
        found: &Resolved,
        url: String,
    ) -> Result<CharmAdded, Error> {
        let archive = download(hub, &found.archive, self.app.settings.largest_charm).await?;
        let charm = Arc::new(charms::judge(Arc::clone(&archive), self.app).await?);
        if charm.meta.name.as_str() != found.name {
            let detail = format!(
                "the store's charm {:?} calls itself {:?}",
                found.name,
                charm.meta.name.as_str()
            );
            return Err(Error::problem(Code::Invalid, detail));
        }
        let row = CharmRevision {
            id: CharmId::from_untyped_uuid(Uuid::now_v7()),
            url,
            name: found.name.clone(),
            revision: found.revision,
            sha256: found.archive.sha256.to_ascii_lowercase(),
            charm,
        };
        let answer = |row: &CharmRevision, at| CharmAdded {
            written: at,
            charm: charms::info(row),
            notices: Vec::new(),
        };
        if self.dry_run {
            let mut foreseen = answer(&row, None);
            foreseen.charm.sha256.clear();
            return Ok(foreseen);
        }
        charms::store(self.app, archive).await?;
        let cached = self.app.cache.get(self.model).await?;
        let actor = Actor::User(self.user.clone());
        let edit = self.app.store.edit(self.model, self.generation, actor);
        let mut edit = edit.await?;
        let loaded = under_lock(&mut edit, cached).await?;
        if let Some(there) = loaded.state.charms().find(|other| other.url == row.url) {
            return Ok(answer(there, None));
        }
        edit.put(Row::Charm(row.clone()));
        let committed = edit.commit().await?;
        Ok(answer(&row, Some(written(committed.position))))
    }

    /// Fetches the files that go with a charm. What the model has already is
    /// not fetched again.
    async fn resources(
        &self,
        hub: &Charmhub,
        state: &ModelState,
        found: &Resolved,
        without: &[String],
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut ids = BTreeMap::new();
        for resource in &found.resources {
            if resource.kind != "file" || without.contains(&resource.name) {
                continue;
            }
            let name = Name {
                filename: resource.filename.clone(),
                revision: Some(resource.revision),
                user: self.user.clone(),
            };
            let content = &resource.content;
            let upload = match known(state, content, &name) {
                Some(upload) => {
                    uploads::add(self.app.store.pool(), self.model, &upload).await?;
                    upload
                }
                None => {
                    let largest = self.app.settings.largest_resource;
                    let parts = hub.download(content, largest).await?;
                    let parts = parts.map(|part| part.map_err(|error| error.to_string()));
                    let limits = (largest, Some(content.sha256.as_str()));
                    keep(self.app, self.model, parts, limits, name).await?
                }
            };
            ids.insert(resource.name.clone(), upload.id.to_string());
        }
        Ok(ids)
    }
}

/// The upload that a resource of the model stands for, if it is the same
/// content.
fn known(state: &ModelState, content: &Download, name: &Name) -> Option<Upload> {
    let mut all = state
        .applications()
        .flat_map(|row| state.resources_of(row.id));
    let same = all.find(|row| row.sha256.eq_ignore_ascii_case(&content.sha256))?;
    Some(Upload {
        id: Uuid::now_v7(),
        blob: lazuli_store::blobs::Blob {
            sha256: same.sha256.clone(),
            size: same.size,
        },
        fingerprint: same.fingerprint.clone(),
        filename: name.filename.clone(),
        revision: name.revision,
        user: name.user.clone(),
    })
}

/// The store that a model's charms come from (`charmhub-url`).
fn hub(app: &App, state: &ModelState) -> Result<Charmhub, Error> {
    let own = state.model().config.get("charmhub-url");
    Ok(match own.filter(|url| !url.is_empty()) {
        Some(url) => app.charmhub.at(url)?,
        None => app.charmhub.clone(),
    })
}

fn wanted(name: &str, choice: &Choice, resources: BTreeMap<String, u32>) -> Result<Wanted, Error> {
    let invalid = |detail: String| Error::problem(Code::Invalid, detail);
    let plain = |text: &str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !plain(name) {
        return Err(invalid(format!("charm name {name:?} not valid")));
    }
    let channel = choice.channel.as_deref().filter(|text| !text.is_empty());
    let base = choice.base.as_deref().filter(|text| !text.is_empty());
    let channel = channel.map(str::parse).transpose();
    let base = base.map(str::parse).transpose();
    Ok(Wanted {
        name: name.to_owned(),
        channel: channel
            .map_err(|error: lazuli_source::ChannelError| invalid(error.to_string()))?,
        revision: choice.revision,
        base: base.map_err(|error: lazuli_model::base::BaseError| invalid(error.to_string()))?,
        arch: choice.arch.clone(),
        resources,
    })
}

/// Such as `ch:amd64/noble/haproxy-12`.
fn url(found: &Resolved) -> String {
    let (arch, name, revision) = (&found.arch, &found.name, found.revision);
    match found.base.as_ref().and_then(Base::series) {
        Some(series) => format!("ch:{arch}/{series}/{name}-{revision}"),
        None => format!("ch:{arch}/{name}-{revision}"),
    }
}

/// The bytes of an archive, if they are what the store promised.
async fn download(hub: &Charmhub, what: &Download, most: u64) -> Result<Arc<[u8]>, Error> {
    let mut parts = hub.download(what, most).await?;
    let mut archive = Vec::new();
    while let Some(part) = parts.next().await {
        archive.extend_from_slice(&part?);
    }
    let sha256 = hex::encode(Sha256::digest(&archive));
    if sha256.eq_ignore_ascii_case(&what.sha256) {
        return Ok(archive.into());
    }
    let detail = format!(
        "what the charm store sent has the sha-256 {sha256}, and it promised {}: nothing of it \
         is taken",
        what.sha256
    );
    Err(Error::problem(Code::Unreachable, detail))
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        let code = match &error {
            SourceError::NotFound(_) => Code::NotFound,
            SourceError::Unreachable { .. } | SourceError::Odd { .. } => Code::Unreachable,
            SourceError::Slow { .. } => Code::TimedOut,
            SourceError::TooLarge { .. } => Code::TooLarge,
            SourceError::SetUp { .. } | SourceError::Refused { .. } => Code::Invalid,
        };
        let advice = match error.is_transient() {
            true => "; a charm may be deployed from a path, such as ./NAME",
            false => "",
        };
        Self::problem(code, format!("{error}{advice}"))
    }
}

/// The status of a charm that was added.
pub(super) fn status(added: &CharmAdded) -> StatusCode {
    match added.written {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    }
}
