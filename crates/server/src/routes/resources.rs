//! Resources of applications, and what is uploaded for them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::body::Body as Content;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, StatusCode};
use lazuli_api::{
    AttachResource, Changed, Code, ResourceInfo, ResourceList, UnitResource, UploadQuery, Uploaded,
    WriteQuery,
};
use lazuli_model::charm::{ResourceKind, ResourceSpec};
use lazuli_model::id::ModelId;
use lazuli_model::state::{Application, ModelState, Resource, ResourceOrigin};
use lazuli_store::blobs;
use lazuli_store::uploads::{self, Upload};
use sha2::{Digest as _, Sha384};
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use crate::app::App;
use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, InModel, Named, Query, Shown, Write};

/// An upload that is slower than this is given up.
const UPLOAD: Duration = Duration::from_secs(2 * 3600);
/// Nothing for so long, and an upload is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Uploads a file for a resource. It is kept for a day, unless an application
/// is given it.
#[utoipa::path(post, path = "/models/{model}/uploads", tag = "applications",
    params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Uploaded)))]
pub(super) async fn add_upload(
    State(app): State<App>,
    scope: InModel<Write>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Content,
) -> Result<(StatusCode, Json<Uploaded>), Error> {
    let _place = app
        .transfers
        .take(scope.session.user.id)
        .ok_or_else(|| Error::busy("other files are being uploaded: try again soon", 2))?;
    let largest = app.settings.largest_resource;
    let too_large = || {
        let detail = format!("a resource has {largest} bytes at most");
        Error::problem(Code::TooLarge, detail)
    };
    let announced = headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > largest) {
        return Err(too_large());
    }
    let (_, filename) = query
        .filename
        .rsplit_once('/')
        .unwrap_or(("", &query.filename));
    let named = Name {
        filename: filename.to_owned(),
        revision: None,
        user: scope.session.user.name.to_string(),
    };
    let parts = patient(body.into_data_stream());
    let upload = keep(&app, scope.model, parts, (largest, None), named);
    let upload = timeout(UPLOAD, upload).await.map_err(|_| {
        Error::bad_request("the upload took too long: send it again, over a faster line")
    })??;
    Ok((
        StatusCode::CREATED,
        Json(Uploaded {
            id: upload.id.to_string(),
            sha256: upload.blob.sha256,
            size: upload.blob.size,
        }),
    ))
}

/// What is known of a file beside its content.
pub(super) struct Name {
    pub(super) filename: String,
    pub(super) revision: Option<u32>,
    pub(super) user: String,
}

/// Parts of a body; a pause that is too long ends it.
fn patient<E: std::fmt::Display + Send>(
    parts: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
) -> impl Stream<Item = Result<Bytes, String>> + Send + Unpin {
    Box::pin(futures::stream::unfold(Some(parts), |parts| async move {
        let mut parts = parts?;
        match timeout(SILENCE, parts.next()).await {
            Ok(Some(Ok(part))) => Some((Ok(part), Some(parts))),
            Ok(Some(Err(error))) => Some((Err(error.to_string()), None)),
            Ok(None) => None,
            Err(_) => Some((Err("nothing came for a minute".to_owned()), None)),
        }
    }))
}

/// Stores a stream, in memory no more than a chunk of it, as an upload.
pub(super) async fn keep(
    app: &App,
    model: ModelId,
    parts: impl Stream<Item = Result<Bytes, String>> + Send + Unpin,
    (largest, sha256): (u64, Option<&str>),
    name: Name,
) -> Result<Upload, Error> {
    let hash = Arc::new(Mutex::new(Sha384::new()));
    let seen = Arc::clone(&hash);
    let parts = parts.inspect(move |part| {
        if let Ok(part) = part {
            let mut hash = seen.lock().unwrap_or_else(PoisonError::into_inner);
            hash.update(part);
        }
    });
    let blob = blobs::put(app.store.pool(), parts, largest, sha256).await?;
    let hash = hash.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let upload = Upload {
        id: Uuid::now_v7(),
        blob,
        fingerprint: hex::encode(hash.finalize()),
        filename: name.filename,
        revision: name.revision,
        user: name.user,
    };
    uploads::add(app.store.pool(), model, &upload).await?;
    Ok(upload)
}

/// Lists an application's resources, those that nobody has given among them.
#[utoipa::path(get, path = "/models/{model}/applications/{application}/resources",
    tag = "applications", responses((status = 200, body = ResourceList)))]
pub(super) async fn list_resources(Named(name): Named, shown: Shown) -> Result<Response, Error> {
    let state = &shown.0.state;
    let row = change::application(state, &name)?;
    let list = ResourceList {
        resources: declared(state, row)
            .map(|(name, spec)| info(state, row, name, spec))
            .collect(),
        units: units(state, row),
    };
    Ok(shown.tagged(list))
}

fn declared<'a>(
    state: &'a ModelState,
    row: &Application,
) -> impl Iterator<Item = (&'a String, &'a ResourceSpec)> {
    let charm = state.charm(row.charm);
    charm.into_iter().flat_map(|row| &row.charm.meta.resources)
}

fn info(state: &ModelState, row: &Application, name: &str, spec: &ResourceSpec) -> ResourceInfo {
    let given = state.resource(row.id, name);
    let used = given.is_some_and(|given| {
        let has = |unit: &lazuli_model::state::Unit| {
            let seen = state.unit_resources(unit.id);
            seen.and_then(|seen| seen.fetched.get(name)) == Some(&given.sha256)
        };
        state.units_of(row.id).any(has)
    });
    ResourceInfo {
        name: name.to_owned(),
        kind: match spec.kind {
            ResourceKind::File => "file".to_owned(),
            ResourceKind::OciImage => "oci-image".to_owned(),
        },
        path: spec.filename.clone(),
        description: spec.description.clone(),
        origin: match given.map(|given| &given.origin) {
            Some(ResourceOrigin::Store { .. }) => "store".to_owned(),
            _ => "upload".to_owned(),
        },
        revision: given.and_then(|given| match given.origin {
            ResourceOrigin::Store { revision } => Some(revision),
            ResourceOrigin::Upload { .. } => None,
        }),
        sha256: given.map_or_else(String::new, |given| given.sha256.clone()),
        fingerprint: given.map_or_else(String::new, |given| given.fingerprint.clone()),
        size: given.map_or(0, |given| given.size),
        used,
        at: given.map(|given| given.at),
        username: given.map_or_else(String::new, user),
    }
}

fn user(given: &Resource) -> String {
    match &given.origin {
        ResourceOrigin::Upload { user } => user.clone(),
        ResourceOrigin::Store { .. } => String::new(),
    }
}

fn units(state: &ModelState, row: &Application) -> Vec<UnitResource> {
    let mut units: Vec<_> = state.units_of(row.id).collect();
    units.sort_by(|a, b| a.name.cmp(&b.name));
    let of = |unit: &lazuli_model::state::Unit| {
        let seen = state.unit_resources(unit.id);
        let fetched = seen.map(|seen| seen.fetched.clone()).unwrap_or_default();
        UnitResource {
            unit: unit.name.to_string(),
            fetched,
        }
    };
    units.into_iter().map(of).collect()
}

/// Gives an application a resource: its units run upgrade-charm when that is
/// another content.
#[utoipa::path(put, path = "/models/{model}/applications/{application}/resources/{resource}",
    tag = "applications", params(WriteQuery), request_body = AttachResource,
    responses((status = 200, body = Changed)))]
pub(super) async fn attach_resource(
    path: Path<(String, String, String)>,
    edit: Edit<Write, Body<AttachResource>>,
) -> Result<Response, Error> {
    let (_, application, resource) = path.0;
    let uploads = edit
        .uploads(std::iter::once(&edit.given().value.upload))
        .await?;
    edit.apply(StatusCode::OK, |draft, body| {
        draft.uploads = uploads;
        change::attach(draft, &application, &resource, &body.value.upload)
    })
    .await
}
