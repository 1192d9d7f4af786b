//! Charms: received, judged, then stored and added to the model.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::HeaderMap;
use lazuli_api::{CharmAdded, CharmInfo, CharmList, Code, WriteQuery};
use lazuli_model::charm::Charm;
use lazuli_model::charm::archive::{Limits, ZipFiles};
use lazuli_model::id::{CharmId, GenericUuid as _, ModelId};
use lazuli_model::state::CharmRevision;
use lazuli_store::desired::NewCharm;
use lazuli_store::{Actor, blobs};
use sha2::{Digest as _, Sha256};
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use super::sources;
use crate::app::App;
use crate::change::Refusal;
use crate::error::Error;
use crate::extract::{Conditions, InModel, Query, Shown, Write};
use crate::mutate::{json, written};

/// An upload that is slower than this is given up.
const UPLOAD: Duration = Duration::from_secs(30 * 60);
/// Nothing for so long, and an upload is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Lists a model's charms.
#[utoipa::path(get, path = "/models/{model}/charms", tag = "charms",
    responses((status = 200, body = CharmList)))]
pub(super) async fn list_charms(Shown(loaded): Shown) -> Result<Json<CharmList>, Error> {
    let mut charms: Vec<&CharmRevision> = loaded.state.charms().collect();
    charms.sort_by(|a, b| (&a.name, a.revision).cmp(&(&b.name, b.revision)));
    let charms = charms.into_iter().map(info).collect();
    Ok(Json(CharmList { charms }))
}

/// Uploads a charm's archive. The same archive again keeps its revision.
#[utoipa::path(post, path = "/models/{model}/charms", tag = "charms", params(WriteQuery),
    request_body(content = Vec<u8>, content_type = "application/zip"),
    responses((status = 201, body = CharmAdded)))]
pub(super) async fn add_charm(
    State(app): State<App>,
    scope: InModel<Write>,
    conditions: Conditions,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let _place = app
        .uploads
        .take(scope.session.user.id)
        .ok_or_else(|| Error::busy("other charms are being uploaded: try again soon", 2))?;
    let largest = app.settings.largest_charm;
    let archive = receive(&headers, body.into_data_stream(), largest).await?;
    let place = (
        scope.model,
        scope.session.user.name.to_string(),
        conditions.generation,
    );
    let added = add(&app, place, archive, query.dry_run).await?;
    let body = serde_json::to_vec(&added)
        .map_err(|error| Error::Bug(format!("an answer cannot be written: {error}")))?;
    Ok(json(sources::status(&added), added.written, body))
}

/// Adds an archive to a model, for a user, at a generation, as a local charm.
pub(super) async fn add(
    app: &App,
    (model, user, generation): (ModelId, String, Option<u64>),
    archive: Vec<u8>,
    dry_run: bool,
) -> Result<CharmAdded, Error> {
    let archive: Arc<[u8]> = archive.into();
    let charm = Arc::new(judge(Arc::clone(&archive), app).await?);
    let answer = |at, charm| CharmAdded {
        written: at,
        charm,
        notices: Vec::new(),
    };
    if dry_run {
        let sha256 = hex::encode(Sha256::digest(&archive));
        let cached = app.cache.get(model).await?;
        let mut all = cached.state.charms();
        let there = all.find(|row| row.sha256 == sha256 && is_local(row));
        return Ok(answer(None, there.map_or_else(|| foreseen(&charm), info)));
    }
    let sha256 = store(app, archive).await?;
    let cached = app.cache.get(model).await?;
    let mut all = cached.state.charms();
    let there = all.find(|row| row.sha256 == sha256 && is_local(row));
    if let Some(row) = there {
        return Ok(answer(None, info(row)));
    }
    drop(all);
    drop(cached);
    let mut edit = app.store.edit(model, generation, Actor::User(user)).await?;
    let id = CharmId::from_untyped_uuid(Uuid::now_v7());
    let new = NewCharm {
        id,
        name: charm.meta.name.to_string(),
        sha256,
        charm,
    };
    let row = edit.add_charm(new).await?;
    if row.id != id {
        return Ok(answer(None, info(&row)));
    }
    let committed = edit.commit().await?;
    Ok(answer(Some(written(committed.position)), info(&row)))
}

fn is_local(row: &CharmRevision) -> bool {
    row.url.starts_with("local:")
}

/// Reads a body into memory, up to a limit.
async fn receive(
    headers: &HeaderMap,
    mut body: BodyDataStream,
    largest: u64,
) -> Result<Vec<u8>, Error> {
    let too_large = || {
        Error::problem(
            Code::TooLarge,
            format!("a charm has {largest} bytes at most"),
        )
    };
    let announced = headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > largest) {
        return Err(too_large());
    }
    let broke = || Error::bad_request("the upload broke off: send it again");
    let receiving = async {
        let mut archive = Vec::new();
        loop {
            let chunk = timeout(SILENCE, body.next()).await.map_err(|_| broke())?;
            let Some(chunk) = chunk else {
                return Ok(archive);
            };
            let chunk = chunk.map_err(|_| broke())?;
            if (archive.len() + chunk.len()) as u64 > largest {
                return Err(too_large());
            }
            archive.extend_from_slice(&chunk);
        }
    };
    timeout(UPLOAD, receiving).await.map_err(|_| broke())?
}

/// Checks an archive and reads what it says, on a thread of its own.
pub(super) async fn judge(archive: Arc<[u8]>, app: &App) -> Result<Charm, Error> {
    let largest = app.settings.largest_charm;
    let judging = move || {
        let limits = Limits {
            archive: largest,
            ..Limits::default()
        };
        let files = ZipFiles::open(archive, &limits)
            .map_err(|error| Refusal::invalid(format!("this is no charm: {error}")))?;
        Charm::parse(&files, "").map_err(|error| Refusal::invalid(error.to_string()))
    };
    let judged = tokio::task::spawn_blocking(judging).await;
    let judged = judged.map_err(|source| Error::Task {
        doing: "reading a charm",
        source,
    })?;
    Ok(judged?)
}

/// Stores an archive; its hex sha-256.
pub(super) async fn store(app: &App, archive: Arc<[u8]>) -> Result<String, Error> {
    let length = archive.len() as u64;
    let chunks = (0..archive.len()).step_by(blobs::CHUNK).map(move |start| {
        let end = archive.len().min(start + blobs::CHUNK);
        Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(&archive[start..end]))
    });
    let blob = blobs::put(app.store.pool(), stream::iter(chunks), length, None).await?;
    Ok(blob.sha256)
}

pub(super) fn info(row: &CharmRevision) -> CharmInfo {
    CharmInfo {
        url: row.url.clone(),
        name: row.name.clone(),
        revision: row.revision,
        sha256: row.sha256.clone(),
        subordinate: row.charm.meta.subordinate,
        bases: row.charm.bases().iter().map(ToString::to_string).collect(),
    }
}

/// What a dry run can say of an archive that the model does not have: the
/// revision is given when it is written.
fn foreseen(charm: &Charm) -> CharmInfo {
    CharmInfo {
        url: format!("local:{}", charm.meta.name),
        name: charm.meta.name.to_string(),
        revision: 0,
        sha256: String::new(),
        subordinate: charm.meta.subordinate,
        bases: charm.bases().iter().map(ToString::to_string).collect(),
    }
}
